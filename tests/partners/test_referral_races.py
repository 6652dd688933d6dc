"""I1, I2 and I11 while many act at once: one wins, the others are told why, and nothing is half done."""

import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, connections

from hub import consent
from hub.clock import now
from hub.errors import Conflict, DomainError
from hub.tenancy import platform_scope, tenant_scope
from partners.products.facade import budget_faults
from partners.products.models import Budget
from partners.referrals import facade
from partners.referrals.lender import Verdict
from partners.referrals.models import Case, FundedClaim, Offer, OpenApplicationClaim, Referral
from tests.factories import make_institution
from tests.harness import count
from tests.partners.product_factory import make_live
from tests.partners.referral_factory import (
    BORROWER,
    SHARE,
    accept,
    decide,
    fund,
    make_case,
    make_offers,
    make_person,
    make_referral,
    make_signed,
    match,
    same_terms,
    show,
    sign,
    view,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def wide_pool(transactional_db: None) -> Iterator[None]:
    """Let all of them connect at once, not only as many as a web process has threads."""
    wrapper: Any = connections["default"]
    pool = wrapper.settings_dict["OPTIONS"]["pool"]
    before = pool["max_size"]
    wrapper.close_pool()
    pool["max_size"] = 40
    yield
    wrapper.close()
    wrapper.close_pool()
    pool["max_size"] = before


def at_once(*calls: Callable[[], object]) -> list[Any]:
    """Call all of them in threads that begin together; return what each returned, or the domain's refusal."""
    gate = threading.Barrier(len(calls))
    answers: list[Any] = [None] * len(calls)
    faults: list[BaseException] = []

    def drive(place: int, call: Callable[[], object]) -> None:
        try:
            gate.wait()
            answers[place] = call()
        except DomainError as refused:
            answers[place] = refused
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test must see it
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=drive, args=one) for one in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    return answers


def codes(answers: list[Any]) -> set[str]:
    return {answer.errors[0].code for answer in answers if isinstance(answer, Conflict)}


def good(answers: list[Any]) -> list[Any]:
    return [answer for answer in answers if not isinstance(answer, DomainError)]


def figures(product_id: UUID) -> Any:
    with platform_scope():
        assert budget_faults() == []
        row = Budget.objects.get(product_id=product_id)
        return row.reserved_amount, row.reserved_count, row.used_amount, row.used_count


@pytest.mark.fault("F21")
def test_twenty_tabs_accept_different_offers() -> None:
    for _ in range(count(2, soak=20)):
        world = make_institution()
        for at in range(10):
            make_live(world.id, name=f"Product {at}", grid={"A": "5", "B": str(8 + at), "C": "20"})
        offers = match(make_case(world))
        assert len(offers) == 10
        answers = at_once(*(partial(accept, offer) for offer in [*offers, *offers]))
        [winner] = good(answers)
        assert codes(answers) == {"already_accepted"}
        case = view(offers[0].application_id)
        assert case.referral == winner
        assert [offer.state for offer in case.offers].count("conditional") == 1
        with platform_scope():
            assert Referral.objects.filter(institution_id=world.id).count() == 1
            budgets = Budget.objects.filter(institution_id=world.id)
            assert sum(budget.reserved_amount for budget in budgets) == 50000
            assert budget_faults() == []


def test_a_person_applies_many_times_at_once() -> None:
    for _ in range(count(3, soak=30)):
        person = make_person()
        answers = at_once(*[partial(make_case, None, person_id=person)] * 8)
        [case] = good(answers)
        assert codes(answers) == {"second_application"}
        with platform_scope():
            assert [row.id for row in Case.objects.filter(person_id=person)] == [case.application_id]
            assert OpenApplicationClaim.objects.get(person_id=person).case_id == case.application_id


@pytest.mark.fault("F22")
def test_many_applications_against_one_budget() -> None:
    world = make_institution()
    product = make_live(world.id, caps={"cap_amount": "150000"})
    offers = [match(make_case(world))[0] for _ in range(12)]

    def attempt(offer: facade.OfferView) -> facade.ReferralView | Conflict:
        with platform_scope():
            try:
                return facade.accept(
                    offer_id=offer.id, application_id=offer.application_id, share_consent=SHARE, actor=BORROWER,
                    now=now(),
                )  # fmt: skip
            except Conflict as refused:
                return refused

    answers = at_once(*(partial(attempt, offer) for offer in offers))
    assert len(good(answers)) == 3
    assert codes(answers) == {"budget_full"}
    assert figures(product.id) == (Decimal(150000), 3, Decimal(0), 0)
    with platform_scope():
        assert sorted(Offer.objects.values_list("state", flat=True)) == ["conditional"] * 3 + ["gone"] * 9
        assert Referral.objects.count() == 3


def test_funding_is_claimed_once() -> None:
    referral, contract = make_signed()
    answers = at_once(*[lambda: fund(referral, contract.terms_hash)] * 8)
    assert len(good(answers)) == 1
    assert codes(answers) == {"already_funded"}
    assert figures(referral.product_id) == (0, 0, Decimal(50000), 1)
    with platform_scope():
        assert FundedClaim.objects.count() == 1


@pytest.mark.fault("F23")
@pytest.mark.parametrize("_turn", range(count(4, soak=40)))
def test_funding_against_withdrawal_and_expiry(_turn: int) -> None:
    referral, contract = make_signed()

    def withdraw() -> object:
        with platform_scope():
            return facade.withdraw(application_id=referral.application_id, actor=BORROWER, now=now())

    def take_consent() -> None:
        with platform_scope():
            consent.withdraw(consent_id=referral.consent_id, actor=BORROWER, now=now())

    def expire() -> object:
        with platform_scope():
            return facade.expire_due(sandbox_id=referral.institution_id, now=referral.expires_at)

    funded, *_ = at_once(lambda: fund(referral, contract.terms_hash), withdraw, expire, take_consent)
    case = view(referral.application_id)
    assert case.referral is not None
    reserved, _, used, _ = figures(referral.product_id)
    with platform_scope():
        claims = FundedClaim.objects.count()
    if isinstance(funded, Conflict):
        assert case.referral.state in ("withdrawn", "expired", "signed")
        assert case.state in ("closed", "offered", "contracted")
        assert (reserved, used, claims) == ((50000 if case.referral.state == "signed" else 0), 0, 0)
    else:
        assert (case.state, case.referral.state) == ("funded", "funded")
        assert (reserved, used, claims) == (0, 50000, 1)


def test_lender_and_borrower_at_once() -> None:
    """The lender decides while the borrower withdraws: whoever comes first, the budget is free in the end."""
    for _ in range(count(3, soak=30)):
        referral = make_referral()

        def withdraw(referral: facade.ReferralView = referral) -> object:
            with platform_scope():
                return facade.withdraw_referral(application_id=referral.application_id, actor=BORROWER, now=now())

        def approve(referral: facade.ReferralView = referral) -> object:
            return decide(referral, Verdict("approve", same_terms(referral)))

        at_once(withdraw, approve)
        case = view(referral.application_id)
        assert (case.state, case.referral and case.referral.state) == ("offered", "withdrawn")
        assert figures(referral.product_id) == (0, 0, 0, 0)


def test_many_signatures_are_one() -> None:
    referral = make_referral()
    decide(referral, Verdict("approve", same_terms(referral)))
    terms_hash = show(referral).terms_hash
    answers = at_once(*[lambda: sign(referral, terms_hash)] * 6)
    assert len({answer.signed_at for answer in answers}) == 1
    assert view(referral.application_id).state == "contracted"


_MAY_WRITE = "SELECT has_table_privilege('luopan_platform', 'referrals_fundedclaim', 'INSERT, UPDATE, DELETE')"


def test_the_database_itself_funds_an_application_once() -> None:
    """By whatever way a referral of a funded application is written, the claim stands against it."""
    referral, contract = make_signed()
    fund(referral, contract.terms_hash)
    with platform_scope(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege('luopan_platform', 'referrals_fundedclaim', 'INSERT, UPDATE, DELETE')"
        )
        assert cursor.fetchone() == (False,)
    _, _, [offer] = make_offers()
    other = accept(offer)
    decide(other, Verdict("approve", same_terms(other)))
    sign(other, show(other).terms_hash)
    with tenant_scope(other.institution_id):
        row = Referral.objects.get(id=other.id)
        row.case_id = referral.application_id
        with pytest.raises(Exception, match="permission denied"):
            row.save(update_fields=["case"])


def test_the_claim_is_unique_in_the_database() -> None:
    referral, contract = make_signed()
    fund(referral, contract.terms_hash)
    with pytest.raises(IntegrityError, match=FundedClaim.UNIQUE):
        _insert_claim_as_owner(referral.application_id)


def _insert_claim_as_owner(application_id: UUID) -> None:
    from hub.db.base import as_owner

    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO referrals_fundedclaim SELECT application_id, gen_random_uuid(), institution_id, at "
            "FROM referrals_fundedclaim WHERE application_id = %s",
            [application_id],
        )
