"""What monitoring hears of others: applications and their decisions, lenders' answers, sandboxes."""

from datetime import datetime

from hub.events import CaseOpened, DecisionRecorded, InstitutionOnboarded
from risk.monitoring import services


def note_case(event: CaseOpened, *, now: datetime) -> None:  # noqa: ARG001 - every subscriber gets it
    """Keep which decision an application rests on."""
    services.note_case(application_id=event.subject_id, decision_id=event.decision_id)


def note_answer(event: DecisionRecorded, *, now: datetime) -> None:
    """Keep what a lender decided; `at` is when it was heard, seconds later."""
    if event.institution_id is not None:
        services.note_answer(
            answer_id=event.decision_id, institution_id=event.institution_id, referral_id=event.subject_id,
            application_id=event.application_id, kind=event.kind, now=now,
        )  # fmt: skip


def note_sandbox(event: InstitutionOnboarded, *, now: datetime) -> None:  # noqa: ARG001 - as above
    """Keep which institutions are sandboxes."""
    if event.sandbox:
        services.note_sandbox(institution_id=event.subject_id)
