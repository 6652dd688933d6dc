"""How far two models agree on the same people."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def rank_correlation(first: ArrayLike, second: ArrayLike) -> float | None:
    """Spearman's rank correlation of two scores of the same rows, (n,) each; ties share their mean rank.

    None where one of them says the same of everybody. Spearman, American Journal of Psychology 15 (1904).
    """
    ranks = [_ranks(np.asarray(one, dtype=np.float64)) for one in (first, second)]
    spreads = [one - one.mean() for one in ranks]
    scale = float(np.sqrt((spreads[0] ** 2).sum() * (spreads[1] ** 2).sum()))
    return float((spreads[0] * spreads[1]).sum() / scale) if scale > 0 else None


def _ranks(values: Floats) -> Floats:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mean: Floats = (ends - (counts - 1) / 2).astype(np.float64)
    return mean[places]
