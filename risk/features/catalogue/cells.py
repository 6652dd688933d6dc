"""Texts of a book into typed values. A value that cannot be read gives a code and a remedy, never the value itself."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache
from math import isfinite

from risk.features.catalogue.mapping import LabelColumn, TimeColumn, ValueColumn

Value = float | str | None
TEXT_MAX = 200
_MONTHS = re.compile(r"(\d{1,4})(?: ?(?:months?|mths?|m))?", re.IGNORECASE | re.ASCII)
_YEARS = re.compile(r"(<)? ?(\d{1,3})\+?(?: ?(?:years?|yrs?|y))?", re.IGNORECASE | re.ASCII)


class CellError(ValueError):
    """A text that its column cannot take."""

    def __init__(self, code: str, remedy: str) -> None:
        super().__init__(code)
        self.code = code
        self.remedy = remedy


def value_reader(column: ValueColumn) -> Callable[[str], Value]:
    """What turns a text of this column into its value, None where it is missing. Raises CellError."""
    missing = frozenset(column.missing)
    convert = _CONVERTERS[column.type]
    low = -float("inf") if column.min is None else column.min
    high = float("inf") if column.max is None else column.max
    prefix = column.prefix

    def number(text: str) -> Value:
        text = text.strip()
        if text in missing:
            return None
        value = convert(text)
        if not low <= value <= high:
            raise CellError("out_of_range", f"The mapping allows {low:g} to {high:g} here.")
        return value

    def category(text: str) -> Value:
        text = text.strip()
        if text in missing:
            return None
        if len(text) > TEXT_MAX:
            raise CellError("text_too_long", f"A category has at most {TEXT_MAX} characters.")
        return text[:prefix] if prefix else text

    return category if column.type == "category" else number


def label_reader(column: LabelColumn) -> Callable[[str], bool]:
    """What turns a text into "is bad". Raises CellError for a text that the mapping does not name."""
    known = {**dict.fromkeys(column.good, False), **dict.fromkeys(column.bad, True)}

    def read(text: str) -> bool:
        bad = known.get(text.strip())
        if bad is None:
            code = "unknown_label" if text.strip() else "missing_label"
            raise CellError(code, "The mapping names the texts that mean bad and good: this is none of them.")
        return bad

    return read


def day_reader(column: TimeColumn) -> Callable[[str], date]:
    """What turns a text into a day. Raises CellError."""
    written = column.format

    @lru_cache(maxsize=20_000)
    def read(text: str) -> date:
        try:
            return datetime.strptime(text.strip(), written).replace(tzinfo=UTC).date()
        except ValueError:
            code = "bad_date" if text.strip() else "missing_date"
            raise CellError(code, f"Write a day that exists in the form {written}.") from None

    return read


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    # float() also takes underscores, other scripts' digits, nan and infinity.
    if not isfinite(value) or "_" in text or not text.isascii():
        raise CellError("not_a_number", "Write digits with a point, such as 1234.5, without separators.")
    return value


def _percent(text: str) -> float:
    return _number(text[:-1].rstrip() if text.endswith("%") else text)


def _months(text: str) -> float:
    found = _MONTHS.fullmatch(text)
    if found is None:
        raise CellError("not_months", "Write whole months, such as 36 or 36 months.")
    return float(found.group(1))


def _years(text: str) -> float:
    found = _YEARS.fullmatch(text)
    if found is None:
        raise CellError("not_years", "Write whole years, such as 3, 10+ years or < 1 year.")
    return float(found.group(2)) - (1.0 if found.group(1) else 0.0)


_CONVERTERS: dict[str, Callable[[str], float]] = {
    "number": _number,
    "percent": _percent,
    "months": _months,
    "years": _years,
    "category": _number,
}
