"""The statistics of monitoring: by hand, against a peer, and in simulation."""

from itertools import combinations
from math import exp, log, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.linear_model import LogisticRegression

from risk.features.maths import rates
from risk.learning.fit.comparison import paired_auc_difference
from risk.learning.fit.stability import psi
from risk.monitoring.maths import alternatives, stability
from risk.monitoring.maths.calibration import calibration

Floats = NDArray[np.float64]


# --- stability --------------------------------------------------------------------------------------------------------
def test_psi_by_hand() -> None:
    assert psi([0.5, 0.5], [30, 10]) == pytest.approx(0.25 * log(1.5) - 0.25 * log(0.5))
    assert psi([2, 6], [1, 3]) == 0.0


def test_an_empty_bin_counts_as_one_row_in_ten_thousand() -> None:
    found = psi([0.5, 0.5, 0.0], [45, 45, 10])
    assert found == pytest.approx(2 * -0.05 * log(0.9) + (0.1 - 1e-4) * log(0.1 / 1e-4))


@pytest.mark.parametrize(("shares", "counts"), [([0.5, 0.5], [1]), ([1.0], [0]), ([0.0], [1])])
def test_psi_needs_rows_of_the_same_bins(shares: list[float], counts: list[int]) -> None:
    with pytest.raises(ValueError, match="same bins"):
        psi(shares, counts)


def test_psi_of_a_population_that_did_not_move_is_about_bins_less_one_over_rows() -> None:
    random, shares = np.random.default_rng(5), np.array([0.1, 0.2, 0.3, 0.4])
    found = [psi(shares, random.multinomial(1_000, shares)) for _ in range(500)]
    assert np.mean(found) == pytest.approx(3 / 1_000, rel=0.1)


def test_thin_bins_are_joined_and_missing_stays_alone() -> None:
    groups = stability.groups_of([0.01, 0.02, 0.04, 0.5, 0.03, 0.38, 0.02], alone=[0])
    assert groups.tolist() == [3, 0, 0, 1, 2, 2, 2]
    assert stability.grouped([1, 2, 3, 4, 5, 6, 7], groups).tolist() == [5, 4, 18, 1]


# --- rates ------------------------------------------------------------------------------------------------------------
def test_a_rate_has_wilsons_interval() -> None:
    found = rates.rate(8, 40)
    peer = stats.binomtest(8, 40).proportion_ci(method="wilson")
    assert found.value == 0.2
    assert (found.lower, found.upper) == pytest.approx((peer.low, peer.high))
    for hits, rows in ((1, 0), (3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="rate needs rows"):
            rates.rate(hits, rows)


def test_an_impact_ratio_by_hand() -> None:
    # 30 of 100 against 50 of 100: ratio .6, variance of its logarithm 1/30 - 1/100 + 1/50 - 1/100 = 1/30
    found = rates.impact_ratio(30, 100, 50, 100)
    assert found.value == pytest.approx(0.6)
    assert found.lower == pytest.approx(0.6 * exp(-1.959964 * sqrt(1 / 30)), rel=1e-6)
    assert found.upper == pytest.approx(0.6 * exp(1.959964 * sqrt(1 / 30)), rel=1e-6)


def test_an_impact_ratio_of_nobody() -> None:
    assert rates.impact_ratio(0, 50, 0, 50).value == 1.0
    none = rates.impact_ratio(0, 50, 25, 50)
    assert none.value == 0.0
    assert 0 < none.lower < none.upper < 1
    with pytest.raises(ValueError, match="need rows"):
        rates.impact_ratio(0, 0, 1, 1)


def test_an_impact_ratio_at_a_cut_off_counts_who_is_below_it() -> None:
    pd = np.array([0.01, 0.1, 0.3, 0.01, 0.02, 0.3])
    women = np.array([True, True, True, False, False, False])
    found = rates.impact_at(pd, women, ~women, 0.1)
    assert (found.rate, found.reference_rate, found.pd_below) == pytest.approx((1 / 3, 2 / 3, 0.1))
    assert found.ratio.value == pytest.approx(0.5)


def test_nineteen_in_twenty_intervals_hold_the_true_ratio() -> None:
    random = np.random.default_rng(1)
    held = []
    for _ in range(1_000):
        found = rates.impact_ratio(random.binomial(200, 0.4), 200, random.binomial(300, 0.5), 300)
        held.append(found.lower <= 0.8 <= found.upper)
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


def test_a_mean_difference_by_hand() -> None:
    found = rates.mean_difference([1, 3], [4, 6, 8])
    pooled = sqrt((2 + 8) / 3)
    assert found.value == pytest.approx(-4 / pooled)
    reach = 1.959964 * sqrt(5 / 6 + found.value**2 / 10)
    assert (found.lower, found.upper) == pytest.approx((found.value - reach, found.value + reach))
    with pytest.raises(ValueError, match="two rows"):
        rates.mean_difference([1], [1, 2])
    with pytest.raises(ValueError, match="do not vary"):
        rates.mean_difference([1, 1], [1, 1])


# --- calibration ------------------------------------------------------------------------------------------------------
def test_observed_over_expected_by_hand() -> None:
    found = calibration([1, 0, 0, 0], [0.5, 0.25, 0.125, 0.125])
    assert (found.rows, found.bads, found.expected, found.ratio.value) == (4, 1, 1.0, 1.0)
    wilson = rates.rate(1, 4)
    assert found.ratio.upper == pytest.approx(wilson.upper / 0.25)


def test_the_line_is_that_of_a_logistic_regression() -> None:
    random = np.random.default_rng(2)
    pd = random.beta(2, 8, 4_000)
    labels = (random.random(4_000) < pd**1.3).astype(np.float64)
    logit = np.log(pd / (1 - pd))
    peer = LogisticRegression(C=np.inf, tol=1e-10).fit(logit[:, None], labels)
    found = calibration(labels, pd)
    assert found.slope is not None
    assert found.intercept is not None
    assert found.slope.value == pytest.approx(peer.coef_[0, 0], abs=1e-5)
    assert found.intercept.value == pytest.approx(peer.intercept_[0], abs=1e-5)


def test_true_probabilities_are_found_calibrated_nineteen_times_in_twenty() -> None:
    held = []
    for seed in range(300):
        random = np.random.default_rng(seed)
        pd = random.beta(2, 12, 1_000)
        found = calibration(random.random(1_000) < pd, pd)
        assert found.slope is not None
        held.append((found.slope.lower <= 1 <= found.slope.upper, found.ratio.lower <= 1 <= found.ratio.upper))
    shares = np.mean(held, axis=0)
    assert shares[0] == pytest.approx(0.95, abs=0.03)
    assert shares[1] >= 0.93


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [1, 1, 0, 0]])
def test_what_does_not_settle_a_line_gives_none(labels: list[int]) -> None:
    found = calibration(labels, [0.4, 0.3, 0.2, 0.1])
    assert (found.slope, found.intercept) == (None, None)


# --- a less discriminatory alternative --------------------------------------------------------------------------------
def world(rows: int = 4_000) -> tuple[alternatives.Terms, NDArray[np.bool_], NDArray[np.bool_]]:
    """Feature 0 tells the outcome, 1 stands in for the group and tells little, 2 is noise; one pair of 1 and 2."""
    random = np.random.default_rng(9)
    group = random.random(rows) < 0.4
    strong, noise = random.normal(size=rows), random.normal(size=rows)
    proxy = group + 0.3 * random.normal(size=rows)
    labels = random.random(rows) < 1 / (1 + np.exp(-(-1.5 + 1.5 * strong)))
    mains = np.column_stack([1.5 * strong, 0.8 * proxy, 0.05 * noise])
    return alternatives.Terms(mains, 0.1 * (proxy * noise)[:, None], [(1, 2)]), group, labels


def searched(loss_max: float) -> tuple[list[alternatives.Alternative], float]:
    terms, group, labels = world()
    base = terms.without(())

    def lost(scores: Floats) -> tuple[float, float]:
        found = paired_auc_difference(labels, scores, base)
        return -found.difference, -found.lower_95

    found = alternatives.search(terms, 2_400, group, ~group, lost, loss_max=loss_max)
    return found, alternatives.ratio_at(base, 2_400, group, ~group)


def test_the_feature_that_stands_in_for_the_group_is_found() -> None:
    found, before = searched(0.01)
    assert before < 0.8
    assert found[0].dropped == (1,)
    assert found[0].ratio > 0.9
    assert found[0].auc_lost <= found[0].auc_lost_at_most <= 0.01
    ratios = [abs(one.ratio - 1) for one in found]
    assert ratios == sorted(ratios, reverse=True)


def test_what_loses_too_much_is_not_admissible() -> None:
    assert all(0 not in one.dropped for one in searched(0.01)[0])
    assert searched(-1.0)[0] == []


def test_dropping_features_takes_their_pairs_along() -> None:
    terms, _, _ = world(50)
    for count in range(3):
        for dropped in combinations(range(3), count):
            joint = terms.pairs[:, 0] if not {1, 2} & set(dropped) else 0
            mine = sum(terms.mains[:, at] for at in range(3) if at not in dropped) + joint
            assert np.allclose(terms.without(dropped), mine)
