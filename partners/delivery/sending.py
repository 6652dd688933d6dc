"""Sends what is due: rows are leased, sent side by side outside any transaction, and the outcomes written down."""

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db.models import Q

from hub import outbox
from hub.audit import system_actor
from hub.events.delivery import DeliveryParked
from partners.delivery import schedule, services, signing
from partners.delivery.models import Delivery, WebhookEndpoint, WebhookSecret
from partners.delivery.transport import Answer, Outgoing, Transport

BATCH = 32
PER_ENDPOINT = 8  # so that one slow receiver does not fill a batch
LEASE = timedelta(seconds=60)  # far above the deadline of one message
GONE = 410
Scope = Callable[[], AbstractContextManager[None]]
Clock = Callable[[], datetime]
_ACTOR = system_actor("delivery.deliver")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Attempt:
    row: Delivery
    outgoing: Outgoing


def send_due(*, scope: Scope, clock: Clock, transport: Transport) -> int:
    """Send one batch of due deliveries; return how many. Outside any scope: `scope` opens the platform's for writing.

    Whoever falls between sending and writing has sent for nothing: the lease ends and the same message goes again.
    """
    with scope():
        attempts = _claim(now=clock())
    if not attempts:
        return 0
    with ThreadPoolExecutor(max_workers=len(attempts)) as pool:
        answers = list(pool.map(lambda attempt: _answer(transport, attempt.outgoing), attempts))
    with scope():
        _lock({attempt.row.endpoint_id for attempt in attempts})
        for attempt, answer in zip(attempts, answers, strict=True):
            _settle(attempt.row, answer, now=clock())
    delivered = sum(answer.delivered for answer in answers)
    log.info("webhooks_sent", attempts=len(answers), delivered=delivered)
    return len(answers)


def _answer(transport: Transport, outgoing: Outgoing) -> Answer:
    try:
        return transport(outgoing)
    except Exception as error:  # noqa: BLE001 - the other messages of the batch have their answers
        log.error("webhook_not_sent", kind=type(error).__name__)
        return Answer(None, "not_sent")


def _claim(*, now: datetime) -> list[_Attempt]:
    rows = Delivery.claim(lease=LEASE, each=PER_ENDPOINT, most=BATCH, now=now)
    secrets = _secrets({row.endpoint_id for row in rows}, now=now)
    attempts = []
    for row in rows:
        if row.attempts > schedule.ATTEMPTS_MAX:  # its senders fell each time before they could write
            _park(row, Answer(None, "never_settled"), now)
        elif row.endpoint_id in secrets:  # else it is being removed, and its deliveries are parked
            attempts.append(_Attempt(row, _outgoing(row, secrets[row.endpoint_id], now)))
    return attempts


def _secrets(endpoint_ids: set[UUID], *, now: datetime) -> dict[UUID, list[str]]:
    valid = WebhookSecret.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), endpoint_id__in=endpoint_ids)
    found: defaultdict[UUID, list[str]] = defaultdict(list)
    for secret in valid.order_by("-created_at", "-id"):
        found[secret.endpoint_id].append(secret.reveal())
    return dict(found)


def _outgoing(row: Delivery, secrets: list[str], now: datetime) -> Outgoing:
    body = bytes(row.body)
    headers = signing.headers(secrets=secrets, message_id=str(row.event_id), at=now, body=body)
    return Outgoing(row.endpoint.url, row.endpoint.rules, headers, body)


def _settle(claimed: Delivery, answer: Answer, *, now: datetime) -> None:
    retry_after = schedule.read_retry_after(answer.retry_after, now=now)
    pause = None if answer.delivered else schedule.pause(answer.status, retry_after)
    endpoint = _locked_active(claimed.endpoint_id) if pause or answer.status == GONE else None
    row = Delivery.held(claimed)
    if row is not None and answer.delivered:
        assert answer.status is not None
        row.deliver(status=answer.status)
    elif row is not None:
        _fail(row, answer, retry_after, now)
    if endpoint is not None and answer.status == GONE:
        services.disable(endpoint, reason="gone", actor=_ACTOR, now=now)
    elif endpoint is not None and pause:
        endpoint.hold(until=now + pause)


def _lock(endpoint_ids: set[UUID]) -> None:
    """Lock endpoints in one order and before any delivery, as everywhere: whoever turns one off parks what waits."""
    rows = WebhookEndpoint.objects.select_for_update().filter(id__in=endpoint_ids).order_by("id")
    list(rows.values_list("id", flat=True))


def _locked_active(endpoint_id: UUID) -> WebhookEndpoint | None:
    return WebhookEndpoint.objects.select_for_update().filter(id=endpoint_id, state="active").first()


def _fail(row: Delivery, answer: Answer, retry_after: timedelta | None, now: datetime) -> None:
    due = schedule.next_attempt(delivery_id=row.id, attempts=row.attempts, retry_after=retry_after, now=now)
    if answer.status == GONE or due is None:
        _park(row, answer, now)
    else:
        row.postpone(until=due, status=answer.status, fault=answer.fault or "status")


def _park(row: Delivery, answer: Answer, now: datetime) -> None:
    row.park(status=answer.status, fault=answer.fault or "status")
    event = DeliveryParked(
        row.id, row.institution_id, endpoint_id=row.endpoint_id, event_id=row.event_id, attempts=row.attempts,
        fault=row.last_fault,
    )  # fmt: skip
    outbox.publish(event, actor=_ACTOR, now=now)
