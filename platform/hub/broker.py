"""Celery's broker on PostgreSQL: a kombu transport whose queues are the rows of one table.

A message is claimed by pushing its `visible_at` into the future (the lease), which a thread renews while the message
is in hand, and deleted when its task is done. Consumers sleep until a NOTIFY, an acknowledgement, the next due time
or `polling_interval`. Delivery is at least once. The clock of leases and of due times is the database's.
"""

import threading
from contextlib import suppress
from queue import Empty
from typing import Any

import psycopg
from kombu.log import get_logger
from kombu.transport import virtual
from kombu.utils.json import dumps, loads

from hub.broker_session import Session

logger = get_logger(__name__)

# A consumer's write that is lost in a crash of the server costs a second delivery, which is allowed anyway: so those
# statements do not wait for the disk, by a setting that ends with their own transaction. Inserts and parking do wait.
_NO_WAIT = "set_config('synchronous_commit', 'off', true)"
_LEASE = "now() + make_interval(secs => %(lease_s)s)"
_MINE = "id = %(id)s AND deliveries = %(delivery)s"  # the number of the delivery is the proof that the lease is ours
INSERT = """
INSERT INTO hub_brokermessage (queue, body, visible_at) VALUES (%s, %s, coalesce(%s::timestamptz, now()))"""
# Never in the transaction of an insert: NOTIFY lets one commit pass at a time, disk write included.
RING = f"SELECT {_NO_WAIT}, pg_notify(%s, '')"
_CLAIM = f"""
UPDATE hub_brokermessage SET deliveries = deliveries + 1, visible_at = {_LEASE}
WHERE id = (SELECT id FROM hub_brokermessage WHERE queue = %(queue)s AND visible_at <= now()
            ORDER BY visible_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, deliveries, body, {_NO_WAIT}"""
_RENEW = f"""
UPDATE hub_brokermessage m SET visible_at = {_LEASE}
FROM unnest(%(ids)s::bigint[], %(deliveries)s::int[]) AS held (id, delivery)
WHERE m.id = held.id AND m.deliveries = held.delivery RETURNING {_NO_WAIT}"""
_DELETE = f"DELETE FROM hub_brokermessage WHERE {_MINE} RETURNING {_NO_WAIT}"
_FREE = f"UPDATE hub_brokermessage SET visible_at = now() WHERE {_MINE} RETURNING {_NO_WAIT}"
# An orderly stop is no fault of the message: it does not count as a delivery.
_GIVE_BACK = f"""
UPDATE hub_brokermessage SET visible_at = now(), deliveries = deliveries - 1
WHERE {_MINE} RETURNING {_NO_WAIT}"""
_PARK = f"""
WITH gone AS (DELETE FROM hub_brokermessage WHERE {_MINE} RETURNING queue, body, enqueued_at)
INSERT INTO hub_brokerdead (queue, body, enqueued_at, deliveries, reason)
SELECT queue, body, enqueued_at, %(runs)s, %(reason)s FROM gone"""
_SECONDS_TO_NEXT = """
SELECT extract(epoch FROM min(first.visible_at) - now())::float8 FROM unnest(%s::text[]) AS mine (queue)
CROSS JOIN LATERAL (SELECT m.visible_at FROM hub_brokermessage m WHERE m.queue = mine.queue
                    ORDER BY m.visible_at LIMIT 1) AS first"""
_SHORTEST_PAUSE_S = 0.01


def doorbell(queue: str) -> str:
    """Return the NOTIFY channel that wakes the consumers of `queue`."""
    return f"broker.{queue}"


class Leases(virtual.QoS):
    """The messages in hand of one channel: at most `prefetch_count`, their leases renewed by a thread."""

    def __init__(self, channel: "Channel", prefetch_count: int = 0) -> None:
        """Start with no message in hand, hence with no thread."""
        super().__init__(channel, prefetch_count)
        self._session = channel.session
        self._lease_s = channel.visibility_timeout
        self._held: set[str] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def append(self, message: Any, delivery_tag: str) -> None:
        """Take a claimed message in hand."""
        super().append(message, delivery_tag)
        self._held.add(delivery_tag)
        if self._thread is None:
            self._thread = threading.Thread(target=self._renew_until_stopped, name="broker leases", daemon=True)
            self._thread.start()

    def ack(self, delivery_tag: str) -> None:
        """Delete the message: its task is done."""
        self._settle(delivery_tag, _DELETE)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Free the message for another delivery, or park it."""
        self._settle(delivery_tag, _FREE if requeue else _PARK)

    def restore_unacked_once(self, stderr: Any = None) -> None:  # noqa: ARG002  # kombu's signature
        """Give back what is in hand as the channel closes, uncounted; what cannot be given back lapses by itself."""
        self._on_collect.cancel()
        self._stop.set()
        held, self._held = self._held, set()
        with suppress(psycopg.Error):
            for tag in held:
                self._session.execute(_GIVE_BACK, _key(tag))

    def _settle(self, tag: str, statement: str) -> None:
        self._held.discard(tag)
        try:
            key = _key(tag)
            self._session.execute(statement, {**key, "runs": key["delivery"], "reason": "rejected"})
        finally:
            # Where the statement fails the slot must be free all the same, or a full worker asks for nothing any more.
            self._quick_ack(tag)
            self._session.ring()

    def _renew_until_stopped(self) -> None:
        while not self._stop.wait(self._lease_s / 3):
            keys = [_key(tag) for tag in self._held.copy()]
            ids, deliveries = [key["id"] for key in keys], [key["delivery"] for key in keys]
            try:
                self._session.execute(_RENEW, {"ids": ids, "deliveries": deliveries, "lease_s": self._lease_s})
            except psycopg.Error as error:
                logger.warning("leases not renewed, the messages may be delivered again: %s", type(error).__name__)


class Channel(virtual.Channel):
    """Puts, claims and counts the messages of a queue."""

    QoS = Leases
    body_encoding = "utf-8"  # bodies are JSON: no need to wrap them in base64
    visibility_timeout: float = 60.0  # seconds of a lease
    max_deliveries: int = 5
    django: bool = False  # a message sent inside a transaction of Django's belongs to that transaction
    from_transport_options = (  # type: ignore[assignment]  # longer than the base's
        *virtual.Channel.from_transport_options, "visibility_timeout", "max_deliveries", "django"
    )  # fmt: skip

    @property
    def state(self) -> Any:
        """Exchanges and bindings.

        A connection that turns out to be lost as a queue is declared is renewed there, and the message then given to
        the old channel all the same: this error lets it be given to the new one.
        """
        if self.connection is None:
            raise psycopg.InterfaceError("this channel was closed")
        return self.connection.state

    @property
    def session(self) -> Session:
        """The connection that this channel shares with its transport."""
        session: Session = self.connection.session
        return session

    @property
    def thirsty_queues(self) -> list[str]:
        """The queues that may hand over a message now: none where the prefetch window is full."""
        return list(self._active_queues) if self._consumers and self.qos.can_consume() else []

    def basic_consume(self, queue: str, no_ack: bool, *args: Any, **kwargs: Any) -> None:
        """Consume `queue`, with acknowledgements only."""
        if no_ack:
            raise NotImplementedError("messages of this broker are acknowledged")
        self.session.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(doorbell(queue))))
        super().basic_consume(queue, no_ack, *args, **kwargs)

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        row = (queue, dumps(message), (message.get("headers") or {}).get("eta"))
        if self.django:
            from hub import enlist

            if enlist.joined(row):
                return
        self.session.execute(INSERT, row)
        self.session.execute(RING, (doorbell(queue),))

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:  # noqa: ARG002  # as above
        values = {"queue": queue, "lease_s": self.visibility_timeout}
        while row := self.session.execute(_CLAIM, values).fetchone():
            number, delivery, body = row[:3]
            if delivery <= self.max_deliveries:
                return _message(f"{number}.{delivery}", body)
            runs = {"runs": delivery - 1, "reason": "deliveries"}
            self.session.execute(_PARK, {"id": number, "delivery": delivery, **runs})
            logger.error("message %s of queue %s parked after %s deliveries", number, queue, delivery - 1)
        raise Empty

    def _size(self, queue: str) -> int:
        row = self.session.execute("SELECT count(*) FROM hub_brokermessage WHERE queue = %s", (queue,)).fetchone()
        return int(row[0]) if row else 0

    def _purge(self, queue: str) -> int:
        return self.session.execute("DELETE FROM hub_brokermessage WHERE queue = %s", (queue,)).rowcount


class Transport(virtual.Transport):
    """One connection of kombu. Options: dsn (a function), role, polling_interval (seconds), and those of `Channel`."""

    Channel = Channel
    driver_type = "postgresql"
    driver_name = "psycopg"
    connection_errors = (  # type: ignore[assignment]  # longer than the base's
        *virtual.Transport.connection_errors, psycopg.OperationalError, psycopg.InterfaceError
    )  # fmt: skip
    recoverable_connection_errors = connection_errors
    recoverable_channel_errors = virtual.Transport.channel_errors
    client: Any
    cycle: Any
    session: Session

    def establish_connection(self) -> Any:
        """Connect to the database now, not at the first statement."""
        options = self.client.transport_options
        self.session = Session(options["dsn"](), options.get("role"))
        return super().establish_connection()

    def verify_connection(self, connection: Any) -> bool:  # noqa: ARG002  # kombu's signature
        """Tell whether the connection can be used in this process."""
        return self.session.usable

    def close_connection(self, connection: Any) -> None:
        """Close the channels, which give back what they hold, then the connection."""
        super().close_connection(connection)
        self.session.close()

    def drain_events(self, connection: Any, timeout: float | None = None, **_: Any) -> None:  # noqa: ARG002  # as above
        """Deliver one message, or raise TimeoutError after `timeout` seconds or sooner; None waits for a message.

        It asks the database once, sleeps once and returns: so a worker that was told to stop while it slept looks at
        that before another message is claimed.
        """
        while True:
            with suppress(Empty):
                self.cycle.get(self._deliver)
                return
            pause_s = self._pause_s()
            self.session.wait(pause_s if timeout is None else min(timeout, pause_s))
            if timeout is not None:
                raise TimeoutError

    def _pause_s(self) -> float:
        queues = [queue for channel in self.channels for queue in channel.thirsty_queues]
        row = self.session.execute(_SECONDS_TO_NEXT, (queues,)).fetchone() if queues else None
        due_s: float | None = row[0] if row else None
        longest_s = float(self.polling_interval)
        return longest_s if due_s is None else min(max(due_s, _SHORTEST_PAUSE_S), longest_s)


def _key(tag: str) -> dict[str, int]:
    number, delivery = tag.split(".")
    return {"id": int(number), "delivery": int(delivery)}


def _message(tag: str, body: str) -> dict[str, Any]:
    message: dict[str, Any] = loads(body)
    message["properties"]["delivery_tag"] = tag
    if (message.get("headers") or {}).get("eta"):
        message["headers"]["eta"] = None  # it is due, by the database's clock: the worker shall not wait once more
    return message
