"""From the event log to deliveries: one for each event and each endpoint that asked for its type."""

from collections import defaultdict
from datetime import datetime
from uuid import UUID

import msgspec
from django.db import transaction

from hub.outbox import OutboxEvent
from partners.delivery.models import Delivery, FeedCursor, WebhookEndpoint
from partners.delivery.queries import UNSENT, event_view

_TESTED = "webhook_endpoint.tested"


@transaction.atomic
def feed(*, now: datetime, limit: int = 500) -> int:
    """Make the deliveries of the next events behind the cursor; return how many events were read. Platform scope.

    The log is read by position, so nothing is left out, and read by one at a time, the cursor with the deliveries, so
    nothing comes twice.
    """
    cursor = FeedCursor.take()
    if cursor is None:
        return 0
    rows = list(OutboxEvent.objects.filter(position__gt=cursor.position).order_by("position")[:limit])
    if not rows:
        return 0
    endpoints = _endpoints({row.institution_id for row in rows if row.institution_id is not None})
    Delivery.insert([_delivery(endpoint, row, now) for row in rows for endpoint in _listeners(row, endpoints)])
    assert rows[-1].position is not None
    cursor.advance(rows[-1].position)
    return len(rows)


def _endpoints(institution_ids: set[UUID]) -> dict[UUID, list[WebhookEndpoint]]:
    # Locked, so that one which is being disabled gets no delivery after its waiting ones were parked.
    active = WebhookEndpoint.objects.select_for_update(no_key=True).filter(state="active")
    found: defaultdict[UUID, list[WebhookEndpoint]] = defaultdict(list)
    for endpoint in active.filter(institution_id__in=institution_ids).order_by("id"):
        found[endpoint.institution_id].append(endpoint)
    return found


def _listeners(row: OutboxEvent, endpoints: dict[UUID, list[WebhookEndpoint]]) -> list[WebhookEndpoint]:
    mine = endpoints.get(row.institution_id, []) if row.institution_id is not None else []
    if row.type == _TESTED:
        return [endpoint for endpoint in mine if endpoint.id == row.subject_id]
    return [] if row.subject_type in UNSENT else [endpoint for endpoint in mine if endpoint.wants(row)]


def _delivery(endpoint: WebhookEndpoint, row: OutboxEvent, now: datetime) -> Delivery:
    return Delivery.prepare(endpoint, row, body=msgspec.json.encode(event_view(row)), now=now)
