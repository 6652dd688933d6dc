"""DeLong's variance of an AUC and of the difference of two: against its definition, by hand, and in simulation."""

import numpy as np
import pytest
from numpy.typing import NDArray

from risk.learning.fit.comparison import auc_estimate, paired_auc_difference
from risk.learning.fit.metrics import auc

Floats = NDArray[np.float64]


def by_definition(labels: Floats, a: Floats, b: Floats) -> tuple[float, float]:
    """Difference and variance with DeLong's kernel over all pairs of a bad and a good."""
    kernels = [
        (np.sign(score[labels == 1][:, None] - score[labels == 0][None, :]) + 1) / 2
        for score in (a, b)
    ]  # fmt: skip
    gap = kernels[0] - kernels[1]
    rows, columns = gap.mean(axis=1), gap.mean(axis=0)
    return float(gap.mean()), float(rows.var(ddof=1) / len(rows) + columns.var(ddof=1) / len(columns))


def test_an_interval_by_hand() -> None:
    # bads .9 .4, goods .5 .1: placements of bads 1 and 1/2, of goods 1/2 and 1; AUC 3/4,
    # variance 1/8 / 2 + 1/8 / 2 = 1/8
    found = auc_estimate([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1])
    assert found.auc == 0.75
    assert found.standard_error == pytest.approx(0.125**0.5, abs=1e-15)
    assert found.lower_95 == pytest.approx(0.75 - 1.959964 * 0.125**0.5, abs=1e-6)
    assert found.upper_95 == 1.0


def test_a_difference_by_hand() -> None:
    # a as above; b puts both bads on top: AUC 1, no variance; so the difference has the variance of a
    found = paired_auc_difference([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.1], [0.9, 0.8, 0.5, 0.1])
    assert found.difference == -0.25
    assert found.standard_error == pytest.approx(0.125**0.5, abs=1e-15)
    assert found.lower_95 == pytest.approx(-0.25 - 1.644854 * 0.125**0.5, abs=1e-6)


@pytest.mark.parametrize("levels", [5, 1_000_000])
def test_midranks_agree_with_the_definition_ties_included(levels: int) -> None:
    random = np.random.default_rng(7)
    labels = (random.random(300) < 0.2).astype(np.float64)
    a, b = (np.floor(levels * random.random(300) * (1 + labels)) for _ in range(2))
    found = paired_auc_difference(labels, a, b)
    difference, variance = by_definition(labels, a, b)
    assert found.difference == pytest.approx(difference, abs=1e-12)
    assert found.standard_error == pytest.approx(variance**0.5, abs=1e-12)
    assert auc_estimate(labels, a).auc == pytest.approx(auc(labels, a), abs=1e-12)


def test_scores_of_one_order_do_not_differ() -> None:
    random = np.random.default_rng(3)
    labels, score = random.random(200) < 0.3, random.random(200)
    found = paired_auc_difference(labels, score, score**3)
    assert (found.difference, found.standard_error, found.lower_95) == (0.0, 0.0, 0.0)


def test_the_errors_are_those_of_many_draws() -> None:
    differences, errors, lower, single = [], [], [], []
    for seed in range(400):
        random = np.random.default_rng(seed)
        labels = (random.random(600) < 0.2).astype(np.float64)
        shared = labels + random.normal(size=600)
        a, b = (shared + 0.5 * random.normal(size=600) for _ in range(2))
        found = paired_auc_difference(labels, a, b)
        differences.append(found.difference)
        errors.append(found.standard_error)
        lower.append(found.lower_95 < 0)  # the truth is 0
        single.append(auc_estimate(labels, a))
    assert np.mean(errors) == pytest.approx(np.std(differences), rel=0.1)
    assert np.mean(lower) == pytest.approx(0.95, abs=0.03)
    truth = np.mean([one.auc for one in single])
    covered = [one.lower_95 <= truth <= one.upper_95 for one in single]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.03)


@pytest.mark.parametrize("labels", [[1, 0, 0, 0], [1, 1, 1, 0]])
def test_one_row_of_a_class_has_no_error(labels: list[int]) -> None:
    with pytest.raises(ValueError, match="two goods and two bads"):
        auc_estimate(labels, [0.1, 0.2, 0.3, 0.4])


def test_columns_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        paired_auc_difference([1, 1, 0, 0], [0.1, 0.2, 0.3, 0.4], [0.1])
