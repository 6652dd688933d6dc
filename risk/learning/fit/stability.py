"""Whether a population stays the same: counts of two samples over the same bins."""

import numpy as np
from numpy.typing import ArrayLike

# Added to each bin's count, so that an empty one makes no infinite difference.
_HALF_ROW = 0.5


def psi(expected: ArrayLike, actual: ArrayLike) -> float:
    """Population stability index of counts per bin, both (bins,): the sum of (a - e) ln(a / e) over shares.

    Usual reading: below .1 stable, above .25 another population. Siddiqi, Credit Risk Scorecards (2006), ch. 10;
    it is the symmetric Kullback-Leibler divergence. Raises ValueError for a sample without rows, or other bins.
    """
    counts = [np.asarray(sample, dtype=np.float64) for sample in (expected, actual)]
    if counts[0].shape != counts[1].shape or not all(sample.sum() > 0 for sample in counts):
        raise ValueError("Two samples need rows, and the same bins.")
    before, after = ((sample + _HALF_ROW) / (sample + _HALF_ROW).sum() for sample in counts)
    return float(np.sum((after - before) * np.log(after / before)))


def score_psi(before: ArrayLike, after: ArrayLike, *, bins: int = 10) -> float:
    """PSI of scores over bins that hold equal shares of the earlier sample."""
    earlier = np.asarray(before, dtype=np.float64)
    edges = np.unique(np.quantile(earlier, np.linspace(0, 1, bins + 1)[1:-1]))
    counts = [np.bincount(np.searchsorted(edges, sample, side="right"), minlength=len(edges) + 1)
              for sample in (earlier, np.asarray(after, dtype=np.float64))]  # fmt: skip
    return psi(*counts)
