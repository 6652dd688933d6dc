"""What a challenger has to show: each criterion is met by a good one, and refuses the fault that it is there for."""

import numpy as np
import pytest
from numpy.typing import NDArray

from risk.features.facade import Feature
from risk.learning.fit.criteria import (
    BADS_LEAST,
    Applicants,
    Criterion,
    Evidence,
    difference_limit,
    judge,
)
from risk.learning.fit.frame import Frame
from risk.learning.fit.stability import psi, score_psi

Floats = NDArray[np.float64]
ROWS = 4_000
FEATURES = (Feature("income", "number", "HKD", -1), Feature("housing", "category"))


def world(seed: int = 1, rows: int = ROWS) -> tuple[NDArray[np.int8], Floats]:
    """Labels, and the true probabilities behind them."""
    rng = np.random.default_rng(seed)
    pd = 1 / (1 + np.exp(2.2 - rng.normal(size=rows)))
    return (rng.uniform(size=rows) < pd).astype(np.int8), pd


def noisy(pd: Floats, much: float, seed: int = 2) -> Floats:
    logit = np.log(pd / (1 - pd)) + much * np.random.default_rng(seed).normal(size=len(pd))
    return np.asarray(1 / (1 + np.exp(-logit)))


def on(labels: NDArray[np.int8], pd: Floats, champion: Floats | None = None, fresh: int = ROWS) -> Evidence:
    return Evidence(labels, pd, pd[len(pd) // 2 :], np.arange(len(pd)) >= len(pd) - fresh, champion)


def by_name(found: list[Criterion]) -> dict[str, Criterion]:
    return {one.name: one for one in found}


def judged(one: Evidence, parts: tuple[Frame, Frame] | None = None, last: Applicants | None = None) -> list[Criterion]:
    return judge(one, parts, last)


def test_a_good_challenger_meets_all() -> None:
    labels, pd = world()
    last = Applicants(pd, pd)
    found = judged(on(labels, pd, noisy(pd, 0.5)), (frame(0.1), frame(0.1)), last)
    assert [one.name for one in found] == [
        "better_than_chance", "calibrated", "evidence", "not_worse", "stable", "complete",
    ]  # fmt: skip
    assert all(one.met for one in found), found


def test_shuffled_labels_are_no_better_than_chance() -> None:
    labels, pd = world()
    shuffled = np.random.default_rng(3).permutation(labels)
    found = by_name(judged(on(shuffled, pd, noisy(pd, 0.5))))
    assert not found["better_than_chance"].met
    assert not found["better_than_chance"].waivable


def test_a_clearly_worse_one_is_refused() -> None:
    labels, pd = world()
    found = by_name(judged(on(labels, noisy(pd, 1.5), pd)))
    assert not found["not_worse"].met
    assert not found["not_worse"].waivable


def test_few_bads_are_told_and_may_be_waived_unless_it_looks_worse() -> None:
    labels, pd = world()
    found = by_name(judged(on(labels, pd, noisy(pd, 0.5), fresh=300)))
    assert found["evidence"].figure == str(int(labels[-300:].sum()))
    assert not found["evidence"].met
    assert found["evidence"].waivable
    worse = by_name(judged(on(labels, noisy(pd, 2.0), pd, fresh=600)))["not_worse"]
    assert (worse.met, worse.waivable) == (False, False)


def test_rows_that_have_judged_before_do_not_judge_again() -> None:
    labels, pd = world()
    wrong = pd.copy()
    wrong[-1000:] = 1 - wrong[-1000:]  # the champion fails on the fresh rows alone
    assert by_name(judged(on(labels, pd, wrong, fresh=1000)))["not_worse"].figure > "+0.1"
    none = judged(on(labels, pd, wrong, fresh=0))
    assert [one.name for one in none] == ["better_than_chance", "calibrated", "evidence"]


@pytest.mark.parametrize(
    ("bads", "limit"), [(1, -0.006), (200, -0.006), (800, -0.003), (1800, -0.002), (20_000, -0.002)]
)
def test_the_limit_tightens_with_evidence(bads: int, limit: float) -> None:
    assert difference_limit(bads) == pytest.approx(limit, abs=1e-9)
    assert BADS_LEAST == 200


def test_calibration_allows_chance_and_what_the_champion_is_off() -> None:
    labels, pd = world()
    assert by_name(judged(on(labels, pd)))["calibrated"].met
    half = pd / 2
    alone = by_name(judged(on(labels, half)))["calibrated"]
    assert (alone.met, alone.waivable) == (False, True)
    assert 0.5 < float(alone.figure) < 0.8
    beside = by_name(judged(on(labels, half, noisy(pd, 0.1))))["calibrated"]
    assert (beside.met, beside.waivable) == (False, False)
    assert by_name(judged(on(labels, half, pd / 3)))["calibrated"].met


def frame(missing: float, rows: int = 1000) -> Frame:
    rng = np.random.default_rng(5)
    gone = rng.uniform(size=rows) < missing
    housing = np.array([None if one else "rent" for one in gone], dtype=object)
    return Frame(FEATURES, {"income": np.where(gone, np.nan, 1000.0), "housing": housing})


def test_a_feature_that_vanished_is_named() -> None:
    labels, pd = world()
    for newer, met in ((0.5, True), (0.95, False), (1.0, False)):
        found = by_name(judged(on(labels, pd), (frame(0.1), frame(newer))))["complete"]
        assert found.met is met
        assert ("income, housing" in found.says) is not met
    assert by_name(judged(on(labels, pd), (frame(0.99), frame(1.0))))["complete"].met  # it never was there


def test_scores_that_jump_are_refused_unless_the_champions_jump_as_far() -> None:
    labels, pd = world()
    steady = np.log(pd / (1 - pd))
    jumping = steady + np.where(np.arange(ROWS) < ROWS // 2, 0, 2)
    assert not by_name(judged(on(labels, pd), None, Applicants(jumping, steady)))["stable"].met
    assert by_name(judged(on(labels, pd), None, Applicants(jumping, jumping)))["stable"].met
    assert by_name(judged(on(labels, pd), None, Applicants(steady, jumping)))["stable"].met


def test_psi_by_hand() -> None:
    expected, actual = np.array([50, 50]), np.array([70, 30])
    shares = [(0.5, 0.7), (0.5, 0.3)]
    assert psi(expected, actual) == pytest.approx(sum((a - e) * np.log(a / e) for e, a in shares), rel=1e-12)
    assert psi(expected, expected) == 0
    for wrong in ([1.0], [0, 0]):
        with pytest.raises(ValueError, match="not empty"):
            psi(expected, wrong)
    assert score_psi(np.arange(1000.0), np.arange(1000.0)) == pytest.approx(0, abs=1e-12)
    assert score_psi(np.zeros(10), np.zeros(10)) == 0  # one value is one bin
