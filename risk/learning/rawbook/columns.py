"""What a column of texts is: a number, a day, a category, or nothing to learn from."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from risk.learning.fit.frame import Column, Floats
from risk.learning.rawbook import texts
from risk.learning.rawbook.table import is_missing

# A column is read as numbers if no more than this share of its values cannot be; those become missing.
UNREADABLE_SHARE = 0.02
KEPT_CATEGORIES = 60
TEXT_LIMIT = 1000
ID_ROWS = 50
ALL_DISTINCT_ROWS = 2000
OTHER = "(other)"
FOLLOWS_TIME = 0.9
_ID_WORDS = frozenset(
    {"id", "ids", "nr", "no", "num", "number", "key", "uuid", "guid", "ref", "index", "serial", "row"}
)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@dataclass(frozen=True, slots=True)
class Known:
    """A usable column: float64 with NaN (number, day) or object of str and None (category), and what to say of it."""

    kind: Literal["number", "day", "category"]
    values: Column
    note: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that is not used, and why."""

    why: str


def read_column(name: str, cells: Sequence[str], time: Floats | None = None) -> Known | LeftOut:
    """Tell what a column is. Numbers may be money, percent or spans of time (in months).

    A number that only follows `time` (a year, a running number) is left out: it tells nothing of later rows.
    """
    counts = Counter(cells)
    known = {cell: count for cell, count in counts.items() if not is_missing(cell)}
    if not known:
        return LeftOut("empty")
    if len(known) == 1 and len(counts) == 1:
        return LeftOut("constant")
    found = as_numbers(cells, known) or as_days(cells, known)
    if found is None:
        return _category(cells, known)
    if found.kind == "number" and time is not None and abs(_rank_correlation(found.values, time)) >= FOLLOWS_TIME:
        return LeftOut("follows the time column")
    return _checked_number(name, found) if found.kind == "number" else found


def as_numbers(cells: Sequence[str], known: Mapping[str, int]) -> Known | None:
    """The column as numbers, if it is one."""
    for reader, unit in ((texts.number, ""), (texts.comma_number, "decimal comma"), (texts.months, "in months")):
        found = _read(cells, known, reader)
        if found is not None:
            values, note = found
            return Known("number", values, ", ".join(filter(None, (unit, note))))
    return None


def as_days(cells: Sequence[str], known: Mapping[str, int]) -> Known | None:
    """The column as day numbers, if it holds dates."""
    reader = texts.day_reader(day_first=texts.looks_day_first(list(known)))
    found = _read(cells, known, reader)
    return None if found is None else Known("day", found[0], "date" + (f", {found[1]}" if found[1] else ""))


def _read(cells: Sequence[str], known: Mapping[str, int], reader: texts.Reader) -> tuple[Floats, str] | None:
    read = {cell: reader(cell) for cell in known}
    failed = sum(known[cell] for cell, value in read.items() if value is None)
    if failed > UNREADABLE_SHARE * sum(known.values()):
        return None
    values = np.array([read.get(cell) for cell in cells], dtype=np.float64)
    return values, f"{failed} unreadable values taken as missing" if failed else ""


def _rank_correlation(left: Floats, right: Floats) -> float:
    """Spearman's, over rows where both are known."""
    both = np.isfinite(left) & np.isfinite(right)
    if both.sum() < ID_ROWS:
        return 0.0
    ranks = [np.unique(side[both], return_inverse=True)[1] for side in (left, right)]
    a, b = (_mean_ranks(rank) for rank in ranks)
    return float(np.corrcoef(a, b)[0, 1]) if a.std() and b.std() else 0.0


def _mean_ranks(order: NDArray[np.intp]) -> Floats:
    counts = np.bincount(order)
    return (np.cumsum(counts) - (counts - 1) / 2)[order]


def _checked_number(name: str, found: Known) -> Known | LeftOut:
    values = found.values[np.isfinite(found.values)]
    if not len(values):
        return LeftOut("empty")
    distinct = len(np.unique(values))
    if distinct == 1 and len(values) == len(found.values):
        return LeftOut("constant")
    if len(values) >= ID_ROWS and bool(np.all(values == np.floor(values))):
        named = not _ID_WORDS.isdisjoint(word.lower() for word in _WORDS.findall(name))
        counted = distinct == len(values) and values.max() - values.min() < 2 * len(values)
        unlikely = distinct == len(values) >= ALL_DISTINCT_ROWS
        if counted or unlikely or (named and distinct >= 0.9 * len(values)):
            return LeftOut("id-like: a number of its own for each row")
    return found


def _category(cells: Sequence[str], known: Mapping[str, int]) -> Known | LeftOut:
    rows = sum(known.values())
    if rows >= ID_ROWS and len(known) >= 0.9 * rows:
        return LeftOut("id-like: a text of its own for each row")
    if len(known) > TEXT_LIMIT:
        return LeftOut(f"high-cardinality text: {len(known)} different values")
    kept = set(known)
    note = ""
    if len(known) > KEPT_CATEGORIES:
        kept = {cell for cell, _ in sorted(known.items(), key=lambda item: (-item[1], item[0]))[:KEPT_CATEGORIES]}
        note = f"{len(known) - KEPT_CATEGORIES} rarer of {len(known)} values grouped"
    values = np.array([_grouped(cell, kept, known) for cell in cells], dtype=object)
    return Known("category", values, note)


def _grouped(cell: str, kept: set[str], known: Mapping[str, int]) -> str | None:
    if cell in kept:
        return cell
    return OTHER if cell in known else None
