"""Our measures against scikit-learn's, on data with ties, and by hand."""

import numpy as np
import pytest
from sklearn import metrics as peer
from sklearn.calibration import calibration_curve

from risk.learning.fit import metrics


def sample(seed: int, rows: int = 3000, digits: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    pd = rng.beta(1, 6, rows).round(digits)
    return (rng.random(rows) < pd).astype(np.int8), pd


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("digits", [1, 2, 17])
def test_measures_are_scikit_learns(seed: int, digits: int) -> None:
    labels, pd = sample(seed, digits=digits)
    found = metrics.measure(labels, pd)
    false_positive, true_positive, _ = peer.roc_curve(labels, pd)
    assert found.auc == pytest.approx(peer.roc_auc_score(labels, pd), abs=1e-12)
    assert found.ks == pytest.approx((true_positive - false_positive).max(), abs=1e-12)
    assert found.brier == pytest.approx(peer.brier_score_loss(labels, pd), abs=1e-12)
    assert found.log_loss == pytest.approx(peer.log_loss(labels, pd), abs=1e-9)


def test_calibration_error_is_that_of_scikit_learns_bins_of_equal_count() -> None:
    labels, pd = sample(1, digits=17)
    observed, predicted = calibration_curve(labels, pd, n_bins=15, strategy="quantile")
    points = metrics.reliability(labels, pd)
    assert [point.rows for point in points] == [200] * 15
    assert [point.observed for point in points] == pytest.approx(observed.tolist())
    assert [point.predicted for point in points] == pytest.approx(predicted.tolist())
    assert metrics.ece(labels, pd) == pytest.approx(float(np.abs(observed - predicted).mean()))


def test_by_hand() -> None:
    labels, pd = [0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8]
    assert metrics.auc(labels, pd) == 0.875
    assert metrics.ks(labels, pd) == 0.5
    assert metrics.brier(labels, pd) == pytest.approx((0.01 + 0.16 + 0.36 + 0.04) / 4)
    assert metrics.ece(labels, pd, bins=2) == pytest.approx((2 * abs(0.25 - 0) + 2 * abs(0.6 - 1)) / 4)


def test_a_perfect_and_a_reversed_order() -> None:
    assert (metrics.auc([0, 0, 1], [0.1, 0.2, 0.9]), metrics.ks([0, 0, 1], [0.1, 0.2, 0.9])) == (1.0, 1.0)
    assert metrics.auc([1, 1, 0], [0.1, 0.2, 0.9]) == 0.0
    assert metrics.log_loss([1, 0], [0.0, 1.0]) == pytest.approx(36.04365338911715)


def test_the_roc_curve_runs_from_corner_to_corner_and_is_thinned() -> None:
    points = metrics.roc(*sample(2, rows=5000, digits=17), points=50)
    assert (points[0], points[-1]) == (metrics.RocPoint(0.0, 0.0), metrics.RocPoint(1.0, 1.0))
    assert len(points) == 50
    rates = [(point.false_positive, point.true_positive) for point in points]
    assert rates == sorted(rates)


def test_one_class_unequal_lengths_and_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="goods and bads"):
        metrics.auc([1, 1], [0.1, 0.2])
    for labels, pd in (([], []), ([0, 1], [0.1])):
        with pytest.raises(ValueError, match="one length"):
            metrics.brier(labels, pd)
