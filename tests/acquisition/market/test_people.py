"""The simulated people: the same for the same seed, told apart by what lenders see, and paying as they are."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from acquisition.market.payments import draw_payments
from acquisition.market.world import Times, draw_people
from hub.finance.day_count import add_months
from partners.loans import life
from partners.loans.life import Report
from risk.learning.facade import ranking_power

OPENED = date(2025, 3, 5)
DUES = [(add_months(OPENED, month), Decimal(100)) for month in range(1, 25)]


def test_the_same_seed_draws_the_same_people() -> None:
    one, again, other = (draw_people(seed=seed, month=4, count=50, times=Times()) for seed in (1, 1, 2))
    assert one.seen == again.seen
    assert (one.bad == again.bad).all()
    assert one.seen != other.seen


def test_the_economy_turns_and_then_stays() -> None:
    assert [round(Times().turn(month), 2) for month in (-5, -1, 0, 1, 2, 30)] == [0, 0, 0.33, 0.67, 1, 1]
    assert {Times(drift=False).turn(month) for month in range(-5, 40)} == {0.0}


@pytest.mark.parametrize(("month", "side"), [(-1, "willingness"), (12, "ability")])
def test_another_side_decides_after_the_turn(month: int, side: str) -> None:
    people = draw_people(seed=3, month=month, count=4_000, times=Times())
    power = {name: ranking_power(people.bad.tolist(), (-getattr(people, name)).tolist())[0] for name in
             ("ability", "willingness")}  # fmt: skip
    assert max(power, key=power.__getitem__) == side
    assert min(power.values()) > 0.5


def test_rings_repay_worse() -> None:
    people = draw_people(seed=5, month=-1, count=8_000, times=Times())
    ring = people.ring >= 0
    assert 0.02 < ring.mean() < 0.06
    assert people.bad[ring].mean() > 1.5 * people.bad[~ring].mean()


@pytest.mark.parametrize("defaults", [True, False])
def test_who_defaults_is_bad_by_the_definition_and_who_does_not_is_good(defaults: bool) -> None:
    for seed in range(40):
        paid = draw_payments(dues=DUES, defaults=defaults, rng=np.random.default_rng(seed))
        ends = life.month_ends(OPENED, 13)
        reports = [
            Report(number, "month_end", end, paid_total=sum((one.amount for one in paid if one.on <= end), Decimal(0)))
            for number, end in enumerate(ends, 1)
        ]
        label = life.outcome(
            reports, dues=DUES, opened_on=OPENED, matures_on=add_months(OPENED, 12), window_months=12, today=ends[-1]
        )
        assert label.name == ("bad" if defaults else "good"), (seed, label)
