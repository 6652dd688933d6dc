"""Reads the lines of a loan book: raw bytes in, typed values or a list of problems out."""

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from risk.features.catalogue.cells import CellError, Value, day_reader, label_reader, value_reader
from risk.features.catalogue.mapping import LabelColumn, Mapping, ReferenceColumn, TimeColumn

REFERENCE_MAX = 100


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a line was not taken: the column ("" for the whole line), a stable code, the remedy. Never the value."""

    column: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line that was taken: `values` in the order of the mapping's kept columns."""

    is_bad: bool
    values: tuple[Value, ...]
    day: date | None
    reference: str | None


class HeaderError(ValueError):
    """The header and the mapping do not name the same columns."""

    def __init__(self, missing: Sequence[str], unmapped: Sequence[str], twice: Sequence[str]) -> None:
        super().__init__("The header and the mapping do not name the same columns.")
        self.missing = tuple(missing)
        self.unmapped = tuple(unmapped)
        self.twice = tuple(twice)

    def sentences(self) -> list[str]:
        """What differs, and what to do about it."""
        found = [(self.missing, "in the mapping but not in the file: correct the name or take them out of the mapping")]
        found += [(self.unmapped, "in the file but not in the mapping: say of each what it is, if only `ignored`")]
        found += [(self.twice, "in the header more than once: give each column a name of its own")]
        return [f"Columns {remedy}: {', '.join(names)}." for names, remedy in found if names]


def split_line(raw: bytes, *, delimiter: str = ",") -> list[str] | RowProblem:
    """The fields of one line without its line end. One line is one record: no field reaches over a line's end."""
    if b"\0" in raw:
        return RowProblem("", "nul", "The line holds a NUL byte: write the file as plain text.")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return RowProblem("", "not_utf8", "The line is not UTF-8: save the file in that encoding.")
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return RowProblem("", "bad_quotes", "A quotation mark is not closed or stands inside a field: double it.")


class RowReader:
    """Reads the lines of a book whose header is known. Holds no state between lines."""

    def __init__(self, mapping: Mapping, header: Sequence[str]) -> None:
        """Find every column of the mapping in the header. Raises HeaderError."""
        places = _places(mapping, header)
        self._width = len(header)
        self._delimiter = mapping.delimiter
        self._kept = [(places[column.column], column.column, value_reader(column)) for column in mapping.kept_columns]
        self._label = _single(mapping, LabelColumn, places, label_reader)
        self._day = _single(mapping, TimeColumn, places, day_reader)
        self._reference = _single(mapping, ReferenceColumn, places, lambda _: _reference)

    def read(self, raw: bytes) -> Row | list[RowProblem]:
        """The row of one line, or everything that is wrong with it."""
        cells = split_line(raw, delimiter=self._delimiter)
        if isinstance(cells, RowProblem):
            return [cells]
        if len(cells) != self._width:
            detail = (
                f"The line has {len(cells)} fields, the header {self._width}: look for a missing or extra separator."
            )
            return [RowProblem("", "ragged", detail)]
        return self._row(cells)

    def _row(self, cells: list[str]) -> Row | list[RowProblem]:
        problems: list[RowProblem] = []
        label = _cell(cells, self._label, problems)
        day = _cell(cells, self._day, problems)
        reference = _cell(cells, self._reference, problems)
        values: list[Value] = []
        for place, name, convert in self._kept:
            try:
                values.append(convert(cells[place]))
            except CellError as error:
                problems.append(RowProblem(name, error.code, error.remedy))
        return problems or Row(bool(label), tuple(values), day, reference)


_Single = tuple[int, str, Callable[[str], Any]]


def _cell(cells: list[str], column: _Single | None, problems: list[RowProblem]) -> Any:
    if column is None:
        return None
    place, name, convert = column
    try:
        return convert(cells[place])
    except CellError as error:
        problems.append(RowProblem(name, error.code, error.remedy))
        return None


def _single(
    mapping: Mapping, kind: type, places: dict[str, int], make: Callable[[Any], Callable[[str], Any]]
) -> _Single | None:
    for column in mapping.columns:
        if isinstance(column, kind):
            return places[column.column], column.column, make(column)
    return None


def _reference(text: str) -> str:
    text = text.strip()
    if not text or len(text) > REFERENCE_MAX:
        raise CellError("bad_reference", f"Write an account reference of 1 to {REFERENCE_MAX} characters.")
    return text


def _places(mapping: Mapping, header: Sequence[str]) -> dict[str, int]:
    names = [name.strip() for name in header]
    known = [column.column for column in mapping.columns]
    twice = [name for name, count in Counter(names).items() if count > 1]
    missing = [name for name in known if name not in set(names)]
    unmapped = [name for name in names if name not in set(known)]
    if twice or missing or unmapped:
        raise HeaderError(missing, unmapped, twice)
    return {name: place for place, name in enumerate(names)}
