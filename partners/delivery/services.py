"""Business actions on webhook endpoints and deliveries.

Webhooks live in the time of those who receive them, so `now` is the system's here, for sandboxes too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from hub import outbox
from hub.audit import Actor
from hub.errors import Conflict, FieldError, Invalid
from hub.events.delivery import (
    DeliveryResent,
    WebhookEndpointChanged,
    WebhookEndpointDisabled,
    WebhookEndpointEnabled,
    WebhookEndpointRegistered,
    WebhookEndpointRemoved,
    WebhookEndpointTested,
    WebhookSecretRotated,
)
from partners.delivery import queries, targets
from partners.delivery.models import DESCRIPTION_MAX, Delivery, WebhookEndpoint, WebhookSecret
from partners.delivery.queries import DeliveryView, EndpointView
from partners.delivery.targets import Resolver, Rules, UrlRefused, system_addresses
from partners.institutions import facade as institutions

ENDPOINTS_MAX = 20
OVERLAP = timedelta(hours=24)
RESEND_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Rotated:
    """The new secret, shown this once, and until when the one before it signs as well."""

    endpoint: EndpointView
    secret: str
    previous_expires_at: datetime


@transaction.atomic
def register_endpoint(
    *,
    institution_id: UUID,
    url: str,
    description: str = "",
    event_types: Sequence[str] = (),
    approved_network: str = "",
    resolve: Resolver = system_addresses,
    actor: Actor,
    now: datetime,
) -> tuple[EndpointView, str]:
    """Register an address; return it with its secret, which is shown this once.

    Without event types it is sent every event. `Invalid` names what will not do; a URL is refused unless it is https
    and every address of its name is public, or inside `approved_network`, which only an operator may give.
    """
    institution = institutions.get_institution(institution_id=institution_id)
    if queries.endpoints_of(institution_id).count() >= ENDPOINTS_MAX:
        raise Conflict(f"An institution has at most {ENDPOINTS_MAX} webhook endpoints: remove one first.")
    row = WebhookEndpoint(
        institution_id=institution_id, sandbox=institution.sandbox, url=url,
        description=_checked_description(description), event_types=_checked_types(event_types),
        approved_network=_checked_network(approved_network),
        from_position=queries.last_position(institution_id=institution_id), created_at=now,
    )  # fmt: skip
    _check_url(url, row.rules, resolve)
    row.register()
    secret = WebhookSecret.issue(row, now=now)
    outbox.publish(WebhookEndpointRegistered(row.id, institution_id), actor=actor, now=now)
    return queries.endpoint_view(row), secret


@transaction.atomic
def change_endpoint(
    *,
    endpoint_id: UUID,
    url: str | None = None,
    description: str | None = None,
    event_types: Sequence[str] | None = None,
    state: str | None = None,
    resolve: Resolver = system_addresses,
    actor: Actor,
    now: datetime,
) -> EndpointView:
    """Change what is given; `state` is "active" or "disabled". Safe to repeat. `Invalid`, `NotFound`."""
    if url is not None:
        # Before the lock, which nobody else's webhooks may wait for as long as a name takes to be found.
        _check_new_url(endpoint_id, url, resolve)
    row = WebhookEndpoint.locked(endpoint_id)
    before = (row.url, row.description, row.event_types)
    after = (
        row.url if url is None else url,
        row.description if description is None else _checked_description(description),
        row.event_types if event_types is None else _checked_types(event_types),
    )
    if after != before:
        row.change(url=after[0], description=after[1], event_types=after[2])
        outbox.publish(WebhookEndpointChanged(row.id, row.institution_id), actor=actor, now=now)
    if state == "disabled" and row.state == "active":
        disable(row, reason="asked", actor=actor, now=now)
    if state == "active" and row.state == "disabled":
        row.become("active")
        outbox.publish(WebhookEndpointEnabled(row.id, row.institution_id), actor=actor, now=now)
    return queries.endpoint_view(row)


def disable(row: WebhookEndpoint, *, reason: str, actor: Actor, now: datetime) -> None:
    """Stop sending to a locked endpoint and park what waits for it.

    "asked" by somebody, "gone" (it answered 410), or "failing" (for days it has taken nothing).
    """
    row.become("disabled", reason=reason)
    parked = Delivery.park_all(row, fault="endpoint_disabled")
    event = WebhookEndpointDisabled(row.id, row.institution_id, reason=reason, parked=parked)
    outbox.publish(event, actor=actor, now=now)


@transaction.atomic
def remove_endpoint(*, endpoint_id: UUID, actor: Actor, now: datetime) -> EndpointView:
    """Remove an endpoint with its secrets for good; what waited for it is parked. `NotFound` the second time."""
    row = WebhookEndpoint.locked(endpoint_id)
    row.become("removed")
    WebhookSecret.forget(row)
    parked = Delivery.park_all(row, fault="endpoint_removed")
    outbox.publish(WebhookEndpointRemoved(row.id, row.institution_id, parked=parked), actor=actor, now=now)
    return queries.endpoint_view(row)


@transaction.atomic
def rotate_secret(*, endpoint_id: UUID, actor: Actor, now: datetime) -> Rotated:
    """Make a new secret, shown this once. The one before it signs as well for a day; older ones are out at once."""
    row = WebhookEndpoint.locked(endpoint_id)
    WebhookSecret.retire(row, at=now + OVERLAP, now=now)
    secret = WebhookSecret.issue(row, now=now)
    outbox.publish(WebhookSecretRotated(row.id, row.institution_id), actor=actor, now=now)
    return Rotated(queries.endpoint_view(row), secret, now + OVERLAP)


@transaction.atomic
def send_test(*, endpoint_id: UUID, actor: Actor, now: datetime) -> UUID:
    """Have a `webhook_endpoint.tested` sent to this one endpoint; return the event's id. `Conflict` if disabled."""
    row = WebhookEndpoint.locked(endpoint_id)
    _refuse_unless_active(row)
    return outbox.publish(WebhookEndpointTested(row.id, row.institution_id), actor=actor, now=now)


@transaction.atomic
def resend(*, delivery_id: UUID, actor: Actor, now: datetime) -> DeliveryView:
    """Have a delivery sent again now, with all its attempts: same id, same body. `Conflict` if its endpoint is off."""
    # The endpoint is locked before its delivery, as everywhere.
    _refuse_unless_active(WebhookEndpoint.locked(queries.delivery(delivery_id=delivery_id).endpoint_id))
    row = Delivery.locked(delivery_id)
    _wait_again(row, actor=actor, now=now)
    return queries.delivery_view(row)


@transaction.atomic
def resend_parked(*, endpoint_id: UUID, actor: Actor, now: datetime) -> int:
    """Have the oldest parked deliveries of an endpoint sent again, a thousand at most; return how many."""
    _refuse_unless_active(WebhookEndpoint.locked(endpoint_id))
    parked = Delivery.objects.filter(endpoint_id=endpoint_id, state="parked").order_by("id")
    ids = list(parked.values_list("id", flat=True)[:RESEND_AT_ONCE])
    for delivery_id in ids:
        _wait_again(Delivery.locked(delivery_id), actor=actor, now=now)
    return len(ids)


def _wait_again(row: Delivery, *, actor: Actor, now: datetime) -> None:
    row.wait(now=now)
    event = DeliveryResent(row.id, row.institution_id, endpoint_id=row.endpoint_id, event_id=row.event_id)
    outbox.publish(event, actor=actor, now=now)


def _refuse_unless_active(row: WebhookEndpoint) -> None:
    if row.state != "active":
        raise Conflict("The webhook endpoint is disabled: set its state to active first.")


def _check_new_url(endpoint_id: UUID, url: str, resolve: Resolver) -> None:
    seen = queries.live_endpoint(endpoint_id)
    if url != seen.url:
        _check_url(url, seen.rules, resolve)


def _check_url(url: str, rules: Rules, resolve: Resolver) -> None:
    try:
        targets.addresses(targets.read_url(url, rules), rules, resolve)
    except UrlRefused as error:
        raise Invalid([FieldError("/url", error.code, error.detail)]) from None
    except (OSError, UnicodeError):
        raise Invalid([FieldError("/url", "name_not_found", "The host's name leads to no address now.")]) from None


def _checked_network(text: str) -> str:
    try:
        return str(targets.check_network(text)) if text else ""
    except UrlRefused as error:
        raise Invalid([FieldError("/approved_network", error.code, error.detail)]) from None


def _checked_types(event_types: Sequence[str]) -> list[str]:
    known = queries.event_types()
    faults = [
        FieldError(f"/event_types/{place}", "unknown_event_type", f"Choose among: {', '.join(known)}.")
        for place, name in enumerate(event_types)
        if name not in known
    ]
    if faults:
        raise Invalid(faults)
    return sorted(set(event_types))


def _checked_description(description: str) -> str:
    text = " ".join(description.split())
    if len(text) > DESCRIPTION_MAX or not text.isprintable():
        detail = f"Send at most {DESCRIPTION_MAX} printable characters."
        raise Invalid([FieldError("/description", "wrong_format", detail)])
    return text
