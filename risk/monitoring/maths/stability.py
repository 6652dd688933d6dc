"""Whether a population is still the one that was trained on: PSI of the score, CSI of a feature, over fixed bins."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
SHARE_LEAST = 0.05
_FLOOR = 1e-4  # a bin that is empty on one side counts as one row in ten thousand


def psi(expected_shares: ArrayLike, counts: ArrayLike) -> float:
    """Population stability index: the sum of (a - e) ln(a / e) over the shares of the bins, both (bins,).

    `expected_shares` are the training population's, `counts` what came. Below .1 nothing moved, above .25 much did.
    Siddiqi, Credit Risk Scorecards (2006), chapter 10; the symmetric form of Kullback and Leibler (1951). Of n rows
    that did not move it is about (bins - 1) / n. Raises ValueError where there are no rows, or other bins.
    """
    expected, came = np.asarray(expected_shares, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    if expected.shape != came.shape or not came.sum() > 0 or not expected.sum() > 0:
        raise ValueError("The shares and the counts must be of the same bins, and not empty.")
    before = np.maximum(expected / expected.sum(), _FLOOR)
    after = np.maximum(came / came.sum(), _FLOOR)
    return float(np.sum((after - before) * np.log(after / before)))


def groups_of(shares: Sequence[float], *, alone: Sequence[int] = (), least: float = SHARE_LEAST) -> Places:
    """Join neighbouring bins until each group has the `least` share: the group of each bin, (bins,).

    Many thin bins would make noise look like a shift. Bins in `alone`, such as "missing", stay by themselves.
    """
    groups = np.zeros(len(shares), dtype=np.intp)
    group, filled = 0, 0.0
    for place, share in enumerate(shares):
        if place in alone:
            continue
        if filled >= least and sum(part for at, part in enumerate(shares) if at >= place and at not in alone) >= least:
            group, filled = group + 1, 0.0
        groups[place] = group
        filled += share
    for offset, place in enumerate(alone, start=1):
        groups[place] = group + offset
    return groups


def grouped(values: ArrayLike, groups: Places) -> Floats:
    """The sums of the bins' values by group, (groups,)."""
    found: Floats = np.bincount(groups, weights=np.asarray(values, dtype=np.float64)).astype(np.float64)
    return found
