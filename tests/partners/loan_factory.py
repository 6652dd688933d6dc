"""Funded loans and reports for tests, made by the services."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hub.clock import now
from hub.parsing import convert
from hub.tenancy import platform_scope, tenant_scope
from partners.loans import bulk, outcomes, services
from partners.loans.bulk import ControlTotals
from partners.loans.life import last_day, month_ends
from partners.loans.lines import COLUMNS
from partners.loans.models import Loan, Outcome, PerformanceBatch, PerformanceReport
from partners.loans.shapes import NewReport
from partners.referrals.facade import ReferralView
from tests.factories import make_institution
from tests.partners.product_factory import make_live
from tests.partners.referral_factory import (
    BANK,
    accept,
    approve,
    make_case,
    make_signed,
    match,
    referral_of,
    show,
    sign,
)


def make_loan(**changes: Any) -> Loan:
    """Fund a referral of 50,000 over 24 months, today."""
    referral, contract = make_signed(**changes)
    with tenant_scope(referral.institution_id):
        return services.fund(referral_id=referral.id, terms_hash=contract.terms_hash, actor=BANK, now=now())


def at(day: date) -> datetime:
    """Noon of a day."""
    return datetime.combine(day, time(12), UTC)


def over(loan: Loan) -> datetime:
    """A moment after the loan's window."""
    return at(max(loan.matures_on, last_day(loan.matures_on)) + timedelta(days=1))


def report(loan: Loan, body: dict[str, Any], *, when: datetime | None = None) -> PerformanceReport:
    """Report on a loan."""
    with tenant_scope(loan.institution_id):
        return services.report(
            loan_id=loan.id, new=convert(body, NewReport), actor=BANK, now=when or over(loan)
        )  # fmt: skip


def life_of(loan: Loan, missed: Sequence[int] = (), *, months: int = 12) -> list[dict[str, Any]]:
    """The reports of so many months: each instalment but the missed ones is paid on its day, then the month's end."""
    found: list[dict[str, Any]] = []
    paid = Decimal(0)
    for end in month_ends(loan.opened_on, months):
        for number, (due_on, due) in enumerate(loan.dues, 1):
            if last_day(due_on) == end and number not in missed:
                paid += due
                found.append({"kind": "payment", "as_of": due_on.isoformat(), "amount": str(due)})
        found.append({"kind": "month_end", "as_of": end.isoformat(), "paid_total": str(paid)})
    return [{"sequence": number, **body} for number, body in enumerate(found, 1)]


def mature(loan: Loan, *, when: datetime | None = None) -> int:
    """Look at the outcomes of the loan's institution."""
    with platform_scope():
        return outcomes.mature_outcomes(now=when or over(loan), institution_id=loan.institution_id)


def outcomes_of(institution_id: UUID) -> dict[UUID, tuple[str, int]]:
    """The label and the most days past due of each loan that has an outcome: the newest one counts."""
    with platform_scope():
        rows = Outcome.objects.filter(institution_id=institution_id).order_by("revision")
        return {row.loan_id: (row.label, row.max_dpd) for row in rows}


def ndjson(rows: Sequence[tuple[Loan, dict[str, Any]]]) -> bytes:
    """A file of reports."""
    return b"".join(json.dumps({"loan_id": str(loan.id), **body}).encode() + b"\n" for loan, body in rows)


def hand_in(
    institution_id: UUID, content: bytes, *, when: datetime, format_: str = "ndjson", **totals: Any
) -> PerformanceBatch:
    """Hand a file in and take its lines."""
    with tenant_scope(institution_id):
        batch = bulk.receive(
            institution_id=institution_id, content=content, format_=format_, totals=ControlTotals(**totals),
            actor=BANK, now=when,
        )  # fmt: skip
    bulk.apply_batch(institution_id=institution_id, batch_id=batch.id, now=when)
    with tenant_scope(institution_id):
        return PerformanceBatch.objects.get(id=batch.id)


def make_book(count: int) -> list[Loan]:
    """Fund so many loans of one sandbox."""
    world = make_institution()
    make_live(world.id, caps={"cap_amount": str(200_000 * count)})
    return [fund_referral(accept(match(make_case(world))[0])) for _ in range(count)]


def fund_referral(referral: ReferralView) -> Loan:
    """Approve, sign and fund an accepted referral."""
    approve(referral)
    contract = sign(referral, show(referral).terms_hash)
    with tenant_scope(referral.institution_id):
        return services.fund(referral_id=referral.id, terms_hash=contract.terms_hash, actor=BANK, now=now())


def loan_of(institution_id: UUID) -> Loan:
    """Fund a loan of this sandbox."""
    return fund_referral(referral_of(institution_id))


def csv_file(rows: Sequence[tuple[Loan, dict[str, Any]]]) -> bytes:
    """A file of reports as CSV; it cannot hold schedules."""
    lines = [",".join(COLUMNS)]
    for loan, body in rows:
        given = {"loan_id": str(loan.id), **body}
        lines.append(",".join(str(given.get(name, "") or "") for name in COLUMNS))
    return "".join(f"{line}\n" for line in lines).encode()
