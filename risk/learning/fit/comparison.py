"""How sure an AUC is, and whether two scores of the same rows differ: labels (1 = bad) and probabilities, all (n,).

DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44, 837-845; computed by midranks in n log n as in Sun and Xu
(2014), IEEE Signal Processing Letters 21, 1389-1393. The intervals are normal: trust them from some 20 bads on.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from risk.learning.fit.metrics import Floats

_LEAST = 2  # of each class: below that there is no variance


@dataclass(frozen=True, slots=True)
class AucEstimate:
    """An AUC with its standard error and its two-sided 95 % interval, cut to 0..1."""

    auc: float
    standard_error: float
    lower_95: float
    upper_95: float


@dataclass(frozen=True, slots=True)
class AucDifference:
    """AUC of a minus AUC of b on the same rows; with 95 % confidence it is above `lower_95` (one-sided)."""

    difference: float
    standard_error: float
    lower_95: float


def auc_estimate(labels: ArrayLike, pd: ArrayLike) -> AucEstimate:
    """Return the AUC and how sure it is. Raises ValueError unless there are two goods and two bads."""
    found, covariance = _delong(labels, [pd])
    error = float(np.sqrt(covariance[0, 0]))
    reach = NormalDist().inv_cdf(0.975) * error
    return AucEstimate(float(found[0]), error, max(0.0, float(found[0]) - reach), min(1.0, float(found[0]) + reach))


def paired_auc_difference(labels: ArrayLike, pd_a: ArrayLike, pd_b: ArrayLike) -> AucDifference:
    """Compare two scores of the same rows, which their covariance takes into account.

    Scores of the same order differ by 0 with a standard error of 0. Raises ValueError unless there are two goods
    and two bads, and three columns of one length.
    """
    found, covariance = _delong(labels, [pd_a, pd_b])
    difference = float(found[0] - found[1])
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    error = float(np.sqrt(max(0.0, float(variance))))
    return AucDifference(difference, error, difference - NormalDist().inv_cdf(0.95) * error)


def _delong(labels: ArrayLike, scores: list[ArrayLike]) -> tuple[Floats, Floats]:
    """Return the AUCs (k,) and their covariance (k, k)."""
    bad = np.asarray(labels, dtype=np.float64) == 1
    columns = [np.asarray(score, dtype=np.float64) for score in scores]
    if bad.ndim != 1 or any(column.shape != bad.shape for column in columns):
        raise ValueError("Labels and probabilities must be columns of one length.")
    if min(int(bad.sum()), int((~bad).sum())) < _LEAST:
        raise ValueError("An AUC with its error needs two goods and two bads at least.")
    places = [_placements(bad, column) for column in columns]
    of_bads, of_goods = np.stack([one[0] for one in places]), np.stack([one[1] for one in places])
    covariance = _covariance(of_bads) + _covariance(of_goods)
    return of_bads.mean(axis=1), covariance


def _placements(bad: NDArray[np.bool_], score: Floats) -> tuple[Floats, Floats]:
    """For each bad the share of goods below it, for each good the share of bads above it; ties count half."""
    bads, goods = score[bad], score[~bad]
    together = _midranks(np.concatenate([bads, goods]))
    below = (together[: len(bads)] - _midranks(bads)) / len(goods)
    above = 1 - (together[len(bads) :] - _midranks(goods)) / len(bads)
    return below, above


def _midranks(values: Floats) -> Floats:
    """Ranks from 1, ties sharing their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    means: Floats = last - (counts - 1) / 2
    return means[inverse]


def _covariance(placements: Floats) -> Floats:
    """The covariance of the means of k rows of placements (k, m)."""
    centred = placements - placements.mean(axis=1, keepdims=True)
    rows = placements.shape[1]
    found: Floats = centred @ centred.T / (rows - 1) / rows
    return found
