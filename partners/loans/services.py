"""What an institution does with a loan: funds it, and reports on it. Tenant scope. Files of reports: `bulk`."""

from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from hub import outbox
from hub.audit import Actor
from hub.errors import Conflict, FieldError
from hub.events import LoanFunded, LoanRescinded, PerformanceCorrected, PerformanceRecorded
from hub.finance.cost import make_schedule
from hub.finance.day_count import add_months
from hub.finance.outcomes import WINDOW_MONTHS
from hub.money import DIGITS
from partners.loans import life, queries, shapes
from partners.loans.models import Loan, PerformanceBatch, PerformanceReport
from partners.loans.shapes import NewReport
from partners.referrals import facade as referrals


@transaction.atomic
def fund(*, referral_id: UUID, terms_hash: str, actor: Actor, now: datetime) -> Loan:
    """Make the loan of a referral whose contract of exactly these terms is signed, once for ever (I2).

    `NotFound` for another lender's referral; `Conflict` "not_signed", "terms_changed", "referral_expired",
    "already_funded", or where the consent does not hold. A refusal changes nothing.
    """
    claim = referrals.claim_funding(referral_id=referral_id, terms_hash=terms_hash, actor=actor, now=now)
    opened_on = now.date()
    terms = claim.terms
    loan = Loan.open(
        institution_id=claim.institution_id, sandbox=claim.sandbox, referral_id=claim.referral_id,
        case_id=claim.application_id, product_id=claim.product_id, product_class=claim.product_class,
        decision_id=claim.decision_id, propensity=claim.propensity, currency=terms.currency, principal=terms.amount,
        annual_rate_percent=terms.annual_rate_percent, months=terms.months, fee_upfront=terms.fee_upfront,
        terms_hash=claim.terms_hash, schedule=_schedule(terms, opened_on), opened_on=opened_on,
        matures_on=add_months(opened_on, WINDOW_MONTHS), created_at=now,
    )  # fmt: skip
    payload = LoanFunded(
        loan.id, loan.institution_id, referral_id=referral_id, application_id=loan.case_id,
        product_id=loan.product_id, terms_hash=terms_hash, opened_on=opened_on.isoformat(),
        matures_on=loan.matures_on.isoformat(),
    )  # fmt: skip
    outbox.publish(payload, actor=actor, now=now)
    return loan


def _schedule(terms: referrals.TermsView, opened_on: date) -> list[list[str]]:
    made = make_schedule(
        principal=terms.amount, annual_rate_percent=terms.annual_rate_percent, start=opened_on, months=terms.months,
        method=terms.method, rounding=terms.rounding, digits=DIGITS[terms.currency],
    )  # fmt: skip
    return [
        [one.due_on.isoformat(), *map(str, (one.due, one.principal, one.interest, one.balance))]
        for one in made.instalments
    ]


@transaction.atomic
def report(*, loan_id: UUID, new: NewReport, actor: Actor, now: datetime) -> PerformanceReport:
    """Take one report on a loan; the same content under the same sequence changes nothing.

    `Conflict` "sequence_used" for other content, `Invalid` for what such a report cannot say, `NotFound` for another
    institution's loan.
    """
    loan = queries.locked_loan(loan_id)
    row = make_row(loan, new, now=now)
    known = queries.reports_of(loan_id).filter(sequence=new.sequence).first()
    if known is not None:
        if known.digest != row.digest:
            raise sequence_used()
        return known
    PerformanceReport.append([row])
    take_in([loan], {loan.id: [row]}, actor=actor, now=now)
    outbox.publish(_payload(row), actor=actor, now=now)
    return row


def sequence_used() -> Conflict:
    """Make the refusal of other content under a known sequence."""
    detail = "This sequence was reported with other content: correct it by a new report that names it in corrects."
    return Conflict(detail, errors=[FieldError("/sequence", "sequence_used", detail)])


def make_row(loan: Loan, new: NewReport, *, now: datetime, batch: PerformanceBatch | None = None) -> PerformanceReport:
    """Return the row of a checked report, unsaved."""
    fact = shapes.checked(new, currency=loan.currency, opened_on=loan.opened_on, today=now.date())
    return PerformanceReport(
        institution_id=loan.institution_id, loan=loan, sequence=fact.sequence, kind=fact.kind, as_of=fact.as_of,
        amount=fact.amount, paid_total=fact.paid_total, corrects=fact.corrects, confirmed_fraud=fact.confirmed_fraud,
        schedule=[[day.isoformat(), str(amount)] for day, amount in fact.dues],
        digest=shapes.digest(fact, currency=loan.currency), batch=batch, created_at=now,
    )  # fmt: skip


def take_in(loans: list[Loan], new: dict[UUID, list[PerformanceReport]], *, actor: Actor, now: datetime) -> None:
    """Let new reports tell on their locked loans: their state, and that their outcomes are to be looked at again."""
    Loan.review([loan.id for loan in loans])
    turned = [loan for loan in loans if any(row.corrects or row.kind in life.ENDS for row in new[loan.id])]
    if not turned:
        return
    rows = queries.reports_by_loan([loan.id for loan in turned])
    for loan in turned:
        state = life.state(life.in_force(row.fact for row in rows[loan.id]))
        if state != loan.state:
            loan.become(state)
            if state == "rescinded":
                undone = LoanRescinded(loan.id, loan.institution_id, application_id=loan.case_id)
                outbox.publish(undone, actor=actor, now=now)


def _payload(row: PerformanceReport) -> PerformanceRecorded | PerformanceCorrected:
    loan_id, owner, as_of = row.loan_id, row.institution_id, row.as_of.isoformat()
    if row.corrects is None:
        return PerformanceRecorded(loan_id, owner, report_id=row.id, sequence=row.sequence, kind=row.kind, as_of=as_of)
    return PerformanceCorrected(
        loan_id, owner, report_id=row.id, sequence=row.sequence, kind=row.kind, as_of=as_of, corrects=row.corrects
    )
