"""The reasons of many rows at once, by numpy: the same reasons as of `Reasoner`, to the bit.

Of each feature the sums of its tables over its few undominated bins are looked up and added for all rows together.
The bin stands in the low bits of each sum, so that one minimum finds both, and of equal sums the first bin.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from risk.scoring.glassbox.reasons import BestBin, Reason

Integers = NDArray[np.int64]
Objects = NDArray[np.object_]
PART_ROWS = 4_096


class Ranked(msgspec.Struct, frozen=True):
    """The principal reasons of n rows, the largest loss first: three arrays (n, limit).

    `features` are positions, -1 where a row has no further reason; `best_bins`; `lost_micro`.
    """

    features: Integers
    best_bins: Integers
    lost_micro: Integers


class BatchReasoner:
    """Finds the reasons of many scored rows for one artefact."""

    def __init__(self, names: Sequence[str], best: Sequence[BestBin], pairs: Sequence[tuple[int, int]]) -> None:
        self._names = np.array(names, dtype=object)
        self._best_values, self._starts = _best_values(best)
        self._pairs = pairs
        self._found = [_Lookup(one) if one.bins else None for one in best]

    def rank(self, bins: Integers, mains: Integers, pairs: Integers, limit: int) -> Ranked:
        """The reasons of rows, given their bins and contributions: arrays (n, features) and (n, pairs)."""
        rows = len(bins)
        ranked = Ranked(*(np.full((rows, limit), -1, dtype=np.int64) for _ in range(3)))
        for start in range(0, rows, PART_ROWS):
            part = slice(start, min(start + PART_ROWS, rows))
            losses, best_bins = self._losses(bins[part], mains[part], pairs[part])
            _rank_part(losses, best_bins, ranked, part)
        return ranked

    def _losses(self, bins: Integers, mains: Integers, pairs: Integers) -> tuple[Integers, Integers]:
        by_feature = np.ascontiguousarray(bins.T)
        own = np.ascontiguousarray(mains.T)
        for (i, j), micro in zip(self._pairs, np.ascontiguousarray(pairs.T), strict=True):
            own[i] += micro
            own[j] += micro
        best_bins = np.zeros_like(own)
        for at, lookup in enumerate(self._found):
            if lookup is None:
                own[at] = 0
            else:
                least, best_bins[at] = lookup.find(by_feature)
                own[at] -= least
        return own, best_bins

    def texts(
        self, ranked: Ranked, bins: Integers, columns: Sequence[Sequence[float | str | None]]
    ) -> Iterator[tuple[Reason, ...]]:
        """Each row's reasons in full; `columns` are the values of the features, None for all of one that was absent."""
        some = ranked.features >= 0
        at, best, lost = ranked.features[some], ranked.best_bins[some], ranked.lost_micro[some]
        rows = np.repeat(np.arange(len(bins)), some.sum(axis=1))
        own = bins[rows, at]
        values = [columns[feature][row] for feature, row in zip(at.tolist(), rows.tolist(), strict=True)]
        best_values = self._best_values[self._starts[at] + 2 * best + (own > best)].tolist()
        parts = (self._names[at].tolist(), values, own.tolist(), best_values, best.tolist(), lost.tolist())
        found = list(map(Reason, *parts))
        ends = np.cumsum(some.sum(axis=1)).tolist()
        for start, end in pairwise([0, *ends]):
            yield tuple(found[start:end])


def _best_values(best: Sequence[BestBin]) -> tuple[Objects, Integers]:
    """The values that stand for each bin of each feature, from below and from above, and where each feature begins."""
    sizes = [2 * (max(one.bins, default=-1) + 1) for one in best]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    found: Objects = np.empty(sum(sizes), dtype=object)
    for start, one in zip(starts.tolist(), best, strict=True):
        for index, (from_below, from_above) in one.values.items():
            found[start + 2 * index], found[start + 2 * index + 1] = from_below, from_above
    return found, starts


class _Lookup:
    """The least sum of one feature's own tables and its bin, for many rows."""

    def __init__(self, best: BestBin) -> None:
        self._bins = np.array(best.bins, dtype=np.int64)
        self._shift = max(1, (len(best.bins) - 1).bit_length())
        self._partners = best.partners
        main, tables = best.tables
        self._main = (main << self._shift) + np.arange(len(best.bins))
        self._tables = [np.ascontiguousarray(table.T) << self._shift for table in tables]
        if len(tables) == 1:
            self._tables = [(self._tables[0] + self._main).min(axis=1)]

    def find(self, by_feature: Integers) -> tuple[Integers, Integers]:
        """The least sums and their bins; `by_feature` holds the bins of all features, (features, n)."""
        if not self._partners:
            keys: Any = np.full(by_feature.shape[1], self._main.min())
        elif len(self._partners) == 1:
            keys = self._tables[0][by_feature[self._partners[0]]]
        else:
            sums = np.broadcast_to(self._main, (by_feature.shape[1], len(self._bins))).copy()
            for table, partner in zip(self._tables, self._partners, strict=True):
                sums += table[by_feature[partner]]
            keys = sums.min(axis=1)
        return keys >> self._shift, self._bins[keys & ((1 << self._shift) - 1)]


def _rank_part(losses: Integers, best_bins: Integers, ranked: Ranked, part: slice) -> None:
    left = np.ascontiguousarray(losses.T)
    rows = np.arange(len(left))
    for place in range(ranked.features.shape[1]):
        at = left.argmax(axis=1)  # of equal losses the first feature
        lost = left[rows, at]
        some = lost > 0
        ranked.features[part, place] = np.where(some, at, -1)
        ranked.best_bins[part, place] = best_bins[at, rows]
        ranked.lost_micro[part, place] = lost
        left[rows, at] = 0
