"""From an application to a claim on its funding, and every refusal on the way, which leaves all as it was."""

import hashlib
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from hub import consent, erasure
from hub.clock import now
from hub.consent import ConsentEntry
from hub.errors import Conflict, DomainError, Erased, Invalid, NotFound
from hub.models import AuditRow, OutboxEvent
from hub.outbox import hand_over_one, relay
from hub.tenancy import platform_scope, tenant_scope
from partners.products.models import Budget
from partners.referrals import facade, lender, packages, queries
from partners.referrals.lender import Verdict
from partners.referrals.models import Case, Contract, FundedClaim, LenderDecision, Offer, OpenApplicationClaim, Referral
from tests.partners.product_factory import give_budget, set_state
from tests.partners.referral_factory import (
    BANK,
    BORROWER,
    FACTS,
    SHARE,
    accept,
    approve,
    decide,
    decision,
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

pytestmark = pytest.mark.django_db
FREE = (Decimal(0), Decimal(0))
TABLES: tuple[Any, ...] = (
    Case, Offer, Referral, LenderDecision, Contract, FundedClaim, OpenApplicationClaim, Budget, ConsentEntry,
)  # fmt: skip


def state() -> list[Any]:
    """Every row of ours, and how much was told of them."""
    with platform_scope():
        rows = [sorted(str(row) for row in table.objects.values_list()) for table in TABLES]
        return [*rows, AuditRow.objects.count(), OutboxEvent.objects.count()]


def code_of(error: pytest.ExceptionInfo[Any]) -> str:
    return str(error.value.errors[0].code)


def events(application_id: UUID | None = None) -> list[str]:
    with platform_scope():
        return list(OutboxEvent.objects.order_by("created_at", "id").values_list("type", flat=True))


def budget_of(product_id: UUID) -> tuple[Decimal, Decimal]:
    with platform_scope():
        row = Budget.objects.get(product_id=product_id)
        return row.reserved_amount, row.used_amount


# --- the whole way --------------------------------------------------------------------------------------------------


def test_the_whole_way() -> None:
    _, [product], [offer] = make_offers()
    referral = accept(offer)
    assert referral.state == "created"
    assert referral.expires_at - referral.created_at == timedelta(days=14)
    assert budget_of(product.id) == (Decimal(50000), Decimal(0))
    assert view(offer.application_id).state == "referred"

    recorded = approve(referral)
    assert (recorded.decision.kind, recorded.referral.state) == ("approve", "approved")
    contract = show(referral)
    assert contract.terms == referral.terms
    assert contract.shown_at is not None
    signed = sign(referral, contract.terms_hash)
    assert (signed.method, signed.shown_at) == ("typed", contract.shown_at)
    assert view(offer.application_id).state == "contracted"

    funding = fund(referral, contract.terms_hash)
    assert funding.terms == referral.terms
    assert funding.signed_at == signed.signed_at
    assert budget_of(product.id) == (Decimal(0), Decimal(50000))
    case = view(offer.application_id)
    assert (case.state, case.referral and case.referral.state) == ("funded", "funded")
    with platform_scope():
        assert FundedClaim.objects.get().application_id == offer.application_id
        assert not OpenApplicationClaim.objects.exists()


def test_each_step_is_told() -> None:
    referral, contract = make_signed()
    fund(referral, contract.terms_hash)
    wanted = [
        "case.opened", "case.matched", "offer.accepted", "referral.created", "decision.recorded", "contract.shown",
        "contract.signed", "referral.funded",
    ]  # fmt: skip
    found = events()
    assert [name for name in found if name in wanted] == wanted
    with platform_scope():
        assert OutboxEvent.objects.count() <= AuditRow.objects.count()
        told = OutboxEvent.objects.filter(type__in=["referral.created", "decision.recorded", "contract.signed"])
        assert set(told.values_list("institution_id", flat=True)) == {referral.institution_id}
        texts = " ".join(json.dumps(payload) for payload in OutboxEvent.objects.values_list("payload", flat=True))
    for private in ("Chan", "5550", "rent", "20000"):
        assert private not in texts


def test_the_contract_is_the_hash_of_its_text() -> None:
    referral = make_referral()
    approve(referral)
    contract = show(referral)
    assert hashlib.sha256(contract.terms_json.encode()).hexdigest() == contract.terms_hash
    text = json.loads(contract.terms_json)
    assert json.dumps(text, sort_keys=True, separators=(",", ":"), ensure_ascii=False) == contract.terms_json
    assert text["referral_id"] == str(referral.id)
    assert text["apr_percent"] == str(referral.terms.apr_percent)


def test_the_typed_name_is_sealed_and_only_there() -> None:
    make_signed()
    with platform_scope():
        row = Contract.objects.select_related("referral__person").get()
        assert b"Chan" not in bytes(row.sealed_name or b"")
        name = row.referral.person.open(bytes(row.sealed_name or b""), place=Contract.place(row.id))
    assert name == b"Chan Siu Ming"


def test_the_package_is_what_was_agreed_and_sealed_for_the_lender() -> None:
    referral = make_referral()
    with tenant_scope(referral.institution_id):
        row = queries.referral_by_id(referral.id)
        package = packages.open_package(row)
        assert row.person.institution_id == referral.institution_id
    assert package.contact == dict(SHARE.contact)
    assert package.facts == {**FACTS, "monthly_income": 20000.0}
    assert (package.score.grade, package.score.pd_12m) == ("B", "0.031200")
    assert package.score.reasons == list(decision().reasons)
    assert b"Chan" not in bytes(row.package)


def test_the_lender_keeps_the_package_when_the_platform_erases_the_person() -> None:
    referral = make_referral()
    with platform_scope():
        person_id = Case.objects.get().person_id
        erasure.erase_person(person_id=person_id, actor=BORROWER, now=now())
    with tenant_scope(referral.institution_id):
        assert packages.open_package(queries.referral_by_id(referral.id)).contact["name"] == "Chan Siu Ming"
    with platform_scope(), pytest.raises(Erased):
        packages.open_known(queries.case_by_id(referral.application_id))


# --- one open application per person and class (I11) ----------------------------------------------------------------


def test_a_second_open_application_is_refused() -> None:
    world, _, _ = make_offers()
    person = make_person()
    first = make_case(world, person_id=person)
    before = state()
    with pytest.raises(Conflict) as refused:
        make_case(world, person_id=person)
    assert code_of(refused) == "second_application"
    assert state() == before
    make_case(world, person_id=person, product_class="another_class")
    with platform_scope():
        facade.withdraw(application_id=first.application_id, actor=BORROWER, now=now())
    assert make_case(world, person_id=person).state == "open"


def test_an_application_is_opened_once() -> None:
    case = make_case(None)
    before = state()
    with pytest.raises(Conflict) as refused:
        make_case(None, application_id=case.application_id)
    assert code_of(refused) == "application_known"
    assert state() == before


def test_the_claim_cannot_be_gone_around() -> None:
    """Whoever writes a case, by whatever way, takes the claim with it."""
    case = make_case(None)
    with platform_scope():
        assert OpenApplicationClaim.objects.get().case_id == case.application_id


# --- accepting ------------------------------------------------------------------------------------------------------


def test_only_one_offer_is_accepted() -> None:
    _, _, offers = make_offers(3)
    accept(offers[1])
    before = state()
    for offer in offers:
        with pytest.raises(Conflict) as refused:
            accept(offer)
        assert code_of(refused) == "already_accepted"
    assert state() == before


def test_an_offer_of_another_application_is_unknown() -> None:
    world, _, [offer] = make_offers()
    other = make_case(world)
    with platform_scope(), pytest.raises(NotFound):
        facade.accept(
            offer_id=offer.id, application_id=other.application_id, share_consent=SHARE, actor=BORROWER, now=now()
        )


def test_a_full_budget_says_so_and_the_offer_is_gone() -> None:
    _, [dear, cheap], offers = make_offers(2)
    assert [offer.product_id for offer in offers] == [cheap.id, dear.id]
    give_budget(cheap.id, cap_amount="49999.99")
    with platform_scope():
        with pytest.raises(Conflict) as refused:
            facade.accept(
                offer_id=offers[0].id, application_id=offers[0].application_id, share_consent=SHARE, actor=BORROWER,
                now=now(),
            )  # fmt: skip
        assert code_of(refused) == "budget_full"
    case = view(offers[0].application_id)
    assert [offer.state for offer in case.offers] == ["gone", "indicative"]
    assert (case.state, case.referral) == ("offered", None)
    assert budget_of(cheap.id) == FREE
    with platform_scope():
        assert ConsentEntry.objects.count() == 0
    with pytest.raises(Conflict) as refused:
        accept(offers[0])
    assert code_of(refused) == "offer_gone"
    assert accept(offers[1]).product_id == dear.id


def test_a_product_that_left_the_market_is_not_accepted() -> None:
    _, [product], [offer] = make_offers()
    set_state(product.id, "paused")
    with platform_scope():
        with pytest.raises(Conflict) as refused:
            facade.accept(
                offer_id=offer.id, application_id=offer.application_id, share_consent=SHARE, actor=BORROWER, now=now()
            )
        assert code_of(refused) == "offer_gone"
    assert [one.state for one in view(offer.application_id).offers] == ["gone"]


# --- the lender decides ---------------------------------------------------------------------------------------------


WORSE = [
    ({"amount": Decimal(40000)}, "amount"),
    ({"annual_rate_percent": Decimal("12.01")}, "annual_rate_percent"),
    ({"fee_upfront": Decimal("500.01")}, "fee_upfront"),
    ({"months": 12}, "months"),
    ({"months": 36}, "months"),
]


@pytest.mark.parametrize(("changes", "name"), WORSE)
def test_worse_terms_are_a_counter_offer(changes: dict[str, Any], name: str) -> None:
    referral = make_referral()
    recorded = approve(referral, **changes)
    assert recorded.decision.kind == "counter_offer"
    assert name in recorded.decision.worse
    seen = view(referral.application_id).referral
    assert seen is not None
    assert seen.state == "countered"
    assert seen.counter is not None
    with platform_scope(), pytest.raises(NotFound):
        facade.contract_view(application_id=referral.application_id)


def test_better_terms_are_final() -> None:
    referral = make_referral()
    assert approve(referral, annual_rate_percent=Decimal(9), fee_upfront=Decimal(0)).decision.kind == "approve"
    contract = show(referral)
    assert contract.terms.apr_percent == Decimal("9.00")
    assert contract.terms.total_cost < referral.terms.total_cost


def test_a_fee_for_a_lower_rate_is_worse_where_it_is_a_higher_fee() -> None:
    referral = make_referral()
    recorded = approve(referral, annual_rate_percent=Decimal(8), fee_upfront=Decimal(3000))
    assert recorded.decision.worse == ["fee_upfront", "apr_percent"]


def test_a_counter_offer_is_accepted_anew() -> None:
    referral = make_referral()
    approve(referral, annual_rate_percent=Decimal(15))
    with platform_scope():
        contract = facade.accept_counter(application_id=referral.application_id, actor=BORROWER, now=now())
    assert contract.terms.annual_rate_percent == 15
    assert contract.shown_at is None
    signed = sign(referral, show(referral).terms_hash)
    assert fund(referral, signed.terms_hash).terms.annual_rate_percent == 15


def test_a_counter_offer_is_declined() -> None:
    _, [first, second], offers = make_offers(2)
    referral = accept(offers[0])
    decide(referral, Verdict("counter_offer", same_terms(referral)))
    with platform_scope():
        case = facade.decline_counter(application_id=referral.application_id, actor=BORROWER, now=now())
    assert (case.state, case.referral and case.referral.state) == ("offered", "withdrawn")
    assert budget_of(second.id) == FREE
    assert accept(offers[1]).product_id == first.id


def test_there_is_no_counter_offer_to_accept() -> None:
    referral = make_referral()
    before = state()
    for answer in (facade.accept_counter, facade.decline_counter):
        with platform_scope(), pytest.raises(Conflict):
            answer(application_id=referral.application_id, actor=BORROWER, now=now())
    assert state() == before


def test_a_decline_frees_the_budget_and_the_borrower() -> None:
    _, _, offers = make_offers(2)
    referral = accept(offers[0])
    recorded = decide(referral, Verdict("decline", codes=("income_unproved",)))
    assert recorded.decision.codes == ["income_unproved"]
    assert budget_of(referral.product_id) == FREE
    case = view(referral.application_id)
    assert case.state == "offered"
    assert case.referral is not None
    assert case.referral.decline_codes == ("income_unproved",)
    again = accept(offers[1])
    assert (again.state, again.product_id) == ("created", offers[1].product_id)


def test_more_is_asked_for_and_then_decided() -> None:
    referral = make_referral()
    decide(referral, Verdict("ask_for_more", codes=("payslip",)))
    seen = view(referral.application_id).referral
    assert seen is not None
    assert (seen.state, seen.asked_for) == ("asked", ("payslip",))
    assert approve(referral).referral.state == "approved"


def test_more_than_was_accepted_is_refused() -> None:
    referral = make_referral()
    before = state()
    with pytest.raises(Invalid):
        approve(referral, amount=Decimal("50000.01"))
    with pytest.raises(Invalid):
        approve(referral, fee_upfront=Decimal(50000))
    assert state() == before


@pytest.mark.parametrize("ended", ["approved", "declined", "withdrawn", "signed"])
def test_a_decided_referral_is_not_decided_again(ended: str) -> None:
    referral = make_signed()[0] if ended == "signed" else make_referral()
    if ended == "approved":
        approve(referral)
    if ended == "declined":
        decide(referral, Verdict("decline", codes=("policy",)))
    if ended == "withdrawn":
        with platform_scope():
            facade.withdraw(application_id=referral.application_id, actor=BORROWER, now=now())
    before = state()
    for verdict in (Verdict("approve", same_terms(referral)), Verdict("decline", codes=("policy",))):
        with pytest.raises(Conflict):
            decide(referral, verdict)
    assert state() == before


def test_another_lender_cannot_decide() -> None:
    referral, stranger = make_referral(), make_referral()
    before = state()
    with tenant_scope(stranger.institution_id), pytest.raises(NotFound):
        lender.decide(
            referral_id=referral.id, verdict=Verdict("approve", same_terms(referral)), actor=BANK, now=now()
        )  # fmt: skip
    with tenant_scope(stranger.institution_id), pytest.raises(NotFound):
        lender.claim_funding(referral_id=referral.id, terms_hash="0" * 64, actor=BANK, now=now())
    assert state() == before


# --- signing --------------------------------------------------------------------------------------------------------


def test_what_was_not_shown_is_not_signed() -> None:
    referral = make_referral()
    approve(referral)
    with platform_scope():
        contract = facade.contract_view(application_id=referral.application_id)
    before = state()
    with pytest.raises(Conflict) as refused:
        sign(referral, contract.terms_hash)
    assert code_of(refused) == "not_shown"
    assert state() == before


def test_only_the_same_terms_are_signed_and_once() -> None:
    referral = make_referral()
    approve(referral)
    contract = show(referral)
    before = state()
    with pytest.raises(Conflict) as refused:
        sign(referral, "0" * 64)
    assert code_of(refused) == "terms_changed"
    with pytest.raises(Invalid):
        sign(referral, contract.terms_hash, name="  ")
    assert state() == before
    signed = sign(referral, contract.terms_hash)
    before = state()
    assert sign(referral, contract.terms_hash) == signed
    assert state() == before


# --- funding: acceptance 5 ------------------------------------------------------------------------------------------


def refused_funding(referral: facade.ReferralView, terms_hash: str, **more: Any) -> DomainError:
    before = state()
    with pytest.raises(Conflict) as refused:
        fund(referral, terms_hash, **more)
    assert state() == before
    return refused.value


def test_no_funding_without_a_signed_contract() -> None:
    referral = make_referral()
    assert refused_funding(referral, "0" * 64).errors[0].code == "not_signed"
    approve(referral)
    assert refused_funding(referral, show(referral).terms_hash).errors[0].code == "not_signed"


def test_no_funding_of_changed_terms() -> None:
    referral, contract = make_signed()
    assert refused_funding(referral, "0" * 64).errors[0].code == "terms_changed"
    assert refused_funding(referral, contract.terms_hash.upper()).errors[0].code == "terms_changed"


def test_no_funding_twice() -> None:
    referral, contract = make_signed()
    fund(referral, contract.terms_hash)
    assert refused_funding(referral, contract.terms_hash).errors[0].code == "already_funded"


def test_no_funding_after_the_consent_was_withdrawn() -> None:
    referral, contract = make_signed()
    with platform_scope():
        consent.withdraw(consent_id=referral.consent_id, actor=BORROWER, now=now())
    refused_funding(referral, contract.terms_hash)


def test_no_funding_after_the_referral_was_withdrawn() -> None:
    referral, contract = make_signed()
    with platform_scope():
        case = facade.withdraw_referral(application_id=referral.application_id, actor=BORROWER, now=now())
    assert case.state == "offered"
    assert budget_of(referral.product_id) == FREE
    refused_funding(referral, contract.terms_hash)


@pytest.mark.fault("F23")
def test_no_funding_after_expiry_even_before_it_is_marked() -> None:
    referral, contract = make_signed()
    late = referral.expires_at
    assert refused_funding(referral, contract.terms_hash, at=late).errors[0].code == "referral_expired"
    with platform_scope():
        assert facade.expire_due(sandbox_id=referral.institution_id, now=late - timedelta(seconds=1)) == 0
        assert facade.expire_due(sandbox_id=None, now=late) == 0
        assert facade.expire_due(sandbox_id=referral.institution_id, now=late) == 1
        assert facade.expire_due(sandbox_id=referral.institution_id, now=late) == 0
    assert budget_of(referral.product_id) == FREE
    case = view(referral.application_id)
    assert (case.state, case.referral and case.referral.state) == ("offered", "expired")
    refused_funding(referral, contract.terms_hash, at=late)


def test_a_funded_application_cannot_be_withdrawn() -> None:
    referral, contract = make_signed()
    fund(referral, contract.terms_hash)
    before = state()
    for end in (facade.withdraw, facade.withdraw_referral):
        with platform_scope(), pytest.raises(Conflict):
            end(application_id=referral.application_id, actor=BORROWER, now=now())
    assert state() == before


# --- withdrawing ----------------------------------------------------------------------------------------------------


def test_withdrawing_ends_everything_and_is_safe_to_repeat() -> None:
    referral, _ = make_signed()
    with platform_scope():
        case = facade.withdraw(application_id=referral.application_id, actor=BORROWER, now=now())
    assert (case.state, case.referral and case.referral.state) == ("closed", "withdrawn")
    assert budget_of(referral.product_id) == FREE
    with platform_scope():
        assert consent.proof(consent_id=referral.consent_id).withdrawn_at is not None
    before = state()
    with platform_scope():
        facade.withdraw(application_id=referral.application_id, actor=BORROWER, now=now())
    assert state() == before
    with pytest.raises(Conflict):
        match(view(referral.application_id))


def test_a_consent_withdrawn_elsewhere_ends_the_referral() -> None:
    referral = make_referral()
    with platform_scope():
        consent.withdraw(consent_id=referral.consent_id, actor=BORROWER, now=now())
        relay(now=now())
        while hand_over_one(now=now()):
            pass
    case = view(referral.application_id)
    assert (case.state, case.referral and case.referral.state) == ("offered", "withdrawn")
    assert budget_of(referral.product_id) == FREE


def test_unknown_applications() -> None:
    with platform_scope():
        for read in (facade.case_view, facade.contract_view):
            with pytest.raises(NotFound):
                read(application_id=uuid4())
