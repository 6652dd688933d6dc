"""Events out and in: written with the change, positioned by one relay after the commit, handed to each subscriber once.

`position` is given only to rows that are committed, by one relay at a time, so a poller that reads past a position
can miss nothing before it. A subscriber's effect and its inbox row commit together, so it happens once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, models, transaction
from django.utils.module_loading import import_string

from hub import audit, events
from hub.db.quick import New
from hub.ids import uuid7

ATTEMPTS_MAX = 5
RELAYED_AT_ONCE = 500
_RELAY_LOCK = 0x6C756F70_01
log = structlog.get_logger(__name__)


class OutboxEvent(models.Model):
    """One event. `position` orders all events, `sequence` those of one subject of one institution, without gaps."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(null=True, editable=False)
    type = models.CharField(max_length=40, editable=False)
    subject_type = models.CharField(max_length=40, editable=False)
    subject_id = models.UUIDField(editable=False)
    payload = models.JSONField(editable=False)
    created_at = models.DateTimeField(editable=False)
    position = models.BigIntegerField(null=True, unique=True, editable=False)
    sequence = models.PositiveIntegerField(null=True, editable=False)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                "institution_id", "subject_id", "sequence", name="hub_outboxevent_sequence", nulls_distinct=False,
                condition=models.Q(sequence__isnull=False),
            )
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["id"], name="hub_outboxevent_waiting", condition=models.Q(position__isnull=True)),
            models.Index(fields=["institution_id", "position"], name="hub_outboxevent_log"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class InboxEntry(models.Model):
    """One event for one subscriber: waiting, done, or parked after five failures and shown to the operators."""

    WAITING: ClassVar[str] = "waiting"
    DONE: ClassVar[str] = "done"
    PARKED: ClassVar[str] = "parked"

    id = models.BigAutoField(primary_key=True)
    event = models.ForeignKey(OutboxEvent, on_delete=models.PROTECT, related_name="inbox")
    subscriber = models.CharField(max_length=120)
    state = models.CharField(max_length=10, default=WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    fault = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name_plural = "inbox entries"
        constraints = [models.UniqueConstraint(fields=["event", "subscriber"], name="hub_inboxentry_once")]
        indexes = [
            models.Index(fields=["due_at"], name="hub_inboxentry_due", condition=models.Q(state="waiting")),
        ]

    def __str__(self) -> str:
        return f"{self.subscriber} {self.state}"

    def settle(self) -> None:
        """Mark it done, in the transaction of the effect."""
        self.state = self.DONE
        self.save(update_fields=["state"])

    def fail(self, error: Exception, *, now: datetime) -> None:
        """Count the failure; park at the fifth. The kind of error is kept, its text may hold personal data."""
        self.attempts += 1
        self.fault = type(error).__name__
        self.due_at = now + timedelta(seconds=5 * 4**self.attempts)
        self.state = self.PARKED if self.attempts >= ATTEMPTS_MAX else self.WAITING
        self.save(update_fields=["attempts", "fault", "due_at", "state"])

    def wait(self, *, now: datetime) -> None:
        """Let it be tried again from the first attempt on."""
        self.state, self.attempts, self.due_at = self.WAITING, 0, now
        self.save(update_fields=["state", "attempts", "due_at"])


def publish(payload: events.Payload, *, actor: audit.Actor, now: datetime, before: Sequence[models.Model] = ()) -> UUID:
    """Append the event and its audit row to the open transaction; return the event's id.

    `before` are new rows that the event tells of, appended in the same round trip.
    """
    body, event_id = payload.body(), uuid7()
    event = New(
        OutboxEvent,
        {
            "id": event_id, "institution_id": payload.institution_id, "type": payload.TYPE,
            "subject_type": payload.SUBJECT, "subject_id": payload.subject_id, "payload": body, "created_at": now,
            "position": None, "sequence": None,
        },
    )  # fmt: skip
    audit.record(
        actor=actor,
        action=payload.TYPE,
        subject_type=payload.SUBJECT,
        subject_id=payload.subject_id,
        institution_id=payload.institution_id,
        details={name: value for name, value in body.items() if name not in ("subject_id", "institution_id")},
        now=now,
        after=[*before, event],
    )
    return event_id


# IS NOT DISTINCT FROM would read every event: no index serves it.
_POSITION = """
WITH batch AS (
  SELECT id, row_number() OVER (ORDER BY id) AS place,
         row_number() OVER (PARTITION BY institution_id, subject_id ORDER BY id) AS turn
  FROM hub_outboxevent WHERE position IS NULL ORDER BY id LIMIT %s)
UPDATE hub_outboxevent e SET
  position = batch.place + (SELECT coalesce(max(position), 0) FROM hub_outboxevent),
  sequence = batch.turn + coalesce(CASE WHEN e.institution_id IS NULL THEN
    (SELECT max(o.sequence) FROM hub_outboxevent o
     WHERE o.institution_id IS NULL AND o.subject_id = e.subject_id AND o.sequence IS NOT NULL)
  ELSE
    (SELECT max(o.sequence) FROM hub_outboxevent o
     WHERE o.institution_id = e.institution_id AND o.subject_id = e.subject_id AND o.sequence IS NOT NULL)
  END, 0)
FROM batch WHERE e.id = batch.id RETURNING e.id, e.type
"""


def relay(*, now: datetime, limit: int = RELAYED_AT_ONCE) -> int:
    """Give positions to committed events and an inbox entry to each subscriber. Platform scope; returns the count."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_RELAY_LOCK])
        if not cursor.fetchone()[0]:
            return 0  # another relay is at it
        cursor.execute(_POSITION, [limit])
        rows: list[tuple[UUID, str]] = cursor.fetchall()
        subscribers: dict[str, list[str]] = settings.EVENT_SUBSCRIBERS
        InboxEntry.objects.bulk_create(
            [
                InboxEntry(event_id=event_id, subscriber=name, due_at=now)
                for event_id, event_type in rows
                for name in subscribers.get(event_type, [])
            ]
        )
    return len(rows)


def hand_over_one(*, now: datetime) -> bool:
    """Call the subscriber of one due inbox entry; False where none is due. Platform scope."""
    waiting = InboxEntry.objects.select_for_update(skip_locked=True, of=("self",)).select_related("event")
    entry = waiting.filter(state=InboxEntry.WAITING, due_at__lte=now).order_by("due_at", "id").first()
    if entry is None:
        return False
    try:
        with transaction.atomic():
            _call(entry, now)
    except Exception as error:  # noqa: BLE001 - whatever a subscriber raises is counted, never lost
        log.warning("subscriber_failed", subscriber=entry.subscriber, kind=type(error).__name__)
        entry.fail(error, now=now)
    return True


def _call(entry: InboxEntry, now: datetime) -> None:
    handler: Any = import_string(entry.subscriber)
    handler(events.read(entry.event.type, entry.event.payload), now=now)
    entry.settle()
