"""Rates, their ratios between groups, and differences of means: estimates with 95 % intervals."""

from dataclasses import dataclass
from math import exp, inf, log, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Z_95 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its two-sided 95 % interval."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class ImpactAtCutOff:
    """The adverse impact ratio where everybody with a PD below `pd_below` is approved; both approval rates."""

    pd_below: float
    ratio: Estimate
    rate: float
    reference_rate: float


def rate(hits: int, rows: int) -> Estimate:
    """A share with Wilson's score interval. Wilson (1927), JASA 22, 209-212. Raises ValueError without rows."""
    if not 0 <= hits <= rows or not rows:
        raise ValueError("A rate needs rows, and no more hits than rows.")
    share, square = hits / rows, Z_95**2
    middle = (share + square / (2 * rows)) / (1 + square / rows)
    reach = Z_95 * sqrt(share * (1 - share) / rows + square / (4 * rows**2)) / (1 + square / rows)
    return Estimate(share, max(0.0, middle - reach), min(1.0, middle + reach))


def impact_ratio(approved: int, rows: int, reference_approved: int, reference_rows: int) -> Estimate:
    """Adverse impact ratio: a group's approval rate over the reference group's.

    The interval is that of a ratio of two shares by its logarithm, Katz et al. (1978), Biometrics 34, 469-474; where
    nobody of a group is approved, half a row is added to all counts (Walter 1975, Biometrika 62, 371-374). Below .8
    it is adverse by the four-fifths rule (29 CFR 1607.4 D). Raises ValueError for a group without rows.
    """
    if not rows or not reference_rows:
        raise ValueError("Both groups need rows.")
    a, n, b, m = (float(count) for count in (approved, rows, reference_approved, reference_rows))
    value = (a / n) / (b / m) if b else (1.0 if not a else inf)
    if not a or not b:
        a, n, b, m = a + 0.5, n + 0.5, b + 0.5, m + 0.5
    middle, reach = log((a / n) / (b / m)), Z_95 * sqrt(max(0.0, 1 / a - 1 / n + 1 / b - 1 / m))
    return Estimate(value, exp(middle - reach), exp(middle + reach))


def impact_at(
    pd: ArrayLike, in_group: NDArray[np.bool_], in_reference: NDArray[np.bool_], cut: float
) -> ImpactAtCutOff:
    """The adverse impact ratio of a group at one cut-off of the probability of default; columns of one length."""
    approved = np.asarray(pd, dtype=np.float64) < cut
    counts = [
        (int(np.sum(approved & members)), int(np.sum(members))) for members in (in_group, in_reference)
    ]  # fmt: skip
    (hits, rows), (reference_hits, reference_rows) = counts
    ratio = impact_ratio(hits, rows, reference_hits, reference_rows)
    return ImpactAtCutOff(cut, ratio, hits / rows, reference_hits / reference_rows)


def mean_difference(group: ArrayLike, reference: ArrayLike) -> Estimate:
    """Standardised mean difference of a score: (mean of the group - mean of the reference) / pooled deviation.

    Cohen (1988), Statistical Power Analysis, 2.5.1; its interval as in Hedges and Olkin (1985), Statistical Methods
    for Meta-Analysis, chapter 5. Raises ValueError for fewer than two rows of a group, or scores that do not differ.
    """
    ours, theirs = np.asarray(group, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    n, m = len(ours), len(theirs)
    if min(n, m) < 2:
        raise ValueError("Both groups need two rows.")
    pooled = sqrt(((n - 1) * float(ours.var(ddof=1)) + (m - 1) * float(theirs.var(ddof=1))) / (n + m - 2))
    if not pooled > 0:
        raise ValueError("The scores of the groups do not vary.")
    value = (float(ours.mean()) - float(theirs.mean())) / pooled
    reach = Z_95 * sqrt((n + m) / (n * m) + value**2 / (2 * (n + m)))
    return Estimate(value, value - reach, value + reach)


def paired_ratio(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Estimate:
    """The logarithm of the ratio of two shares of the same rows: ln(share of `first` / share of `second`).

    Its variance is the delta method's on the counts of the two-by-two table: (1/a + 1/b - 2c/ab) / n with the shares
    a, b and c of both. Raises ValueError where one of them holds nowhere.
    """
    rows = len(first)
    a, b, both = (float(np.mean(part)) if rows else 0.0 for part in (first, second, first & second))
    if not a or not b:
        raise ValueError("Both shares must be above nought.")
    value, reach = log(a / b), Z_95 * sqrt(max(0.0, (1 / a + 1 / b - 2 * both / (a * b)) / rows))
    return Estimate(value, value - reach, value + reach)
