"""The random arm of a credit policy: whom it lets in below the cut-off, whom never, and what becomes of the chance."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from hub.tenancy import platform_scope, tenant_scope
from partners.loans.models import Loan
from partners.products.models import Product
from partners.products.policy import PolicyText, compile_policy, drawn, evaluate, faults
from partners.referrals import routing
from partners.referrals.models import Offer, Referral, RoutingRun
from partners.referrals.shapes import CaseView
from risk.scoring.affordability import CURRENT_SHIPPED, SHIPPED, Means, judge, view_of
from risk.scoring.facade import AffordabilityView
from tests.factories import make_institution
from tests.partners.loan_factory import fund_referral
from tests.partners.product_factory import RULES, give_policy, make_live, policy_text
from tests.partners.referral_factory import accept, decision, make_case, make_person, match, view

D = Decimal
ARM = {"share_percent": 5, "pd_max": 0.2}
BELOW: dict[str, object] = {"grade": "D", "pd_12m": D("0.15"), "monthly_income": 9000}
POLICY = UUID(int=7)


def let_in(people: int, facts: dict[str, object], arm: dict[str, Any] | None = ARM) -> int:
    policy = compile_policy(policy_text(random_arm=arm) if arm else policy_text())
    against = evaluate(policy, facts)
    return sum(
        drawn(policy, against, facts, person_id=UUID(int=one), policy_id=POLICY) for one in range(people)
    )  # fmt: skip


def test_so_many_are_let_in_as_the_policy_says() -> None:
    assert 440 < let_in(10_000, BELOW) < 560  # 500 are expected, and 22 are one standard deviation
    assert let_in(10_000, BELOW, {"share_percent": 0.5, "pd_max": 0.2}) < 80
    assert let_in(1_000, BELOW, None) == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"monthly_income": 7999},  # another rule
        {"monthly_income": None},  # something is missing
        {"pd_12m": D("0.200001")},
        {"pd_12m": None},
        {"grade": "B", "pd_12m": D("0.03")},  # who is wanted anyway needs no arm
    ],
)
def test_who_is_never_let_in(changed: dict[str, object]) -> None:
    assert let_in(1_000, {**BELOW, **changed}) == 0


def test_a_person_draws_once_for_each_policy() -> None:
    policy = compile_policy(policy_text(random_arm=ARM))
    against = evaluate(policy, BELOW)

    def lucky(policy_id: UUID) -> set[int]:
        people = range(2_000)
        return {one for one in people if drawn(policy, against, BELOW, person_id=UUID(int=one), policy_id=policy_id)}

    assert lucky(POLICY) == lucky(POLICY) != lucky(uuid4())


@pytest.mark.parametrize(
    ("rules", "arm", "pointers"),
    [
        (RULES, ARM, []),
        (RULES[1:], ARM, ["/random_arm"]),
        (RULES, {"share_percent": 0.001, "pd_max": 0.2}, ["/random_arm/share_percent"]),
    ],
)
def test_what_an_arm_may_be(rules: list[dict[str, Any]], arm: dict[str, Any], pointers: list[str]) -> None:
    assert [fault.pointer for fault in faults(policy_text(rules, random_arm=arm))] == pointers


@pytest.mark.parametrize(("share", "pd_max"), [(5.1, 0.2), (0, 0.2), (1, 1), (1, 0)])
def test_an_arm_is_small(share: float, pd_max: float) -> None:
    with pytest.raises(msgspec.ValidationError):
        policy_text(random_arm={"share_percent": share, "pd_max": pd_max})


def test_a_policy_without_an_arm_is_written_as_before() -> None:
    assert msgspec.to_builtins(msgspec.convert({"all": []}, PolicyText)) == {"all": []}


def affordable() -> AffordabilityView:
    means = Means("HKD", D(40_000), "stated", D(6000), D(0), D(50000), 24)
    return view_of(judge(means, grade="D", matrix=SHIPPED[CURRENT_SHIPPED], matrix_name=CURRENT_SHIPPED))


def lucky_person(product: Product) -> UUID:
    """Make people until one is drawn: at 5 percent some dozens."""
    with platform_scope():
        policy_id = product.policies.get(state="live").id
    policy = compile_policy(policy_text(random_arm=ARM))
    while True:
        person_id = make_person()
        if drawn(policy, evaluate(policy, BELOW), BELOW, person_id=person_id, policy_id=policy_id):
            return person_id


def below(world: Any, person_id: UUID, known: AffordabilityView | None) -> CaseView:
    scored = decision(pd="0.150000", grade="D", action="review", affordability=known)
    return make_case(world, person_id=person_id, scored=scored)


@pytest.fixture
def world() -> Any:
    return make_institution()


@pytest.fixture
def product(world: Any) -> Product:
    made = make_live(world.id)
    give_policy(made.id, random_arm=ARM)
    return made


@pytest.mark.django_db
def test_the_chance_goes_with_the_loan_into_its_outcome(world: Any, product: Product) -> None:
    case = below(world, lucky_person(product), affordable())
    [offer] = match(case)
    with platform_scope():
        assert Offer.objects.get(id=offer.id).propensity == D("0.05")
        assert routing.replay(run_id=RoutingRun.objects.get(case_id=case.application_id).id)
    loan = fund_referral(accept(offer))
    with tenant_scope(world.id):
        assert Referral.objects.get(id=loan.referral_id).propensity == D("0.05")
    with platform_scope():
        assert Loan.objects.get(id=loan.id).propensity == D("0.05")


@pytest.mark.django_db
def test_nobody_is_let_in_who_cannot_afford_it_or_of_whom_that_is_not_known(world: Any, product: Product) -> None:
    person_id = lucky_person(product)
    assert match(below(world, person_id, None)) == ()


@pytest.mark.django_db
def test_whoever_is_not_drawn_is_told_why(world: Any, product: Product) -> None:
    while True:
        case = below(world, make_person(), affordable())
        if not match(case):
            break
    assert [one.code for one in view(case.application_id).exclusions] == ["grade_up_to_c"]


@pytest.mark.django_db
def test_whom_the_policy_wants_has_the_chance_of_all(world: Any, product: Product) -> None:
    [offer] = match(make_case(world, scored=decision(affordability=affordable())))
    assert offer.product_id == product.id
    with platform_scope():
        assert Offer.objects.get(id=offer.id).propensity == 1
