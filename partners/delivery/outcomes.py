"""What came of attempts, written down: in the deliveries, and in the endpoints what it tells of their receivers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from hub import outbox
from hub.audit import system_actor
from hub.events.delivery import DeliveryParked
from partners.delivery import schedule, services
from partners.delivery.models import Delivery, WebhookEndpoint
from partners.delivery.transport import Answer

SLOW_S = 2.0  # whose receiver takes longer is slow, until it answers sooner
GONE = 410
NOT_SENT = "not_sent"  # by a mistake of ours
_ACTOR = system_actor("delivery.deliver")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A claimed delivery, the answer to it, and the seconds that it took."""

    row: Delivery
    answer: Answer
    took_s: float


def write(outcomes: Sequence[Outcome], *, late: Mapping[UUID, bool], now: datetime) -> None:
    """Write outcomes, ordered by endpoint. Platform scope.

    `late` are the endpoints that have something on its way for longer than `SLOW_S`, True where that is news.
    """
    groups = {key: list(group) for key, group in groupby(outcomes, key=lambda outcome: outcome.row.endpoint_id)}
    endpoints = _locked({*groups, *(key for key, news in late.items() if news)})
    Delivery.deliver_all(
        [(one.row, one.answer.status) for one in outcomes if one.answer.status and one.answer.delivered]
    )
    for endpoint in endpoints:
        group = groups.get(endpoint.id, [])
        failed = [outcome for outcome in group if not outcome.answer.delivered]
        for outcome in failed:
            _fail(outcome, now)
        if endpoint.state == "active":
            endpoint.note(
                failing_since=_failing_since(endpoint, group, now),
                slow=endpoint.id in late or any(outcome.took_s > SLOW_S for outcome in group),
            )
            _spare(endpoint, failed, now)


def park(row: Delivery, answer: Answer, *, now: datetime) -> None:
    """Give a delivery up, and say so."""
    row.park(status=answer.status, fault=answer.fault or "status")
    event = DeliveryParked(
        row.id, row.institution_id, endpoint_id=row.endpoint_id, event_id=row.event_id, attempts=row.attempts,
        fault=row.last_fault,
    )  # fmt: skip
    outbox.publish(event, actor=_ACTOR, now=now)


def _locked(endpoint_ids: set[UUID]) -> list[WebhookEndpoint]:
    """Lock endpoints in one order and before any delivery, as everywhere: whoever turns one off parks what waits."""
    if not endpoint_ids:
        return []
    return list(WebhookEndpoint.objects.select_for_update().filter(id__in=endpoint_ids).order_by("id"))


def _fail(outcome: Outcome, now: datetime) -> None:
    row, answer = Delivery.held(outcome.row), outcome.answer
    if row is None:
        return
    retry_after = schedule.read_retry_after(answer.retry_after, now=now)
    due = schedule.next_attempt(delivery_id=row.id, attempts=row.attempts, retry_after=retry_after, now=now)
    if answer.status == GONE or due is None:
        park(row, answer, now=now)
    else:
        row.postpone(until=due, status=answer.status, fault=answer.fault or "status")


def _failing_since(endpoint: WebhookEndpoint, group: Sequence[Outcome], now: datetime) -> datetime | None:
    if any(outcome.answer.delivered for outcome in group):
        return None
    theirs = any(outcome.answer.fault != NOT_SENT for outcome in group)
    return endpoint.failing_since or (now if theirs else None)


def _spare(endpoint: WebhookEndpoint, failed: Sequence[Outcome], now: datetime) -> None:
    """Leave a receiver alone that asks for it, or that has taken nothing for days."""
    since = endpoint.failing_since
    if any(outcome.answer.status == GONE for outcome in failed):
        services.disable(endpoint, reason="gone", actor=_ACTOR, now=now)
    elif since and any(
        schedule.given_up(failing_since=since, attempts=outcome.row.attempts, now=now) for outcome in failed
    ):
        services.disable(endpoint, reason="failing", actor=_ACTOR, now=now)
    for outcome in failed if endpoint.state == "active" else ():
        retry_after = schedule.read_retry_after(outcome.answer.retry_after, now=now)
        if pause := schedule.pause(outcome.answer.status, retry_after):
            endpoint.hold(until=now + pause)
