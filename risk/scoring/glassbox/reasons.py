"""Reasons that can be checked: what each feature costs, compared with the values that its artefact names.

lost_i = z(x) - min over the bins b that feature i is compared with of z(x with x_i = b). Those are its real bins with
share >= min_share, or one bin, of those who pass narrowly. It is found from the tables alone and is exact: scoring
again with the stated value moves the score by that amount. With pairs the amounts of several features do not add up;
the additive terms do.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from risk.scoring.glassbox.artefact import Artefact, NearCutOff
from risk.scoring.glassbox.axis import Axis

Table = NDArray[np.int64]
PPM = 1_000_000


class Reason(msgspec.Struct, frozen=True, gc=False):
    """One feature's part in a score: moving it from `value` to `best_value` alone lowers the logit by `lost_micro`.

    `best_value` is the one that the artefact compares with: the best common one, or that of those who pass narrowly.
    """

    feature: str
    value: float | str | None
    bin: int
    best_value: float | str
    best_bin: int
    lost_micro: int


class BestBin:
    """The cheapest of some bins of one feature, given the bins of its partners.

    `compared` are those bins; `partners` are the positions of the features that it has a pair with. Bins that are never
    better than another one, whatever the partners are, are left out beforehand: that is exact, and leaves a few of
    sixty. No answer of `find` lies below `floor`.
    """

    def __init__(self, artefact: Artefact, position: int, compared: list[int]) -> None:
        tables: list[Table] = []
        self.partners: list[int] = []
        for pair in artefact.pairs:
            if position in (pair.i, pair.j):
                table = np.array(pair.table, dtype=np.int64)
                tables.append(table if position == pair.i else table.T)
                self.partners.append(pair.j if position == pair.i else pair.i)
        main = np.array(artefact.mains[position], dtype=np.int64)
        axis = artefact.features[position]
        self.bins = _undominated(main, tables, compared)
        self.values = {index: (axis.value_in(index, 0), axis.value_in(index, axis.size)) for index in self.bins}
        self.tables = main[self.bins], [table[self.bins] for table in tables]
        self._main: list[int] = main[self.bins].tolist()
        self._by_partner: list[list[list[int]]] = [table[self.bins].T.tolist() for table in tables]
        least = main[self.bins] + sum((table[self.bins].min(axis=1) for table in tables), start=np.int64(0))
        self.floor = int(least.min()) if self.bins else 0
        self._ready = self._answers()

    def _answers(self) -> list[tuple[int, int]] | None:
        """With at most one partner every answer is known beforehand: (value, bin) by the partner's bin."""
        if len(self.partners) > 1 or not self.bins:
            return None
        rows = self._by_partner[0] if self.partners else [[0] * len(self.bins)]
        return [min((m + p, b) for m, p, b in zip(self._main, row, self.bins, strict=True)) for row in rows]

    def find(self, bins: Sequence[int]) -> tuple[int, int]:
        """The least sum of this feature's own tables (micro-logits) and its bin, partners as in `bins`."""
        if self._ready is not None:
            return self._ready[bins[self.partners[0]] if self.partners else 0]
        rows = [table[bins[partner]] for table, partner in zip(self._by_partner, self.partners, strict=True)]
        sums = list(map(sum, zip(self._main, *rows, strict=True)))
        least = min(sums)
        return least, self.bins[sums.index(least)]


class Reasoner:
    """Finds the reasons of scored rows for one artefact."""

    def __init__(self, artefact: Artefact, compared: Sequence[list[int]]) -> None:
        """`compared`: the bins of each feature that its value is compared with."""
        self._names = [axis.name for axis in artefact.features]
        self.best = [BestBin(artefact, at, bins) for at, bins in enumerate(compared)]
        self._floors = [(at, best.floor) for at, best in enumerate(self.best) if best.bins]
        self._pairs = [(pair.i, pair.j) for pair in artefact.pairs]

    def reasons(
        self,
        values: Sequence[float | str | None],
        bins: Sequence[int],
        mains: Sequence[int],
        pairs: Sequence[int],
        limit: int,
    ) -> tuple[Reason, ...]:
        """At most `limit` reasons with a loss above zero, the largest first; equal losses in order of features.

        Features are looked at in order of what they can lose at most, until no other can be among the first.
        """
        own = list(mains)
        for (i, j), micro in zip(self._pairs, pairs, strict=True):
            own[i] += micro
            own[j] += micro
        bounds = [(own[at] - floor, at) for at, floor in self._floors]
        bounds.sort(reverse=True)
        losses: list[tuple[int, int, int]] = []
        smallest = 0
        for bound, at in bounds:
            if bound <= 0 or bound < smallest:
                break
            least, best_bin = self.best[at].find(bins)
            if own[at] > least:
                losses.append((least - own[at], at, best_bin))
                if len(losses) >= limit:
                    smallest = -sorted(losses)[limit - 1][0]
        losses.sort()
        return tuple(self._reason(values, bins, *loss) for loss in losses[:limit])

    def _reason(
        self, values: Sequence[float | str | None], bins: Sequence[int], gain: int, at: int, best_bin: int
    ) -> Reason:
        from_below, from_above = self.best[at].values[best_bin]
        best_value = from_below if bins[at] < best_bin else from_above
        return Reason(self._names[at], values[at], bins[at], best_value, best_bin, -gain)


def principal(artefact: Artefact) -> Reasoner:
    """Finds the principal reasons, by the artefact's reference."""
    if isinstance(artefact.reasons, NearCutOff):
        return Reasoner(artefact, [[index] if index else [] for index in artefact.reasons.bins])
    return helping(artefact)


def helping(artefact: Artefact) -> Reasoner:
    """Finds what would help most: the best values of at least the artefact's share of the rows."""
    return Reasoner(artefact, [common_bins(axis, artefact.reasons.min_share) for axis in artefact.features])


def common_bins(axis: Axis, min_share: float) -> list[int]:
    """The real bins of at least this share (0 to 1) of the rows."""
    return [index for index in axis.real_bins if axis.share_ppm[index] >= min_share * PPM]


def _undominated(main: Table, tables: list[Table], common: list[int]) -> list[int]:
    """The bins that are best for some choice of the partners' bins, as far as a sufficient test can tell."""
    if not common:
        return []
    at = np.array(common)
    # gap[a, b]: the least amount by which bin a costs more than bin b.
    gap = main[at][:, None] - main[at][None, :]
    for table in tables:
        rows = np.unique(table[at], axis=1)
        gap = gap + np.min(rows[:, None, :] - rows[None, :, :], axis=2)
    kept: list[int] = []
    for a in range(len(common)):
        # Of bins that always cost the same the first stays.
        beaten = (gap[a] > 0) | ((gap[a] == 0) & (np.arange(len(common)) < a))
        if not beaten.any():
            kept.append(common[a])
    return kept
