"""What a borrower does about a decision: looks into it, lets a person look again, and goes on once it is lifted.

Platform scope, as `cases`.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from acquisition.journey import cases
from acquisition.journey.cases import telling
from acquisition.journey.errors import Blocked
from acquisition.journey.models import Application
from acquisition.journey.queries import ApplicationView
from acquisition.journey.services import borrower_actor, locked
from risk.scoring import facade as scoring
from risk.scoring.facade import DecisionProof, ReviewView


def may_contest(application: ApplicationView | Application) -> bool:
    """Whether the platform stopped this application: it was declined, or no lender's rules let it through."""
    if application.state == "declined":
        return True
    if application.state != cases.MATCHED:
        return False
    case = cases.case_of(application_id=application.id)
    return case.state == "open" and case.referral is None


def proof_of(*, decision_id: UUID) -> DecisionProof:
    """Take a decision apart, and make it again."""
    return scoring.proof_of(decision_id=decision_id)


def review_of(application: ApplicationView) -> ReviewView | None:
    """Return the review of an application's decision that was not withdrawn, None before there is one."""
    return scoring.review_of(decision_id=application.decision_id) if application.decision_id else None


@transaction.atomic
def ask(*, application_id: UUID, statement: str, language: str, now: datetime) -> None:
    """Ask for a person to look at the refusal again. Safe to repeat: one that is there stays as it is.

    `Invalid` at /statement without a sentence; `Blocked` where nothing was refused, or it was asked for too often.
    """
    application = locked(application_id)
    if application.decision_id is None or not may_contest(application):
        raise Blocked(Blocked.NOT_NOW, "The platform refused nothing here.")
    with telling(Blocked.ASKED_OFTEN):
        scoring.ask_review(
            decision_id=application.decision_id, application_id=application_id, sandbox_id=application.sandbox_id,
            language=language, statement=statement, actor=borrower_actor(application.person_id), now=now,
        )  # fmt: skip


@transaction.atomic
def take_back(*, application_id: UUID, now: datetime) -> None:
    """Take the review back before it is decided. Safe to repeat."""
    application = locked(application_id)
    known = scoring.review_of(decision_id=application.decision_id) if application.decision_id else None
    if known is not None:
        with telling(Blocked.NOT_NOW):
            scoring.withdraw_review(review_id=known.id, actor=borrower_actor(application.person_id), now=now)


@transaction.atomic
def go_on(*, application_id: UUID, now: datetime) -> None:
    """Bring an application to lenders whose refusal a person overturned; look for offers anew where it was there.

    Safe to repeat. `Blocked` where no person overturned it, or another application of the person is open (I11).
    """
    application = locked(application_id)
    if application.state != "declined":
        cases.match_again(application_id=application_id, now=now)
        return
    assert application.decision_id is not None  # a constraint of the table
    with telling(Blocked.NOT_NOW):
        decided = scoring.overridden_application(decision_id=application.decision_id)
        cases.bring_to_lenders(application, decided, now)
