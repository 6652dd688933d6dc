"""One feature as an axis of the tables: which bin a value falls into, and which value may stand for a bin.

Bin 0 is "missing". A number with cuts c_0 < ... < c_k has the bins 1 .. k+2, bin b holding c_(b-2) <= x < c_(b-1)
with open ends. A category has one bin per group of values and, as the last bin, "unknown".
"""

from bisect import bisect_right
from math import floor, inf, isnan, log10, nextafter
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

Bins = NDArray[np.intp]


class InputError(ValueError):
    """A value has a type that its feature cannot take. Names the feature, never the value."""


class NumberAxis(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="number"):
    """A number: `cuts` in its unit, ascending; `share_ppm` of the training rows in each bin."""

    name: str
    unit: str
    direction: Literal[-1, 0, 1]
    cuts: list[float]
    share_ppm: list[int]

    @property
    def size(self) -> int:
        """Bins of this axis, "missing" included."""
        return len(self.cuts) + 2

    @property
    def real_bins(self) -> range:
        """Bins that a statable value falls into."""
        return range(1, self.size)

    def fault(self) -> str | None:
        """What is wrong with the cuts, if anything."""
        ascending = all(a < b for a, b in zip(self.cuts, self.cuts[1:], strict=False))
        finite = all(-inf < cut < inf for cut in self.cuts)
        return None if ascending and finite else "its cuts do not ascend"

    def bin_of(self, value: Any) -> int:
        """The bin of one value; None and NaN are missing."""
        if value is None:
            return 0
        try:
            return 0 if isnan(value) else bisect_right(self.cuts, value + 0.0) + 1
        except (TypeError, OverflowError):
            raise InputError(f"Feature {self.name!r} takes a number.") from None

    def bins_of(self, values: ArrayLike) -> Bins:
        """The bins of a column; None and NaN are missing."""
        column = np.asarray(values)
        if column.dtype.kind not in "fiub":
            return np.array([self.bin_of(value) for value in column.tolist()], dtype=np.intp)
        numbers = column.astype(np.float64, copy=False)
        bins: Bins = np.searchsorted(np.array(self.cuts), numbers, side="right") + 1
        bins[np.isnan(numbers)] = 0
        return bins

    def label(self, index: int) -> str:
        """A bin in words: `missing`, `< 2`, `2 to < 5`, `>= 5`."""
        low, high = self._bounds(index)
        if index == 0:
            return "missing"
        if low == -inf:
            return "any" if high == inf else f"< {high:g}"
        return f">= {low:g}" if high == inf else f"{low:g} to < {high:g}"

    def value_in(self, index: int, coming_from: int) -> float:
        """A value inside a real bin: its near end, seen from the bin `coming_from`."""
        low, high = self._bounds(index)
        if low == -inf and high == inf:
            return 0.0
        if low > -inf and (coming_from < index or high == inf):
            return low
        return _short_below(high, low)

    def _bounds(self, index: int) -> tuple[float, float]:
        low = self.cuts[index - 2] if index >= 2 else -inf
        high = self.cuts[index - 1] if 1 <= index <= len(self.cuts) else inf
        return low, high


class CategoryAxis(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="category"):
    """A category: groups of values that share a bin, the most frequent value of a group first."""

    name: str
    unit: str
    direction: Literal[0]
    categories: list[list[str]]
    share_ppm: list[int]

    @property
    def size(self) -> int:
        """Bins of this axis, "missing" and "unknown" included."""
        return len(self.categories) + 2

    @property
    def real_bins(self) -> range:
        """Bins that a statable value falls into."""
        return range(1, self.size - 1)

    def fault(self) -> str | None:
        """What is wrong with the groups, if anything."""
        values = [value for group in self.categories for value in group]
        if not all(self.categories) or len(values) != len(set(values)):
            return "its categories are empty or repeated"
        return None

    def index(self) -> dict[str | None, int]:
        """Bin of each known value, None included."""
        known: dict[str | None, int] = {None: 0}
        known.update({value: at for at, group in enumerate(self.categories, 1) for value in group})
        return known

    def bin_of(self, value: Any, known: dict[str | None, int] | None = None) -> int:
        """The bin of one value; None and NaN are missing, an unseen text is unknown."""
        if value is None or (isinstance(value, float) and isnan(value)):
            return 0
        if not isinstance(value, str):
            raise InputError(f"Feature {self.name!r} takes a text.")
        return (known or self.index()).get(value, self.size - 1)

    def bins_of(self, values: ArrayLike) -> Bins:
        """The bins of a column; None and NaN are missing, unseen texts are unknown."""
        known = self.index()
        get = known.get
        column = np.asarray(values).tolist()
        try:
            bins = np.array([get(value, -1) for value in column], dtype=np.intp)
        except TypeError:
            raise InputError(f"Feature {self.name!r} takes a text.") from None
        for at in np.flatnonzero(bins < 0).tolist():
            bins[at] = self.bin_of(column[at], known)
        return bins

    def label(self, index: int) -> str:
        """A bin in words: `missing`, `unknown`, or its values."""
        if index == 0:
            return "missing"
        return "unknown" if index == self.size - 1 else ", ".join(self.categories[index - 1])

    def value_in(self, index: int, _coming_from: int) -> str:
        """A value inside a real bin: the most frequent one."""
        return self.categories[index - 1][0]


Axis = NumberAxis | CategoryAxis


def _short_below(high: float, low: float) -> float:
    """A number with few digits, just below `high` and not below `low`."""
    if high.is_integer() and (low == -inf or low.is_integer()) and abs(high) < 2**53:
        return high - 1.0
    width = high - low if low > -inf else abs(high) or 1.0
    digits = 1 - floor(log10(width))
    candidate = round(high - 10.0**-digits, digits) + 0.0 if abs(digits) < 300 else high
    return candidate if low <= candidate < high else max(low, nextafter(high, -inf))
