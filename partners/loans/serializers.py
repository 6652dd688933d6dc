"""What the endpoints of loans and of files of reports take and answer."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, cast
from uuid import UUID

import msgspec

from hub.money import DIGITS
from partners.loans.life import Report
from partners.loans.models import BatchProblem, Loan, Outcome, PerformanceBatch, PerformanceReport
from partners.loans.shapes import Amount, Due

LoanState = Literal["active", "closed", "charged_off", "sold", "rescinded"]
OutcomeLabel = Literal["good", "bad", "indeterminate", "excluded"]


class FundingBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The hash of the terms that were signed: the loan is made of exactly these."""

    terms_hash: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]


class LoanAnswer(msgspec.Struct):
    """A funded loan. Its outcome is looked at from `matures_on` on."""

    id: UUID
    referral_id: UUID
    application_id: UUID
    product_id: UUID
    state: LoanState
    currency: str
    principal: Amount
    annual_rate_percent: str
    months: int
    fee_upfront: Amount
    terms_hash: str
    opened_on: date
    matures_on: date
    created_at: datetime


class LoanPage(msgspec.Struct):
    """One page of loans; `next` is the address of the next one, or null."""

    items: list[LoanAnswer]
    next: str | None


class InstalmentAnswer(msgspec.Struct):
    """An instalment of the contract; `balance` is the principal that is left after it."""

    due_on: date
    due: Amount
    principal: Amount
    interest: Amount
    balance: Amount


class ReportAnswer(msgspec.Struct):
    """A report as it was taken. `in_force` is false once another one corrects it."""

    id: UUID
    loan_id: UUID
    sequence: int
    kind: str
    as_of: date
    amount: Amount | None
    paid_total: Amount | None
    corrects: int | None
    confirmed_fraud: bool
    schedule: list[Due]
    in_force: bool
    reported_at: datetime


class ReportPage(msgspec.Struct):
    """Some of the reports, in the order in which they came; `next` is the address of more, or null."""

    items: list[ReportAnswer]
    next: str | None


class OutcomeAnswer(msgspec.Struct):
    """How a loan turned out; `revision` counts the corrections."""

    label: OutcomeLabel
    max_days_past_due: int
    definition_version: int
    window_months: int
    revision: int
    observed_on: date


class LoanDetailAnswer(LoanAnswer):
    """A loan with its schedule, its reports and its outcome; days past due as of today by what was reported."""

    days_past_due: int
    schedule: list[InstalmentAnswer]
    reports: ReportPage
    outcome: OutcomeAnswer | None


class LineProblem(msgspec.Struct):
    """Why a line was not taken; `field` is null where it is the whole line."""

    line: int
    field: str | None
    code: str
    detail: str


class LineProblemPage(msgspec.Struct):
    """Some of the problems, in the order of the file; `next` is the address of more, or null."""

    items: list[LineProblem]
    next: str | None


class BatchAnswer(msgspec.Struct):
    """A file of reports as a job. Of its `lines`, `recorded` were new, `unchanged` known, `refused` not taken."""

    id: UUID
    state: Literal["queued", "running", "done"]
    percent: int
    sha256: str
    lines: int
    recorded: int
    unchanged: int
    refused: int
    created_at: datetime
    finished_at: datetime | None


class BatchDetailAnswer(BatchAnswer):
    """A file of reports with what was wrong with its lines; a line without a problem was taken."""

    problems: LineProblemPage


def _loan_fields(loan: Loan) -> dict[str, Any]:
    return {
        "id": loan.id,
        "referral_id": loan.referral_id,
        "application_id": loan.case_id,
        "product_id": loan.product_id,
        "state": cast(LoanState, loan.state),
        "currency": loan.currency,
        "principal": _money(loan.principal, loan.currency),
        "annual_rate_percent": f"{loan.annual_rate_percent:.4f}",
        "months": loan.months,
        "fee_upfront": _money(loan.fee_upfront, loan.currency),
        "terms_hash": loan.terms_hash,
        "opened_on": loan.opened_on,
        "matures_on": loan.matures_on,
        "created_at": loan.created_at,
    }


def loan_answer(loan: Loan) -> LoanAnswer:
    """Return a loan as the API shows it in lists."""
    return LoanAnswer(**_loan_fields(loan))


def loan_detail(loan: Loan, *, days_past_due: int, reports: ReportPage, outcome: Outcome | None) -> LoanDetailAnswer:
    """Return a loan as the API shows it by itself."""
    return LoanDetailAnswer(
        **_loan_fields(loan),
        days_past_due=days_past_due,
        schedule=[InstalmentAnswer(date.fromisoformat(row[0]), *row[1:]) for row in loan.schedule],
        reports=reports,
        outcome=outcome_answer(outcome) if outcome else None,
    )


def report_answer(row: PerformanceReport, currency: str, held: set[int]) -> ReportAnswer:
    """Return a report as the API shows it; `held` are the sequences in force."""
    return ReportAnswer(
        id=row.id,
        loan_id=row.loan_id,
        sequence=row.sequence,
        kind=row.kind,
        as_of=row.as_of,
        amount=None if row.amount is None else _money(row.amount, currency),
        paid_total=None if row.paid_total is None else _money(row.paid_total, currency),
        corrects=row.corrects,
        confirmed_fraud=row.confirmed_fraud,
        schedule=[Due(date.fromisoformat(day), amount) for day, amount in row.schedule],
        in_force=row.sequence in held,
        reported_at=row.created_at,
    )


def sequences(held: list[Report]) -> set[int]:
    """Return the numbers of reports."""
    return {report.sequence for report in held}


def _money(amount: Decimal, currency: str) -> str:
    return f"{amount:.{DIGITS[currency]}f}"


def outcome_answer(outcome: Outcome) -> OutcomeAnswer:
    """Return an outcome as the API shows it."""
    return OutcomeAnswer(
        label=cast(OutcomeLabel, outcome.label),
        max_days_past_due=outcome.max_dpd,
        definition_version=outcome.definition_version,
        window_months=outcome.window_months,
        revision=outcome.revision,
        observed_on=outcome.observed_on,
    )


def _batch_fields(batch: PerformanceBatch) -> dict[str, Any]:
    running = "running" if batch.position else "queued"
    return {
        "id": batch.id,
        "state": "done" if batch.state == "applied" else running,
        "percent": 100 * batch.position // batch.lines,
        "sha256": batch.sha256,
        "lines": batch.lines,
        "recorded": batch.recorded,
        "unchanged": batch.unchanged,
        "refused": batch.problems,
        "created_at": batch.created_at,
        "finished_at": batch.finished_at,
    }


def batch_answer(batch: PerformanceBatch) -> BatchAnswer:
    """Return a file of reports as the API shows it."""
    return BatchAnswer(**_batch_fields(batch))


def batch_detail(batch: PerformanceBatch, problems: LineProblemPage) -> BatchDetailAnswer:
    """Return a file of reports with some of its problems."""
    return BatchDetailAnswer(**_batch_fields(batch), problems=problems)


def problem_answer(problem: BatchProblem) -> LineProblem:
    """Return a problem as the API shows it."""
    return LineProblem(problem.line_no, problem.field or None, problem.code, problem.detail)
