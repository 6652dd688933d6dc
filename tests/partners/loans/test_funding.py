"""Funding: once, of a signed contract of exactly these terms; every refusal leaves all as it was (I2)."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from hub import consent
from hub.clock import now
from hub.errors import Conflict, DomainError, NotFound
from hub.finance.day_count import add_months
from hub.models import AuditRow, OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from partners.loans import facade, services
from partners.loans.models import Loan
from partners.products.models import Budget
from partners.referrals import facade as referrals
from partners.referrals.facade import ReferralView
from partners.referrals.models import Case, FundedClaim, Referral
from tests.factories import make_institution
from tests.partners.loan_factory import make_loan
from tests.partners.referral_factory import BANK, BORROWER, approve, make_referral, make_signed, show, view

pytestmark = pytest.mark.django_db
TABLES: tuple[Any, ...] = (Loan, Case, Referral, FundedClaim, Budget)


def state() -> list[Any]:
    with platform_scope():
        rows = [sorted(str(row) for row in table.objects.values_list()) for table in TABLES]
        return [*rows, AuditRow.objects.count(), OutboxEvent.objects.count()]


def fund(referral: ReferralView, terms_hash: str, *, later: timedelta = timedelta(0), **other: UUID) -> Loan:
    with tenant_scope(other.get("institution_id", referral.institution_id)):
        referral_id = other.get("referral_id", referral.id)
        return services.fund(referral_id=referral_id, terms_hash=terms_hash, actor=BANK, now=now() + later)


def test_a_loan_is_made_of_its_contract() -> None:
    referral, contract = make_signed()
    loan = fund(referral, contract.terms_hash)
    terms = contract.terms
    assert (loan.principal, loan.months, loan.terms_hash) == (terms.amount, terms.months, contract.terms_hash)
    assert sum(due for _, due in loan.dues) == terms.amount + terms.total_interest
    assert [day for day, _ in loan.dues] == [add_months(loan.opened_on, at) for at in range(1, terms.months + 1)]
    assert loan.dues[0][1] == terms.instalment
    assert loan.dues[-1][1] == terms.last_instalment
    assert (loan.state, loan.review_on, loan.matures_on) == ("active", loan.matures_on, add_months(loan.opened_on, 12))
    assert view(referral.application_id).state == "funded"
    with platform_scope():
        event = OutboxEvent.objects.get(type="loan.funded")
        assert (event.subject_id, event.institution_id) == (loan.id, referral.institution_id)
        assert event.payload["terms_hash"] == contract.terms_hash
        assert AuditRow.objects.filter(action="loan.funded", subject_id=str(loan.id)).count() == 1


def test_funding_twice() -> None:
    referral, contract = make_signed()
    fund(referral, contract.terms_hash)
    before = state()
    with pytest.raises(Conflict) as refusal:
        fund(referral, contract.terms_hash)
    assert refusal.value.errors[0].code == "already_funded"
    assert state() == before


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("unsigned", "not_signed"),
        ("unapproved", "not_signed"),
        ("changed terms", "terms_changed"),
        ("expired", "referral_expired"),
        ("consent withdrawn", None),
        ("another lender", "not_found"),
        ("unknown", "not_found"),
    ],
)
def test_refusals_change_nothing(case: str, code: str | None) -> None:
    referral, terms_hash, more = _prepared(case)
    before = state()
    with pytest.raises(DomainError) as refusal:
        fund(referral, terms_hash, **more)
    assert isinstance(refusal.value, NotFound if code == "not_found" else Conflict)
    if code not in (None, "not_found"):
        assert refusal.value.errors[0].code == code
    assert state() == before


def _prepared(case: str) -> tuple[ReferralView, str, dict[str, Any]]:
    if case in ("unsigned", "unapproved"):
        referral = make_referral()
        if case == "unapproved":
            return referral, "0" * 64, {}
        approve(referral)
        return referral, show(referral).terms_hash, {}
    referral, contract = make_signed()
    if case == "changed terms":
        return referral, "0" * 64, {}
    if case == "expired":
        return referral, contract.terms_hash, {"later": timedelta(days=15)}
    if case == "consent withdrawn":
        with platform_scope():
            consent.withdraw(consent_id=referral.consent_id, actor=BORROWER, now=now())
    if case == "another lender":
        return referral, contract.terms_hash, {"institution_id": make_institution().id}
    if case == "unknown":
        return referral, contract.terms_hash, {"referral_id": uuid4()}
    return referral, contract.terms_hash, {}


def test_after_the_borrower_withdrew() -> None:
    referral, contract = make_signed()
    with platform_scope():
        referrals.withdraw(application_id=referral.application_id, actor=BORROWER, now=now())
    before = state()
    with pytest.raises(Conflict):
        fund(referral, contract.terms_hash)
    assert state() == before


def test_the_facade_shows_a_loan() -> None:
    loan = make_loan()
    with platform_scope():
        seen = facade.loan_of(application_id=loan.case_id)
        assert facade.loan_of(application_id=uuid4()) is None
    assert seen is not None
    assert (seen.id, seen.dues, seen.label, seen.state) == (loan.id, tuple(loan.dues), "", "active")
    with tenant_scope(make_institution().id):
        assert facade.loan_of(application_id=loan.case_id) is None
