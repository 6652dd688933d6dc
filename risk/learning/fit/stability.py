"""Whether a population stays the same: counts of two samples over the same bins."""

import numpy as np
from numpy.typing import ArrayLike

_FLOOR = 1e-4  # a bin that is empty on one side counts as one row in ten thousand


def psi(expected_shares: ArrayLike, counts: ArrayLike) -> float:
    """Population stability index: the sum of (a - e) ln(a / e) over the shares of the bins, both (bins,).

    `expected_shares` are those of the population before, or its counts; `counts` what came. Below .1
    nothing moved, above .25 much did.
    Siddiqi, Credit Risk Scorecards (2006), chapter 10; the symmetric form of Kullback and Leibler (1951). Of n rows
    that did not move it is about (bins - 1) / n. Raises ValueError where there are no rows, or other bins.
    """
    expected, came = np.asarray(expected_shares, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    if expected.shape != came.shape or not came.sum() > 0 or not expected.sum() > 0:
        raise ValueError("The shares and the counts must be of the same bins, and not empty.")
    before = np.maximum(expected / expected.sum(), _FLOOR)
    after = np.maximum(came / came.sum(), _FLOOR)
    return float(np.sum((after - before) * np.log(after / before)))


def score_psi(before: ArrayLike, after: ArrayLike, *, bins: int = 10) -> float:
    """PSI of scores over bins that hold equal shares of the earlier sample."""
    earlier = np.asarray(before, dtype=np.float64)
    edges = np.unique(np.quantile(earlier, np.linspace(0, 1, bins + 1)[1:-1]))
    counts = [np.bincount(np.searchsorted(edges, sample, side="right"), minlength=len(edges) + 1)
              for sample in (earlier, np.asarray(after, dtype=np.float64))]  # fmt: skip
    return psi(*counts)
