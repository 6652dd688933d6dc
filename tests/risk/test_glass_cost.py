"""What glass costs: nothing where pairs tell all, something where only three together tell, no figure of few."""

from datetime import date, timedelta

import numpy as np
import pytest

from risk.features.facade import Feature
from risk.learning.facade import glass_cost
from risk.learning.facts import BookSample

FEATURES = (*(Feature(name, "number") for name in "abc"), Feature("home", "category"))
FIRST = date(2024, 1, 1)


def sample(rows: int, *, together: float, dated: bool = True) -> BookSample:
    """Loans whose risk follows `a`, and with `together` the sign of the product of all three."""
    rng = np.random.default_rng(5)
    a, b, c = rng.normal(size=(3, rows))
    logit = a + together * np.sign(a * b * c) - 1
    labels = rng.uniform(size=rows) < 1 / (1 + np.exp(-logit))
    homes = [("own", "rent", None)[at] for at in rng.integers(0, 3, rows)]
    columns = {"a": [None, *a.tolist()[1:]], "b": b.tolist(), "c": c.tolist(), "home": homes}
    days: list[date | None] = [FIRST + timedelta(days=at // 10) if dated else None for at in range(rows)]
    return BookSample(columns, [], labels.tolist(), days, learned=True)


@pytest.mark.parametrize("dated", [True, False])
def test_it_costs_nothing_where_the_challenger_finds_no_more(dated: bool) -> None:
    cost = glass_cost(samples=[sample(2_000, together=0, dated=dated)], features=FEATURES, seed=1)
    assert cost is not None
    assert cost.found.lower <= 0 < cost.found.upper + 0.01
    assert abs(cost.found.value) < 0.02
    assert 480 < cost.rows < 520


def test_it_costs_what_only_three_together_tell() -> None:
    cost = glass_cost(samples=[sample(3_000, together=3)], features=FEATURES, seed=1)
    assert cost is not None
    assert 0.05 < cost.found.lower < cost.found.value < cost.found.upper


def test_no_figure_of_few_loans() -> None:
    assert glass_cost(samples=[sample(100, together=0)], features=FEATURES, seed=1) is None
    assert glass_cost(samples=[], features=FEATURES, seed=1) is None
