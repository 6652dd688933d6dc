"""What a borrower can afford limits what he is offered: the whole, a smaller loan in steps, or none."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.finance.cost import cost_sheet
from hub.tenancy import platform_scope, tenant_scope
from partners.referrals import packages, queries, routing
from partners.referrals.matching import BEFORE_AFFORDABILITY, Ask, Candidate, Exclusion, capped, lendable, route
from partners.referrals.models import RoutingRun
from risk.scoring.affordability import CURRENT_SHIPPED, SHIPPED, Means, judge, view_of
from risk.scoring.facade import AffordabilityView
from tests.factories import make_institution
from tests.partners.product_factory import make_live
from tests.partners.referral_factory import accept, decision, make_case, match, view

D = Decimal
ASK = Ask(
    amount=D(50000), months=24, digits=2, grade="B", pd=D("0.03"), declined=False, opened_on=date(2026, 1, 31),
    instalment_max=D(1000), rate_shock=D(2),
)  # fmt: skip


def candidate(**changes: Any) -> Candidate:
    given_: dict[str, Any] = {
        "product_id": UUID(int=1), "institution_id": UUID(int=2), "institution_name": "Bank", "name": "Loan",
        "amount_min": D(5000), "amount_max": D(200000), "terms": (12, 24, 36), "method": "equal_instalment",
        "rounding": "half_up", "fee_percent": D(0), "fee_flat": D(0), "grid": {"A": D(5), "B": D(10)},
        "policy_version_id": UUID(int=3),
    }  # fmt: skip
    return Candidate(**{**given_, **changes})


def stressed(one: Candidate, amount: Decimal, ask: Ask) -> Decimal:
    """The first instalment at the shocked rate, by the cost sheet."""
    return cost_sheet(
        principal=amount, annual_rate_percent=one.grid[ask.grade] + ask.rate_shock, months=24, start=ask.opened_on,
        method=one.method, rounding=one.rounding, digits=ask.digits,
    ).instalment  # fmt: skip


@pytest.mark.parametrize(
    ("most", "changes", "amount"),
    [
        (None, {}, "50000"),
        ("2353.67", {}, "50000"),  # its instalment at 12 percent to the cent
        ("2353.66", {}, "49900"),
        ("1000", {}, "21200"),  # 1000 a month carry 21243.39 at 12 percent
        ("1000", {"amount_min": D(5050)}, "21150"),  # whole steps above its minimum
        ("1000", {"amount_max": D(20000)}, "20000"),
        ("1000", {"amount_min": D(21200)}, "21200"),
        ("1000", {"amount_min": D(21300)}, None),
        ("1000", {"amount_min": D(60000)}, "50000"),  # the product lends no such amount: that is told
        ("0", {}, None),
        ("1000", {"grid": {"A": D(5)}}, "50000"),  # not priced: that is told
        ("1000", {"method": "equal_principal"}, "19300"),  # 1 / 24 and 1 percent at first
    ],
)
def test_the_amount_that_is_lent(most: str | None, changes: dict[str, Any], amount: str | None) -> None:
    ask = replace(ASK, instalment_max=D(most) if most else None)
    assert lendable(candidate(**changes), ask) == (D(amount) if amount else None)


@given(
    st.integers(0, 10**6), st.decimals("0", "40", places=2), st.integers(50, 9000),
    st.sampled_from(["equal_instalment", "equal_principal"]), st.sampled_from(["half_even", "half_up", "ceiling"]),
)  # fmt: skip
def test_it_is_affordable_and_the_next_step_is_not(
    most: int, rate: Decimal, hundreds: int, method: str, rounding: str
) -> None:
    one = candidate(grid={"B": rate}, method=method, rounding=rounding)
    ask = replace(ASK, amount=D(hundreds) * 100, instalment_max=D(most) / 100)
    found = lendable(one, ask)
    assert ask.instalment_max is not None
    if found is None:
        assert stressed(one, one.amount_min, ask) > ask.instalment_max
        return
    assert one.amount_min <= found <= capped(one, ask.amount)
    assert stressed(one, found, ask) <= ask.instalment_max
    if found < capped(one, ask.amount):
        assert found % 100 == 0
        assert stressed(one, found + 100, ask) > ask.instalment_max


def test_policies_are_asked_for_what_would_be_lent_and_the_ledger_tells_why_there_is_none() -> None:
    asked: list[Decimal] = []

    def policy(_one: Candidate, amount: Decimal, _months: int) -> Sequence[Exclusion]:
        asked.append(amount)
        return ()

    products = [candidate(), candidate(product_id=UUID(int=9), amount_min=D(30000))]
    found = route(ask=ASK, candidates=products, policy=policy, full=frozenset(), seed="s")
    assert [offer.fit.amount for offer in found.offers] == [D(21200)]
    assert asked == [D(21200), D(50000)]
    assert found.ledger.reasons == [("not_affordable", "affordability")]


def affordable(income: int) -> AffordabilityView:
    means = Means("HKD", D(income), "stated", D(6000), D(0), D(50000), 24)
    return view_of(judge(means, grade="B", matrix=SHIPPED[CURRENT_SHIPPED], matrix_name=CURRENT_SHIPPED))


def kept_by_older_rules(run: RoutingRun) -> UUID:
    run.pk, run.rules = uuid4(), BEFORE_AFFORDABILITY
    run.save(force_insert=True)
    return run.id


@pytest.mark.django_db
def test_offers_become_smaller_and_replay_and_the_lender_receives_affordability() -> None:
    world = make_institution()
    make_live(world.id, caps={"cap_amount": "22000"})  # full for the whole, not for what is affordable
    make_live(world.id, name="Large ones", amount_min="30000")
    known = affordable(9150)  # 990 a month, stressed
    case = make_case(world, scored=decision(affordability=known))
    [offer] = match(case)
    assert offer.lowered
    assert known.limit_instalment == D("990.00")
    assert offer.terms.instalment < D("990.00") < offer.terms.instalment * D("1.03")
    assert [(one.code, one.reason) for one in view(case.application_id).exclusions] == [
        ("not_affordable", "affordability")
    ]  # fmt: skip
    with platform_scope():
        run = RoutingRun.objects.get(case_id=case.application_id)
        assert routing.replay(run_id=run.id)
        assert not routing.replay(run_id=kept_by_older_rules(run))
    referral = accept(offer)
    with tenant_scope(world.id):
        package = packages.open_package(queries.referral_by_id(referral.id))
    assert package.score.affordability == known


@pytest.mark.django_db
def test_a_run_from_before_affordability_replays_as_it_was() -> None:
    world = make_institution()
    make_live(world.id)
    case = make_case(world)
    [offer] = match(case)
    assert (offer.lowered, offer.terms.amount) == (False, D(50000))
    with platform_scope():
        assert routing.replay(run_id=kept_by_older_rules(RoutingRun.objects.get()))


def test_what_was_sealed_before_affordability_is_read() -> None:
    assert msgspec.json.decode(b'{"facts":{},"reasons":[]}', type=packages.Known).affordability is None
