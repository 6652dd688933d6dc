"""Asking data sources about a borrower, before his application is scored: recorded here, made after the commit."""

from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction

from acquisition.journey import texts
from acquisition.journey.cases import about, telling
from acquisition.journey.errors import Blocked
from acquisition.journey.services import borrower_actor, locked
from hub.audit import Actor
from hub.clock import now as clock_now
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
        asking = scoring.begin_inquiries(about=whom, consent_id=application.consent_id, actor=actor, now=now)
    if asking:
        transaction.on_commit(partial(_make, asking, application.sandbox_id, actor), robust=True)
    return bool(asking)


def _make(asking: scoring.Asking, world: UUID | None, actor: Actor) -> None:
    scoring.make_inquiries(asking, scope=platform_scope, clock=partial(clock_now, world), actor=actor)
