"""Asking data sources about a borrower, before his application is scored: recorded here, made after the commit."""

from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction

from acquisition.journey import texts
from acquisition.journey.cases import about, telling
from acquisition.journey.errors import Blocked
from acquisition.journey.models import Application
from acquisition.journey.services import borrower_actor, locked
from hub import consent
from hub.audit import Actor
from hub.clock import now as clock_now
from hub.errors import Conflict
from hub.tenancy import platform_scope
from risk.scoring import facade as scoring


@transaction.atomic
def ask_sources(*, application_id: UUID, now: datetime) -> bool:
    """Begin what is to be asked about the borrower before his application is scored; False where that is nothing.

    Where it is True the sources are asked once this transaction has ended, and the borrower is to send the same again.
    `Blocked` where his consent holds no longer.
    """
    application = locked(application_id)
    whom = about(application)
    if whom is None or application.consent_id is None or not texts.names_sources(application.consent_version):
        return False
    if application.state != "draft" or application.draft().missing():
        return False
    actor = borrower_actor(application.person_id)
    with telling(Blocked.NOT_NOW):
        asking = scoring.begin_inquiries(
            about=whom, consent_id=application.consent_id, hard_consent_id=_hard_consent(application, actor, now),
            actor=actor, now=now,
        )  # fmt: skip
    if asking:
        transaction.on_commit(partial(_make, asking, application.sandbox_id, actor), robust=True)
    return bool(asking)


def offers_hard(*, sandbox: bool) -> bool:
    """Tell whether borrowers are to be asked for their consent to hard inquiries."""
    return scoring.asks_hard(sandbox=sandbox)


def _hard_consent(application: Application, actor: Actor, now: datetime) -> UUID | None:
    """Return the consent to hard inquiries, which the first call puts into the ledger; None where none was given."""
    if not application.hard_version:
        return None
    try:
        return consent.give(
            person_id=application.person_id, purpose=consent.HARD_INQUIRY, recipient=consent.PLATFORM,
            text_version=application.hard_version, reference=f"application|{application.id}|hard", actor=actor,
            now=now,
        )  # fmt: skip
    except Conflict:
        return None  # he took it back


def _make(asking: scoring.Asking, world: UUID | None, actor: Actor) -> None:
    scoring.make_inquiries(asking, scope=platform_scope, clock=partial(clock_now, world), actor=actor)
