"""Groups of people by a protected attribute or a proxy of one, and which of them are compared."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

_YEARS = (25, 40, 62)  # 62: "elderly" in Regulation B, 12 CFR 1002.2(o); the others are judgement
ROWS_LEAST, GROUPS_MOST = 50, 6
_WEAKER = ("collected", "voluntary", "estimated")

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class GroupColumn:
    """A protected attribute or a proxy of one: its values, and on what basis they stand.

    `kind` is number or category, `basis` collected, voluntary or estimated.
    """

    name: str
    kind: str
    unit: str
    basis: str
    values: list[Any]
    protected: bool = True


@dataclass(frozen=True, slots=True)
class GroupPair:
    """A group, and the largest one that it is compared with: masks over the same rows."""

    name: str
    basis: str
    protected: bool
    group: Mask
    reference: Mask


def joined(parts: Iterable[tuple[list[Any] | None, int]]) -> list[Any]:
    """One column of several tables, each with its number of rows; missing throughout a table that has none."""
    return [value for part, rows in parts for value in (part if part is not None else [None] * rows)]


def together(tables: Sequence[tuple[Sequence[GroupColumn], int]]) -> list[GroupColumn]:
    """The group columns of several tables, each with its number of rows; the weakest basis counts."""
    known = {column.name: column for columns, _ in tables for column in columns}
    found = []
    for name, column in known.items():
        mine = [(next((one for one in columns if one.name == name), None), rows) for columns, rows in tables]
        basis = max((part.basis for part, _ in mine if part), key=_WEAKER.index)
        values = joined((part.values if part else None, rows) for part, rows in mine)
        found.append(replace(column, basis=basis, values=values))
    return found


def pairs(columns: Iterable[GroupColumn]) -> Iterator[GroupPair]:
    """Each group of ROWS_LEAST people beside the largest of its column; the GROUPS_MOST most frequent ones of each."""
    for column in columns:
        values = np.array([_group(column, value) for value in column.values], dtype=object)
        sizes = Counter(value for value in values.tolist() if value is not None)
        ranked = sorted(sizes, key=lambda name: (-sizes[name], name))
        large = [name for name in ranked if sizes[name] >= ROWS_LEAST][:GROUPS_MOST]
        for name in large[1:]:
            title = f"{column.name}: {name[:60]} / {large[0][:60]}"
            yield GroupPair(title, column.basis, column.protected, values == name, values == large[0])


def _group(column: GroupColumn, value: Any) -> str | None:
    """The group of a value; ages by bands, other numbers have none."""
    if value is None or column.kind == "category":
        return value if value is None else str(value)
    if column.unit != "years":
        return None
    below = next((top for top in _YEARS if value < top), None)
    return f"under {below}" if below else f"{_YEARS[-1]} and over"
