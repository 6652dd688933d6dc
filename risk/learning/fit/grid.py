"""The grid of a book: for each feature the bins that trees may tell apart, and how many rows fall into each.

Codes: 0 = missing (for a category also unseen and rare), 1, 2, ... = the real bins in order.
"""

from collections.abc import Callable
from math import ceil, floor, log10
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from risk.features.facade import Direction, Feature, Kind
from risk.learning.fit.frame import Column, Floats, Frame, Labels

Codes = NDArray[np.uint8]
MIN_CATEGORY_ROWS = 10
# Rows of prior knowledge when categories are put into order: rare ones stay near the middle.
CATEGORY_PRIOR_ROWS = 20


class GridAxis(msgspec.Struct, frozen=True):
    """One feature: `cuts` of a number, or `groups` of category values that share a bin."""

    name: str
    kind: Kind
    unit: str
    direction: Direction
    cuts: list[float]
    groups: list[list[str]]

    @property
    def codes(self) -> int:
        """How many codes there are, missing included."""
        return (len(self.cuts) + 2) if self.kind == "number" else len(self.groups) + 1

    def encode(self, column: Column) -> Codes:
        """The code of each value."""
        if self.kind == "number":
            codes = np.searchsorted(np.array(self.cuts), column, side="right") + 1
            codes[np.isnan(column)] = 0
            return codes.astype(np.uint8)
        known = {value: at for at, group in enumerate(self.groups, 1) for value in group}
        return np.array([known.get(value, 0) for value in column], dtype=np.uint8)


def make_grid(frame: Frame, labels: Labels, *, bins: int) -> list[GridAxis]:
    """The grid of a book with at most `bins` real bins a feature (2 to 250)."""
    if not 2 <= bins <= 250:
        raise ValueError("A grid has 2 to 250 bins a feature.")
    return [_axis(feature, frame.columns[feature.name], labels, bins) for feature in frame.features]


def encode(grid: list[GridAxis], frame: Frame) -> Codes:
    """Codes of a frame, shape (rows, features)."""
    return np.column_stack([axis.encode(frame.columns[axis.name]) for axis in grid])


def direction_of(feature: Feature) -> Direction:
    """A feature's direction, which categories have none of."""
    return feature.direction if feature.kind == "number" else 0


def _axis(feature: Feature, column: Column, labels: Labels, bins: int) -> GridAxis:
    cuts = number_cuts(column, bins) if feature.kind == "number" else []
    groups = category_groups(column, labels, bins) if feature.kind == "category" else []
    return GridAxis(feature.name, feature.kind, feature.unit, direction_of(feature), cuts, groups)


def number_cuts(column: Floats, bins: int) -> list[float]:
    """Ascending cuts that split the finite values into at most `bins` parts of about equal count.

    A value that fills a part alone gets its own; each cut is as round a number as fits between its neighbours.
    """
    values, counts = np.unique(column[np.isfinite(column)], return_counts=True)
    last = _part_ends(counts, bins) if len(values) > bins else np.arange(len(values) - 1)
    whole = bool(np.all(values == np.floor(values)))
    cuts = [_round_between(float(values[at]), float(values[at + 1]), whole) for at in last]
    return sorted(set(cuts))


def _part_ends(counts: NDArray[np.intp], bins: int) -> NDArray[np.intp]:
    """Positions of the distinct values that end a part, the last value left out."""
    ends: list[int] = []
    left, rows, held = bins, int(counts.sum()), 0
    for at, count in enumerate(counts[:-1].tolist()):
        held += count
        target = rows / left
        # Close the part before a value that would overfill it more than it is short now.
        overfull = held + int(counts[at + 1]) - target > target - held
        if held >= target or (overfull and counts[at + 1] > target / 2):
            ends.append(at)
            rows, left, held = rows - held, left - 1, 0
            if left == 1:
                break
    return np.array(ends, dtype=np.intp)


def _round_between(low: float, high: float, whole: bool) -> float:
    """A round number t with low < t <= high, near the middle."""
    middle = low / 2 + high / 2
    if whole and abs(high) < 2**53:
        return float(ceil(middle))
    width = high - low
    if not 0 < width < 1e300:
        return high
    digits = -floor(log10(width / 2)) if width > 1e-300 else 400
    candidate = round(middle, digits) if abs(digits) < 300 else middle
    return candidate if low < candidate <= high else high


def category_groups(column: Column, labels: Labels, bins: int) -> list[list[str]]:
    """Groups of values with at least ten rows, in order of their smoothed bad rate, at most `bins` of them.

    Within a group the most frequent value stands first. Rarer values are left to the missing code.
    """
    rows, bads = _tally(column, labels)
    kept = [value for value, count in rows.items() if count >= MIN_CATEGORY_ROWS]
    rate = float(labels.mean())

    def smoothed(value: str) -> tuple[float, str]:
        return (bads[value] + CATEGORY_PRIOR_ROWS * rate) / (rows[value] + CATEGORY_PRIOR_ROWS), value

    ordered = sorted(kept, key=smoothed)
    if len(ordered) <= bins:
        return [[value] for value in ordered]
    ends = _part_ends(np.array([rows[value] for value in ordered], dtype=np.intp), bins)
    parts = np.split(np.array(ordered, dtype=object), ends + 1)
    return [sorted(part.tolist(), key=_most_frequent(rows)) for part in parts]


def _most_frequent(rows: dict[str, int]) -> Callable[[str], tuple[int, str]]:
    return lambda value: (-rows[value], value)


def _tally(column: Column, labels: Labels) -> tuple[dict[str, int], dict[str, int]]:
    rows: dict[Any, int] = {}
    bads: dict[Any, int] = {}
    for value, label in zip(column.tolist(), labels.tolist(), strict=True):
        if value is not None:
            rows[value] = rows.get(value, 0) + 1
            bads[value] = bads.get(value, 0) + label
    return rows, bads
