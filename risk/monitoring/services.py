"""What monitoring does: it keeps what it hears, and computes the figures of a line's day once."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from risk.monitoring.models import LenderAnswer, LoanOwner, SandboxTenant, ScoredCase


@transaction.atomic
def note_case(*, application_id: UUID, decision_id: UUID) -> None:
    """Keep which decision an application rests on. Safe to repeat."""
    ScoredCase.note(application_id=application_id, decision_id=decision_id)


@transaction.atomic
def note_answer(
    *, answer_id: UUID, institution_id: UUID, referral_id: UUID, application_id: UUID, kind: str, now: datetime
) -> None:
    """Keep what a lender decided on a referral. Safe to repeat."""
    LenderAnswer.note(
        answer_id=answer_id, institution_id=institution_id, referral_id=referral_id, application_id=application_id,
        kind=kind, at=now,
    )  # fmt: skip


@transaction.atomic
def note_owner(*, loan_id: UUID, institution_id: UUID) -> None:
    """Keep whose a loan is. Safe to repeat."""
    LoanOwner.note(loan_id=loan_id, institution_id=institution_id)


@transaction.atomic
def note_sandbox(*, institution_id: UUID) -> None:
    """Keep that an institution is a sandbox. Safe to repeat."""
    SandboxTenant.note(institution_id=institution_id)
