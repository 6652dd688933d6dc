"""Business actions on institutions and their clients. All of them run in the platform's scope."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from oauth2_provider.models import get_access_token_model

from hub import outbox
from hub.audit import Actor
from hub.errors import Conflict, FieldError, Invalid, NotFound
from hub.events import (
    ClientIssued,
    ClientKeysReplaced,
    ClientLimited,
    ClientRevoked,
    ClientSecretRotated,
    InstitutionOnboarded,
    InstitutionResumed,
    InstitutionSuspended,
    SandboxClockAdvanced,
)
from hub.sandbox import SandboxClock
from partners.institutions import policies, queries
from partners.institutions.keys import public_jwks
from partners.institutions.models import Client, Institution, UsedAssertion
from partners.institutions.queries import ClientView, ClockView, InstitutionView

NAME_MAX = 120
FORGET_AT_ONCE = 10_000
LIMIT_MAX = 1_000_000_000
SECRET_OVERLAP = timedelta(hours=24)


@transaction.atomic
def onboard_institution(
    *, name: str, jurisdiction: str, sandbox_of: UUID | None = None, actor: Actor, now: datetime
) -> InstitutionView:
    """Open an institution, or with `sandbox_of` a sandbox of that live one.

    `Invalid` for the name or the jurisdiction (ISO 3166-1 alpha-2), `Conflict` for a name that is taken.
    """
    live = _locked(sandbox_of) if sandbox_of else None
    if live is not None and live.is_sandbox:
        raise Conflict("A sandbox has no sandbox of its own.")
    if not re.fullmatch(r"[A-Z]{2}", jurisdiction):
        raise Invalid([FieldError("/jurisdiction", "wrong_format", "Send two capital letters, such as HK.")])
    name = _checked_name(name)
    if Institution.objects.filter(name=name).exists():
        raise Conflict("An institution of this name exists.")
    made = Institution.open(name=name, jurisdiction=jurisdiction, live=live, now=now)
    outbox.publish(InstitutionOnboarded(made.id, made.id, sandbox=made.is_sandbox), actor=actor, now=now)
    return queries.institution_view(made)


@transaction.atomic
def suspend_institution(*, institution_id: UUID, actor: Actor, now: datetime) -> None:
    """Keep all clients of an institution out; their tokens are dead at once. Safe to repeat."""
    institution = _locked(institution_id)
    if institution.is_active:
        institution.set_active(False)
        outbox.publish(InstitutionSuspended(institution.id, institution.id), actor=actor, now=now)


@transaction.atomic
def resume_institution(*, institution_id: UUID, actor: Actor, now: datetime) -> None:
    """Let the clients of a suspended institution in again. Safe to repeat."""
    institution = _locked(institution_id)
    if not institution.is_active:
        institution.set_active(True)
        outbox.publish(InstitutionResumed(institution.id, institution.id), actor=actor, now=now)


@transaction.atomic
def issue_client(
    *,
    institution_id: UUID,
    name: str,
    method: str,
    scopes: Sequence[str],
    jwks: object = None,
    actor: Actor,
    now: datetime,
) -> tuple[ClientView, str]:
    """Issue a client; return it with its secret, which is shown this once ("" where it signs with keys).

    `method` is "client_secret" (a sandbox's alone, no `jwks`) or "private_key_jwt" (`jwks` a set of public keys).
    `Invalid` names what will not do, `Conflict` where the institution is suspended.
    """
    institution = _locked(institution_id)
    policies.check_may_issue(institution, method)
    if method == Client.SECRET and jwks:
        raise Invalid([FieldError("/jwks", "unknown_field", "A client with a secret has no keys.")])
    client, secret = Client.issue(
        institution=institution,
        name=_checked_name(name),
        method=method,
        scopes=policies.check_scopes(scopes),
        jwks=public_jwks(jwks) if method == Client.KEY else {},
    )
    outbox.publish(ClientIssued(client.id, institution.id, method=method), actor=actor, now=now)
    return queries.client_view(client), secret


@transaction.atomic
def replace_client_keys(*, client_id: str, jwks: object, actor: Actor, now: datetime) -> ClientView:
    """Let a client sign with these public keys (RFC 7517) and no others: send old and new ones to let them overlap.

    `Invalid` names what will not do, `Conflict` where the client has a secret or is revoked. Tokens live on.
    """
    client = _locked_client(client_id)
    if client.method != Client.KEY or client.revoked_at is not None:
        raise Conflict("Only a client that signs in with keys, and is not revoked, has keys to replace.")
    client.replace_keys(public_jwks(jwks))
    view = queries.client_view(client)
    outbox.publish(ClientKeysReplaced(client.id, client.institution_id, key_ids=view.key_ids), actor=actor, now=now)
    return view


@transaction.atomic
def rotate_client_secret(*, client_id: str, actor: Actor, now: datetime) -> tuple[ClientView, str]:
    """Give a sandbox's client a new secret, shown this once; the one before it is good for a day more.

    `Conflict` where the client has keys or is revoked.
    """
    client = _locked_client(client_id)
    if client.method != Client.SECRET or client.revoked_at is not None:
        raise Conflict("Only a client that signs in with a secret, and is not revoked, has one to rotate.")
    secret = client.rotate_secret(until=now + SECRET_OVERLAP)
    outbox.publish(ClientSecretRotated(client.id, client.institution_id), actor=actor, now=now)
    return queries.client_view(client), secret


@transaction.atomic
def revoke_client(*, client_id: str, actor: Actor, now: datetime) -> None:
    """End a client: its tokens are dead at once, new ones are refused. Safe to repeat."""
    client = _locked_client(client_id)
    if client.revoked_at is None:
        client.revoke(now=now)
        outbox.publish(ClientRevoked(client.id, client.institution_id), actor=actor, now=now)


@transaction.atomic
def limit_client(
    *, client_id: str, per_minute: int | None, per_day: int | None, actor: Actor, now: datetime
) -> ClientView:
    """Give a client limits of its own, of requests to the API; None for those of all others. Good within seconds.

    `Invalid` unless each is at least 1.
    """
    given = {"per_minute": per_minute, "per_day": per_day}
    wrong = [name for name, limit in given.items() if limit is not None and not 1 <= limit <= LIMIT_MAX]
    if wrong:
        raise Invalid([FieldError(f"/{name}", "out_of_range", f"From 1 to {LIMIT_MAX}, or nothing.") for name in wrong])
    client = Client.objects.select_for_update().filter(client_id=client_id).first()
    if client is None:
        raise NotFound()
    client.limit(per_minute=per_minute, per_day=per_day)
    event = ClientLimited(client.id, client.institution_id, per_minute=per_minute, per_day=per_day)
    outbox.publish(event, actor=actor, now=now)
    return queries.client_view(client)


@transaction.atomic
def advance_clock(
    *, institution_id: UUID, advance_days: int | None, to: date | None, actor: Actor, now: datetime
) -> ClockView:
    """Move the clock of a sandbox forward by days, or to a day at the same time; `now` is the system's.

    `NotFound` for a live institution, `Invalid` unless one of the two is given, the day is a later one, and the clock
    stays within its limit.
    """
    if not queries.get_institution(institution_id=institution_id).sandbox:
        raise NotFound()
    if (advance_days is None) == (to is None):
        raise Invalid([FieldError("", "one_of_two", "Send either advance_days or to.")])
    clock = SandboxClock.locked(institution_id)
    present = now + timedelta(days=clock.offset_days)
    days = (to - present.date()).days if to is not None else advance_days or 0
    place = "/to" if to is not None else "/advance_days"
    if days < 1:
        raise Invalid([FieldError(place, "not_later", f"The clock shows {present.date()}, and never goes back.")])
    if clock.offset_days + days > SandboxClock.OFFSET_DAYS_MAX:
        raise Invalid([FieldError(place, "too_far", f"It goes {SandboxClock.OFFSET_DAYS_MAX} days ahead at most.")])
    clock.advance(days)
    event = SandboxClockAdvanced(institution_id, institution_id, days=days, offset_days=clock.offset_days)
    outbox.publish(event, actor=actor, now=present + timedelta(days=days))
    return ClockView(present + timedelta(days=days), clock.offset_days)


@transaction.atomic
def forget_expired(*, now: datetime) -> int:
    """Delete access tokens and used assertions that have expired, some thousands at a time; returns how many."""
    tokens = get_access_token_model().objects
    count = 0
    for rows, moment in ((tokens, "expires"), (UsedAssertion.objects, "expires_at")):
        expired = rows.filter(**{f"{moment}__lt": now}).values_list("pk", flat=True)[:FORGET_AT_ONCE]
        count += rows.filter(pk__in=list(expired)).delete()[0]
    return count


def _locked(institution_id: UUID) -> Institution:
    institution = Institution.objects.select_for_update().filter(id=institution_id).first()
    if institution is None:
        raise NotFound()
    return institution


def _locked_client(client_id: str) -> Client:
    client: Client | None = Client.objects.select_for_update().filter(client_id=client_id).first()
    if client is None:
        raise NotFound()
    return client


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= NAME_MAX or not name.isprintable():
        raise Invalid([FieldError("/name", "wrong_format", f"Send a name of 1 to {NAME_MAX} characters.")])
    return name
