"""What a borrower can do until lenders come in: start, agree, answer, prove a number, come back. Platform scope."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from acquisition.journey import code_limits, codes, queries, texts
from acquisition.journey.answers import STEPS
from acquisition.journey.errors import Blocked, wrong
from acquisition.journey.models import Application, Borrower, OneTimeCode, phone_indexes
from hub import consent, outbox
from hub.audit import Actor
from hub.crypto import lock_number
from hub.errors import NotFound
from hub.events import ApplicationProved, ApplicationResumed, ApplicationStarted
from partners.institutions import facade as institutions

_LOCK = "SELECT pg_advisory_xact_lock(%s)"


def borrower_actor(person_id: UUID) -> Actor:
    """The borrower as the one who acts, by the number of his key."""
    return Actor("person", str(person_id))


def check_world(*, sandbox_id: UUID | None) -> None:
    """Raise `NotFound` unless this is the live world (None) or an active sandbox."""
    if sandbox_id is None:
        return
    found = institutions.get_institution(institution_id=sandbox_id)
    if not found.sandbox or not found.is_active:
        raise NotFound()


@transaction.atomic
def start_application(*, sandbox_id: UUID | None, language: str, now: datetime) -> UUID:
    """Open an empty application in the live world, or in that of one sandbox; `NotFound` where it is no sandbox."""
    check_world(sandbox_id=sandbox_id)
    made = Application.start(sandbox_id=sandbox_id, language=language, now=now)
    payload = ApplicationStarted(made.id, None, sandbox_id=sandbox_id)
    outbox.publish(payload, actor=borrower_actor(made.person_id), now=now)
    return made.id


@transaction.atomic
def give_consent(*, application_id: UUID, language: str, now: datetime, hard: bool = False) -> None:
    """Note the consent to be scored, and with `hard` that to hard inquiries.

    The ledger gets the first, with this moment, once we know who gave it, the second as sources are to be asked.
    """
    application = locked(application_id)
    application.check_draft()
    if not application.consent_version:
        application.keep_consent(version=texts.version(texts.SCORING, language), now=now)
    if hard and not application.hard_version:
        application.keep_hard_consent(version=texts.version(texts.HARD, language), now=now)


@transaction.atomic
def save_answers(*, application_id: UUID, step: str, answers: Mapping[str, Any], language: str, now: datetime) -> None:
    """Keep the answers of one step. `Invalid` names what will not do, `Blocked` where it was sent off already."""
    application = locked(application_id)
    application.check_draft()
    if not application.consent_version:
        raise Blocked(Blocked.STEP_FIRST, "The consent comes first.")
    if step not in STEPS:
        raise NotFound("There is no such step.")
    application.keep_draft(application.draft().answered(step, answers), language=language, now=now)


@transaction.atomic
def send_code(*, application_id: UUID, phone: str, now: datetime, address: str = "") -> None:
    """Send a code to the number (E.164) that the borrower says is his; `address` asks for it. `CodesRefused`."""
    application = locked(application_id)
    application.check_draft()
    if application.borrower_id is not None:
        raise Blocked(Blocked.SENT, "The number of this application was proved already.")
    if not application.consent_version:
        raise Blocked(Blocked.STEP_FIRST, "The consent comes first.")
    codes.send(application=application, phone=phone, address=address, now=now)
    application.keep_phone(phone, now=now)


def prove_phone(*, application_id: UUID, digits: str, now: datetime) -> UUID:
    """Check the code; the application is that person's from now on. Return the borrower. Safe to repeat.

    `Invalid` for a wrong or spent code: let the transaction live on then, for the attempt is counted in it.
    """
    application = locked(application_id)
    if application.borrower_id is not None:
        return application.borrower_id
    phone = application.pending_phone()
    if not phone:
        raise wrong("code", "code_spent", "Ask for a code first.")
    codes.check(application=application, phone=phone, digits=digits, now=now)
    return _give_to_borrower(application, phone, now)


@transaction.atomic
def _give_to_borrower(application: Application, phone: str, now: datetime) -> UUID:
    borrower = _borrower(application, phone, now)
    actor = borrower_actor(borrower.person_id)
    given = consent.give(
        person_id=borrower.person_id, purpose=consent.CREDIT_SCORING, recipient=consent.PLATFORM,
        text_version=application.consent_version, reference=f"application|{application.id}", actor=actor, now=now,
    )  # fmt: skip
    application.belong_to(borrower, consent_id=given, now=now)
    payload = ApplicationProved(application.id, None, person_id=borrower.person_id)
    outbox.publish(payload, actor=actor, now=now)
    return borrower.id


def _borrower(application: Application, phone: str, now: datetime) -> Borrower:
    world, forms = application.sandbox_id, phone_indexes(application.sandbox_id, phone)
    with connection.cursor() as cursor:  # two who prove one number at once become one borrower
        cursor.execute(_LOCK, [~lock_number(forms)])  # a lock of its own beside that of the codes
    known = Borrower.objects.select_related("person").filter(sandbox_id=world, phone_index__in=forms).first()
    if known is not None and known.person.erased_at is None:
        return known
    if known is not None:
        known.forget()
    return Borrower.enrol(sandbox_id=world, person=application.person, phone=phone, now=now)


@transaction.atomic
def send_resume_code(*, application_id: UUID, now: datetime, address: str = "") -> None:
    """Send a code to the proved number of an application, for opening it on another device; as for `send_code`."""
    application = locked(application_id)
    codes.send(application=application, phone=_proved(application).phone(), address=address, now=now)


def resume(*, application_id: UUID, digits: str, now: datetime) -> UUID:
    """Check the code for another device; return the borrower. As for `prove_phone`, a refusal must not roll back."""
    application = locked(application_id)
    borrower = _proved(application)
    codes.check(application=application, phone=borrower.phone(), digits=digits, now=now)
    payload = ApplicationResumed(application.id, None, person_id=borrower.person_id)
    outbox.publish(payload, actor=borrower_actor(borrower.person_id), now=now)
    return borrower.id


def _proved(application: Application) -> Borrower:
    if application.borrower is None or application.borrower.phone_index is None:
        raise NotFound("There is no number to send a code to.")
    return application.borrower


def forget_person(*, person_id: UUID) -> None:
    """Drop the telephone number of a person whose keys were destroyed, wherever it stands. Safe to repeat."""
    for borrower in Borrower.objects.select_for_update().filter(person_id=person_id):
        borrower.forget()
        OneTimeCode.forget(borrower)


def forget_code_counts(*, now: datetime) -> None:
    """Delete the counts of one-time codes of days that are over. Safe to repeat."""
    code_limits.forget_old(now=now)


def locked(application_id: UUID) -> Application:
    """Lock and return an application; `NotFound` where there is none."""
    found = queries.locked_application(application_id)
    if found is None:
        raise NotFound("There is no such application.")
    if found.person.erased_at is not None:
        raise NotFound("This application was erased.")
    return found
