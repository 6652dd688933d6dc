"""Sends what is due: rows are leased, sent side by side outside any transaction, and the outcomes written in groups.

Nobody waits for a slow receiver: as messages are settled others take their places, and those that take long have places
of their own (see `claiming`).
"""

import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

import structlog
from django.db.models import Q

from partners.delivery import outcomes, schedule, signing
from partners.delivery.models import Delivery, WebhookSecret
from partners.delivery.outcomes import SLOW_S, Outcome
from partners.delivery.transport import Answer, Outgoing, Transport

QUICK = 64  # messages on their way at once to endpoints that answer soon
SLOW = 64  # and to the others
PER_ENDPOINT = 8
LEASE = timedelta(seconds=60)  # far above the deadline of one message
LOOK_S = 0.2  # how long a step waits where nothing happens
Scope = Callable[[], AbstractContextManager[None]]
Clock = Callable[[], datetime]
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Attempt:
    row: Delivery
    began_s: float
    slow: bool


class Sender:
    """Keeps messages on their way. Only the thread that calls `step` speaks to the database, in a `scope` each time.

    Whoever falls between sending and writing has sent for nothing: the lease ends and the same message goes again.
    """

    def __init__(self, *, scope: Scope, clock: Clock, transport: Transport, until_s: float = float("inf")) -> None:
        """After `until_s` (monotonic seconds) it comes to its end, as soon as that holds up nobody."""
        self.attempts = 0
        self._scope, self._clock, self._transport, self._until_s = scope, clock, transport, until_s
        self._on_way: dict[Future[tuple[Answer, float]], _Attempt] = {}
        self._pool = ThreadPoolExecutor(max_workers=QUICK + SLOW)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def step(self) -> bool:
        """Write what is settled, send what is due and has a place, wait a moment; False where nothing is on its way."""
        settled, late = self._settled(), self._late()
        quick, slow = self._room()
        with self._scope():
            outcomes.write(settled, late=late, now=self._clock())
            claimed = _claim(quick=quick, slow=slow, now=self._clock()) if quick or slow else []
        for row, outgoing in claimed:
            future = self._pool.submit(_send, self._transport, outgoing)
            self._on_way[future] = _Attempt(row, time.monotonic(), row.endpoint.slow)
        self.attempts += len(claimed)
        if self._on_way:
            wait(self._on_way, timeout=LOOK_S, return_when=FIRST_COMPLETED)
        return bool(self._on_way)

    def _settled(self) -> list[Outcome]:
        done = [future for future in self._on_way if future.done()]
        found = [Outcome(self._on_way.pop(future).row, *future.result()) for future in done]
        if found:
            log.info("webhooks_sent", attempts=len(found), delivered=sum(one.answer.delivered for one in found))
        return sorted(found, key=lambda outcome: (outcome.row.endpoint_id, outcome.row.id))

    def _late(self) -> dict[UUID, bool]:
        """Return the endpoints that have not answered for long; True for those that were not known as slow."""
        before_s = time.monotonic() - SLOW_S
        found: dict[UUID, bool] = {}
        for attempt in self._on_way.values():
            if attempt.began_s < before_s:
                found[attempt.row.endpoint_id] = not attempt.slow or found.get(attempt.row.endpoint_id, False)
                attempt.slow = True
        return found

    def _room(self) -> tuple[int, int]:
        """Return how many may be sent to quick endpoints, and to slow ones."""
        slow = [attempt for attempt in self._on_way.values() if attempt.slow]
        room = min(QUICK + len(slow), QUICK + SLOW) - len(self._on_way)
        if time.monotonic() <= self._until_s:
            return max(room, 0), max(SLOW - len(slow), 0)
        return max(room, 0) if any(attempt.began_s < self._until_s for attempt in slow) else 0, 0


def send_due(*, scope: Scope, clock: Clock, transport: Transport) -> int:
    """Send until nothing is due; return how many attempts that were. Outside any scope."""
    with Sender(scope=scope, clock=clock, transport=transport) as sender:
        while sender.step():
            pass
    return sender.attempts


def _send(transport: Transport, outgoing: Outgoing) -> tuple[Answer, float]:
    """Return what came of a message, and the seconds that it took."""
    began_s = time.monotonic()
    try:
        answer = transport(outgoing)
    except Exception as error:  # noqa: BLE001 - the other messages have their answers
        log.error("webhook_not_sent", kind=type(error).__name__)
        answer = Answer(None, outcomes.NOT_SENT)
    return answer, time.monotonic() - began_s


def _claim(*, quick: int, slow: int, now: datetime) -> list[tuple[Delivery, Outgoing]]:
    rows = Delivery.claim(lease=LEASE, each=PER_ENDPOINT, quick=quick, slow=slow, now=now)
    secrets = _secrets({row.endpoint_id for row in rows}, now=now)
    found = []
    for row in rows:
        if row.attempts > schedule.ATTEMPTS_MAX:  # its senders fell each time before they could write
            outcomes.park(row, Answer(None, "never_settled"), now=now)
        elif row.endpoint_id in secrets:  # else it is being removed, and its deliveries are parked
            found.append((row, _outgoing(row, secrets[row.endpoint_id], now)))
    return found


def _secrets(endpoint_ids: set[UUID], *, now: datetime) -> dict[UUID, list[str]]:
    found: defaultdict[UUID, list[str]] = defaultdict(list)
    if endpoint_ids:
        valid = WebhookSecret.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), endpoint_id__in=endpoint_ids)
        for secret in valid.order_by("-created_at", "-id"):
            found[secret.endpoint_id].append(secret.reveal())
    return dict(found)


def _outgoing(row: Delivery, secrets: list[str], now: datetime) -> Outgoing:
    body = bytes(row.body)
    headers = signing.headers(secrets=secrets, message_id=str(row.event_id), at=now, body=body)
    return Outgoing(row.endpoint.url, row.endpoint.rules, headers, body)
