"""The bins over which PSI and CSI compare a population with the one that was trained on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
SHARE_LEAST = 0.05


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
