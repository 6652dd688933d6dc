"""Reads of the event log, of endpoints and of deliveries."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Count, Max, Min, QuerySet

from hub import events
from hub.clock import now
from hub.errors import NotFound
from hub.metrics import Gauge
from hub.outbox import OutboxEvent
from hub.parsing import Moment
from partners.delivery.models import Delivery, WebhookEndpoint

UNSENT = frozenset(("webhook_endpoint", "delivery", "key_rotation"))
"""What tells of webhooks themselves stands in the log only: else a failing webhook would make more of them.
The rotation of keys is no institution's."""
_OWN = ("subject_id", "institution_id")  # they stand beside `data`, or are the reader's own


class EventView(msgspec.Struct, frozen=True):
    """An event as the log and the webhooks tell it: the same bytes in both."""

    id: UUID
    type: str
    position: int
    sequence: int
    subject_type: str
    subject_id: UUID
    created_at: Moment
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EndpointView:
    """A webhook endpoint as others see it: never its secrets."""

    id: UUID
    url: str
    description: str
    event_types: list[str]
    state: str
    disabled_reason: str
    created_at: Moment


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One event on its way to one endpoint. `due_at` is the next attempt, null where none will come by itself."""

    id: UUID
    endpoint_id: UUID
    event_id: UUID
    event_type: str
    state: str
    attempts: int
    due_at: Moment | None
    attempted_at: Moment | None
    last_status: int | None
    last_fault: str
    created_at: Moment


def event_types() -> list[str]:
    """Every type that an endpoint may ask for."""
    return sorted(name for name, kind in events.known_types().items() if name and kind.SUBJECT not in UNSENT)


def events_after(*, institution_id: UUID, position: int, limit: int) -> list[EventView]:
    """Return the institution's events behind a position, in order.

    Positions are given after the commit, so whatever appears later appears behind everything that was read.
    """
    rows = OutboxEvent.objects.filter(institution_id=institution_id, position__gt=position).order_by("position")
    return [event_view(row) for row in rows[:limit]]


def last_position(*, institution_id: UUID) -> int:
    """Return the position of the institution's newest event in the log, 0 where it has none."""
    found = OutboxEvent.objects.filter(institution_id=institution_id).aggregate(last=Max("position"))
    return found["last"] or 0


def endpoints_of(institution_id: UUID) -> QuerySet[WebhookEndpoint]:
    """Return the endpoints of an institution that were not removed."""
    return WebhookEndpoint.objects.filter(institution_id=institution_id).exclude(state="removed")


def endpoint(*, endpoint_id: UUID) -> EndpointView:
    """Return one endpoint of the open scope; `NotFound` where there is none."""
    return endpoint_view(live_endpoint(endpoint_id))


def live_endpoint(endpoint_id: UUID) -> WebhookEndpoint:
    """Return the row of an endpoint that was not removed; `NotFound` where there is none."""
    row = WebhookEndpoint.objects.filter(id=endpoint_id).exclude(state="removed").first()
    if row is None:
        raise NotFound("There is no such webhook endpoint.")
    return row


def delivery(*, delivery_id: UUID) -> DeliveryView:
    """Return one delivery of the open scope; `NotFound` where there is none."""
    row = Delivery.objects.defer("body").filter(id=delivery_id).first()
    if row is None:
        raise NotFound("There is no such delivery.")
    return delivery_view(row)


def deliveries_of(institution_id: UUID, **narrowed: Any) -> QuerySet[Delivery]:
    """Return the deliveries of an institution, without their bodies."""
    return Delivery.objects.filter(institution_id=institution_id, **narrowed).defer("body")


def gauges() -> Iterator[Gauge]:
    """Count what is not delivered, and tell how long the oldest of it has waited. Platform scope."""
    moment = now()
    for state in ("waiting", "parked"):
        found = Delivery.objects.filter(state=state).aggregate(count=Count("id"), oldest=Min("created_at"))
        age = max((moment - (found["oldest"] or moment)).total_seconds(), 0.0)
        yield Gauge("webhooks", "Webhooks that are not delivered.", found["count"], {"state": state})
        yield Gauge("webhooks_oldest_seconds", "Age of the oldest of them.", age, {"state": state})


def event_view(row: OutboxEvent) -> EventView:
    """Make the view of an event that has its position."""
    assert row.position is not None
    assert row.sequence is not None
    data = {name: value for name, value in row.payload.items() if name not in _OWN}
    return EventView(
        id=row.id, type=row.type, position=row.position, sequence=row.sequence, subject_type=row.subject_type,
        subject_id=row.subject_id, created_at=row.created_at, data=data,
    )  # fmt: skip


def endpoint_view(row: WebhookEndpoint) -> EndpointView:
    """Make the view of a row."""
    return EndpointView(
        id=row.id, url=row.url, description=row.description, event_types=row.event_types, state=row.state,
        disabled_reason=row.disabled_reason, created_at=row.created_at,
    )  # fmt: skip


def delivery_view(row: Delivery) -> DeliveryView:
    """Make the view of a row."""
    return DeliveryView(
        id=row.id, endpoint_id=row.endpoint_id, event_id=row.event_id, event_type=row.event_type, state=row.state,
        attempts=row.attempts, due_at=row.due_at if row.state == "waiting" else None, attempted_at=row.attempted_at,
        last_status=row.last_status, last_fault=row.last_fault, created_at=row.created_at,
    )  # fmt: skip
