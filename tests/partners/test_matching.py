"""Matching, pure: what fits, on which terms, in which order, whatever the order of the products."""

import random
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.finance.cost import cost_sheet
from partners.referrals.matching import (
    OFFERS_MAX,
    Ask,
    Candidate,
    Exclusion,
    Routing,
    capped,
    expected_loss,
    fee_of,
    route,
)
from partners.referrals.matching.fitting import nearest

ASK = Ask(
    amount=Decimal(50000), months=24, digits=2, grade="B", pd=Decimal("0.03"), declined=False,
    opened_on=date(2026, 1, 31),
)  # fmt: skip


def candidate(at: int, **changes: Any) -> Candidate:
    given: dict[str, Any] = {
        "product_id": UUID(int=at), "institution_id": UUID(int=1000 + at), "institution_name": f"Bank {at}",
        "name": "Loan", "amount_min": Decimal(5000), "amount_max": Decimal(200000), "terms": (12, 24, 36),
        "method": "equal_instalment", "rounding": "half_up", "fee_percent": Decimal(0), "fee_flat": Decimal(0),
        "grid": {"A": Decimal(5), "B": Decimal(8)}, "policy_version_id": UUID(int=2000 + at),
    }  # fmt: skip
    return Candidate(**{**given, **changes})


def nobody(_candidate: Candidate, _amount: Decimal, _months: int) -> Sequence[Exclusion]:
    return ()


def run(candidates: Sequence[Candidate], *, ask: Ask = ASK, seed: str = "s", **more: Any) -> Routing:
    return route(ask=ask, candidates=candidates, seed=seed, **{"policy": nobody, "full": frozenset(), **more})


def asked(**changes: Any) -> Ask:
    return Ask(**{**{name: getattr(ASK, name) for name in Ask.__dataclass_fields__}, **changes})


def reasons(routing: Routing) -> list[list[str]]:
    ledger = routing.ledger
    return [[ledger.reasons[at][0] for at in one] if isinstance(one, list) else [] for one in ledger.outcomes]


def test_the_cheapest_comes_first() -> None:
    grids = [{"B": Decimal(rate)} for rate in ("9", "7", "8")]
    found = run([candidate(at, grid=grid) for at, grid in enumerate(grids)])
    assert [offer.fit.candidate.product_id.int for offer in found.offers] == [1, 2, 0]
    assert found.ledger.outcomes == [3, 1, 2]


def test_a_fee_counts_as_cost() -> None:
    cheap_rate = candidate(0, grid={"B": Decimal(6)}, fee_percent=Decimal(3))
    no_fee = candidate(1, grid={"B": Decimal(7)})
    assert [offer.fit.candidate for offer in run([cheap_rate, no_fee]).offers] == [no_fee, cheap_rate]


@pytest.mark.parametrize(("wish", "term"), [(24, 24), (1, 12), (17, 12), (18, 12), (19, 24), (31, 36), (99, 36)])
def test_the_nearest_term(wish: int, term: int) -> None:
    assert nearest((36, 12, 24), wish) == term
    assert run([candidate(0)], ask=asked(months=wish)).offers[0].fit.months == term


def test_the_amount_is_capped_and_never_raised() -> None:
    products = [candidate(0, amount_max=Decimal(30000)), candidate(1, amount_min=Decimal("50000.01"))]
    found = run(products)
    assert [offer.fit.amount for offer in found.offers] == [Decimal(30000)]
    assert reasons(found) == [[], ["amount_below_minimum"]]
    assert capped(products[0], Decimal(20000)) == 20000


def test_every_reason_is_kept() -> None:
    def policy(one: Candidate, amount: Decimal, months: int) -> Sequence[Exclusion]:
        assert (amount, months) == (Decimal(50000), 24)
        return [Exclusion("income_floor", "income"), Exclusion("missing_housing", "incomplete")]

    one = candidate(0, grid={"A": Decimal(5)}, amount_min=Decimal(60000))
    found = run([one], ask=asked(declined=True), policy=policy, full={one.product_id})
    assert found.offers == []
    assert reasons(found) == [
        [
            "declined_by_platform", "amount_below_minimum", "grade_not_priced", "budget_full", "income_floor",
            "missing_housing",
        ]
    ]  # fmt: skip


def test_a_fee_that_takes_everything() -> None:
    found = run([candidate(0, fee_flat=Decimal(50000)), candidate(1, fee_flat=Decimal(49999))])
    assert reasons(found) == [["fee_exceeds_amount"], []]


def test_the_terms_are_those_of_the_cost_sheet() -> None:
    one = candidate(0, fee_percent=Decimal("1.5"), fee_flat=Decimal("99.995"))
    [offer] = run([one]).offers
    assert offer.fit.fee == fee_of(one, Decimal(50000), 2) == Decimal("850.00")
    assert offer.sheet == cost_sheet(
        principal=Decimal(50000), annual_rate_percent=Decimal(8), months=24, start=date(2026, 1, 31),
        method="equal_instalment", rounding="half_up", fee_upfront=Decimal("850.00"),
    )  # fmt: skip


def test_ties_go_by_the_seed_and_by_names() -> None:
    products = [candidate(at) for at in range(30)]
    orders = {tuple(offer.fit.candidate.name for offer in run(products, seed=seed).offers) for seed in "ab"}
    firsts = {run(products, seed=str(seed)).offers[0].fit.candidate.institution_name for seed in range(60)}
    assert len(orders) == 1
    assert len(firsts) > 15, "every seed has its own order, so that nobody is always first"
    elsewhere = [candidate(at + 500, institution_name=f"Bank {at}") for at in range(30)]
    for seed in "abc":
        names = [
            [offer.fit.candidate.institution_name for offer in run(group, seed=seed).offers]
            for group in (products, elsewhere)
        ]
        assert names[0] == names[1], "other ids, same names: same order"


def test_only_so_many_are_offered_and_the_others_told_so() -> None:
    found = run([candidate(at, grid={"B": Decimal(5 + at)}) for at in range(OFFERS_MAX + 3)])
    assert [offer.rank for offer in found.offers] == list(range(1, OFFERS_MAX + 1))
    assert found.ledger.outcomes == [*range(1, OFFERS_MAX + 1), 0, 0, 0]


def drawn(dice: random.Random, at: int) -> Candidate:
    """A product that is often only a rounding away from another one."""
    return candidate(
        at,
        amount_max=Decimal(dice.choice(["20000", "33333.33", "200000"])),
        terms=tuple(dice.sample([1, 2, 6, 12, 18, 24, 36, 60, 120], k=dice.randint(1, 4))),
        method=dice.choice(["equal_instalment", "equal_principal"]),
        rounding=dice.choice(["half_even", "half_up", "ceiling"]),
        fee_percent=Decimal(dice.choice(["0", "0", "0.5", "1.25"])),
        fee_flat=Decimal(dice.choice(["0", "0", "150"])),
        grid={"B": Decimal(dice.choice(["0", "0.01", "7.99", "8", "8.0001", "8.01", "24", "59.9"]))},
    )


@given(st.integers(0, 2**32), st.sampled_from(["5000", "7777.77", "50000", "199999.99"]), st.integers(1, 60))
def test_the_best_are_the_best_of_all(seed: int, amount: str, months: int) -> None:
    """The estimate that saves cost sheets leaves none of the cheapest out: as if every sheet had been made."""
    dice = random.Random(seed)
    products = [drawn(dice, at) for at in range(40)]
    ask = asked(amount=Decimal(amount), months=months)
    found = run(products, ask=ask).offers
    exact = []
    for one in products:
        size, term = capped(one, ask.amount), nearest(one.terms, ask.months)
        fee = fee_of(one, size, 2)
        sheet = cost_sheet(
            principal=size, annual_rate_percent=one.grid["B"], months=term, start=ask.opened_on, method=one.method,
            rounding=one.rounding, fee_upfront=fee,
        )  # fmt: skip
        exact.append((sheet.total_cost / size, sheet.apr_percent))
    assert [(one.sheet.total_cost / one.fit.amount, one.sheet.apr_percent) for one in found] == sorted(exact)[:10]


@given(st.integers(0, 2**32))
def test_the_order_of_the_products_changes_nothing(seed: int) -> None:
    dice = random.Random(seed)
    products = [drawn(dice, at) for at in range(25)]
    first = run(products)
    dice.shuffle(products)
    again = run(products)
    assert (again.ledger, again.offers) == (first.ledger, first.offers)
    assert first.ledger.digest != run(products, ask=asked(amount=Decimal(4000))).ledger.digest


def test_expected_loss() -> None:
    assert expected_loss(Decimal(50000), Decimal("0.031200")) == Decimal("1560.0000")
