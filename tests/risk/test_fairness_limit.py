"""Among the promotion criteria: protected groups at the cut-off, and what stands where there are no group data."""

import numpy as np
import pytest
from numpy.typing import NDArray

from risk.features.facade import GroupColumn, GroupPair, paired_ratio, pairs, together
from risk.learning.fit.fairness import Approvals, fair

Mask = NDArray[np.bool_]
ROWS = 2_000


def passed(first: float, second: float, *, seed: int = 1) -> Mask:
    """Approvals of two groups of a thousand each at these rates, exactly."""
    rng = np.random.default_rng(seed)
    halves = [rng.permutation(np.arange(ROWS // 2) < round(rate * ROWS / 2)) for rate in (first, second)]
    return np.concatenate(halves)


def pair(*, basis: str = "collected") -> GroupPair:
    group = np.arange(ROWS) < ROWS // 2
    return GroupPair("sex: F / M", basis, True, group, ~group)


def on(challenger: Mask, champion: Mask | None = None, *, basis: str = "collected") -> Approvals:
    return Approvals([pair(basis=basis)], challenger, champion, 0.1)


def test_equal_groups_meet_it_and_the_basis_is_told() -> None:
    found = fair(on(passed(0.6, 0.62), basis="estimated"))
    assert (found.name, found.met, found.waivable, found.limit) == ("fair", True, False, ">= 0.80")
    assert found.figure == f"{0.6 / 0.62:.3f}"
    assert "sex: F / M, data estimated: 0.97" in found.says
    assert "at the cut-off of 10%" in found.says


@pytest.mark.parametrize("rates", [(0.3, 0.6), (0.6, 0.3)], ids=["the smaller group", "the larger group"])
def test_a_ratio_whose_interval_lies_below_four_fifths_is_refused_for_either_group(rates: tuple[float, float]) -> None:
    found = fair(on(passed(*rates)))
    assert (found.met, found.waivable, found.figure) == (False, False, "0.500")
    assert "less discriminatory alternative" in found.says


def test_a_ratio_that_chance_may_explain_is_not() -> None:
    found = fair(on(passed(0.45, 0.6)))
    assert (found.met, found.figure) == (True, "0.750")
    assert "(0.69 to 0.82)" in found.says
    few = np.concatenate([np.arange(40) < 15, np.arange(40) < 20])
    group = np.arange(80) < 40
    assert fair(Approvals([GroupPair("few", "voluntary", True, group, ~group)], few, None, 0.1)).met


def test_one_that_is_clearly_further_apart_than_the_champion_is_refused() -> None:
    champion = passed(0.7, 0.7)
    found = fair(on(passed(0.6, 0.7), champion))
    assert (found.met, found.figure, found.waivable) == (False, "0.857", False)
    assert "clearly below the champion" in found.says
    assert fair(on(passed(0.68, 0.7), champion)).met
    assert fair(on(passed(0.6, 0.7), passed(0.6, 0.7, seed=2))).met
    # The champion put the other group behind: what counts is the distance from equal rates.
    assert fair(on(passed(0.69, 0.7), passed(0.7, 0.6))).met
    assert not fair(on(passed(0.6, 0.7), passed(0.7, 0.6))).met


@pytest.mark.parametrize("people", [Approvals([], np.array([True]), None, 0.1), on(np.zeros(ROWS, dtype=bool))])
def test_without_group_data_it_says_so_and_may_be_waived(people: Approvals) -> None:
    found = fair(people)
    assert (found.met, found.waivable, found.figure) == (False, True, "unknown")
    assert "no group data" in found.says


def test_a_paired_ratio_of_shares_by_hand() -> None:
    first, second = np.array([True] * 50 + [False] * 50), np.array([True] * 80 + [False] * 20)
    found = paired_ratio(first, second)
    assert found.value == pytest.approx(np.log(0.5 / 0.8))
    variance = (1 / 0.5 + 1 / 0.8 - 2 * 0.5 / (0.5 * 0.8)) / 100
    assert found.upper - found.value == pytest.approx(1.959964 * np.sqrt(variance), rel=1e-6)
    assert paired_ratio(first, first).upper == 0.0
    with pytest.raises(ValueError, match="above nought"):
        paired_ratio(first, np.zeros(100, dtype=bool))


def test_group_columns_of_several_books_are_joined_on_the_weakest_basis() -> None:
    one = GroupColumn("sex", "category", "", "collected", ["F"] * 60 + ["M"] * 70)
    two = GroupColumn("sex", "category", "", "estimated", [None, "F"])
    age = GroupColumn("age", "number", "years", "voluntary", [24.0, 62.0])
    found = {column.name: column for column in together([([one], 130), ([two, age], 2), ([], 1)])}
    assert (found["sex"].basis, len(found["sex"].values), found["sex"].values[-2:]) == ("estimated", 133, ["F", None])
    assert found["age"].values[:130] == [None] * 130
    assert [(made.name, int(made.group.sum())) for made in pairs(found.values())] == [("sex: F / M", 61)]
