"""What other apps may use of `loans`. Funding and reporting in the institution's scope, outcomes in the platform's."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from hub.audit import Actor
from hub.parsing import convert
from partners.loans import bulk, queries, services
from partners.loans.bulk import ControlTotals, apply_batch
from partners.loans.models import Loan
from partners.loans.outcomes import mature_outcomes
from partners.loans.shapes import NewReport

__all__ = [
    "BatchView",
    "ControlTotals",
    "LoanView",
    "apply_batch",
    "fund",
    "loan_of",
    "mature_outcomes",
    "report",
    "report_in_bulk",
]


@dataclass(frozen=True, slots=True)
class LoanView:
    """A funded loan; `dues` is what falls due when by its contract. `label` is "" until its outcome is known."""

    id: UUID
    institution_id: UUID
    referral_id: UUID
    application_id: UUID
    decision_id: UUID
    currency: str
    principal: Decimal
    state: str
    opened_on: date
    matures_on: date
    dues: tuple[tuple[date, Decimal], ...]
    label: str


@dataclass(frozen=True, slots=True)
class BatchView:
    """A file of reports: how many lines it has, and what became of those that are taken."""

    id: UUID
    lines: int
    recorded: int
    unchanged: int
    problems: int
    done: bool


def fund(*, referral_id: UUID, terms_hash: str, actor: Actor, now: datetime) -> LoanView:
    """Make the loan of a referral, once for ever; refusals as of `POST /referrals/{id}/funding`. Tenant scope."""
    return _view(services.fund(referral_id=referral_id, terms_hash=terms_hash, actor=actor, now=now), "")


def loan_of(*, application_id: UUID) -> LoanView | None:
    """Return the loan of an application, None where none is funded."""
    loan = queries.loans().filter(case_id=application_id).first()
    if loan is None:
        return None
    outcome = queries.outcome_of(loan.id)
    return _view(loan, outcome.label if outcome else "")


def report(*, loan_id: UUID, report: Mapping[str, Any], actor: Actor, now: datetime) -> None:
    """Take one report, written as the body of `POST /loans/{id}/reports`. Tenant scope."""
    services.report(loan_id=loan_id, new=convert(dict(report), NewReport), actor=actor, now=now)


def report_in_bulk(
    *, institution_id: UUID, content: bytes, format_: str, totals: ControlTotals, actor: Actor, now: datetime
) -> BatchView:
    """Receive a file of reports ("ndjson" or "csv"); `apply_batch` or the next task takes its lines. Tenant scope."""
    batch = bulk.receive(
        institution_id=institution_id, content=content, format_=format_, totals=totals, actor=actor, now=now
    )
    return BatchView(batch.id, batch.lines, batch.recorded, batch.unchanged, batch.problems, done=False)


def _view(loan: Loan, label: str) -> LoanView:
    return LoanView(
        id=loan.id,
        institution_id=loan.institution_id,
        referral_id=loan.referral_id,
        application_id=loan.case_id,
        decision_id=loan.decision_id,
        currency=loan.currency,
        principal=loan.principal,
        state=loan.state,
        opened_on=loan.opened_on,
        matures_on=loan.matures_on,
        dues=tuple(loan.dues),
        label=label,
    )
