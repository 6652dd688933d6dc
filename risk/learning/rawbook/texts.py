"""Texts as numbers: plain, money, percent, spans of time, dates. Each reader answers None for what it cannot read."""

import re
from collections.abc import Callable
from datetime import date

Reader = Callable[[str], float | None]

MONTHS_IN = {"d": 12 / 365.25, "w": 84 / 365.25, "m": 1.0, "y": 12.0}
MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_GROUPED = re.compile(r"^-?\d{1,3}(,\d{3})+(\.\d*)?$")
_SPAN_PART = re.compile(r"(\d+(?:\.\d+)?)\s*\+?\s*(days?|weeks?|months?|mons?|mths?|mos?|years?|yrs?)\b", re.I)
_SPAN_REST = re.compile(r"^[\s<>=,]*$")
_YEAR_FIRST = re.compile(r"^(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?(?:[T ]\d{1,2}:.*)?$")
_YEAR_LAST = re.compile(r"^(\d{1,2})[-/.](\d{1,2})[-/.](\d{4}|\d{2})(?:[T ]\d{1,2}:.*)?$")
_NAMED_MONTH = re.compile(r"^(?:(\d{1,2})[-/ ])?([a-z]{3})[a-z]*[-/ ,]+(\d{4}|\d{2})$", re.I)


def number(text: str) -> float | None:
    """`12.5`, `1e3`, `$60,000.00`, `(250)`, `83.70%` (as 83.7). No underscores, no `infinity` in words."""
    plain = text.strip().rstrip("%").strip().lstrip("$€£¥").strip()
    if plain.startswith("(") and plain.endswith(")"):
        plain = "-" + plain[1:-1].lstrip("$€£¥")
    if _GROUPED.match(plain):
        plain = plain.replace(",", "")
    if not plain or "_" in plain:
        return None
    try:
        return float(plain)
    except ValueError:
        return None


def comma_number(text: str) -> float | None:
    """A number with a decimal comma and perhaps points between thousands: `1.234,5`."""
    return number(text.replace(".", "").replace(",", ".")) if text.count(",") == 1 else number(text)


def months(text: str) -> float | None:
    """A span of time in months: `36 months`, `10+ years` (120), `1yrs 11mon`; `< 1 year` is half of it."""
    spans = _SPAN_PART.findall(re.sub(r"(?<=[a-z])(?=\d)", " ", text))
    if not spans or not _SPAN_REST.match(_SPAN_PART.sub("", text)):
        return None
    total = sum(float(amount) * MONTHS_IN[unit[0].lower()] for amount, unit in spans)
    return total / 2 if text.lstrip().startswith("<") else total


def day_reader(*, day_first: bool) -> Reader:
    """A reader of dates as day numbers; `day_first` tells 3/4/2005 as the third of April."""

    def read(text: str) -> float | None:
        parts = _date_parts(text, day_first)
        try:
            return float(date(*parts).toordinal()) if parts else None
        except ValueError:
            return None

    return read


def looks_day_first(texts: list[str]) -> bool:
    """Whether some date has a first part above twelve, and none a second one."""
    found = [match for match in map(_YEAR_LAST.match, texts) if match]
    return any(int(match[1]) > 12 for match in found) and not any(int(match[2]) > 12 for match in found)


def _date_parts(text: str, day_first: bool) -> tuple[int, int, int] | None:
    if match := _YEAR_FIRST.match(text):
        return int(match[1]), int(match[2]), int(match[3] or 1)
    if match := _YEAR_LAST.match(text):
        first, second = int(match[1]), int(match[2])
        return (_year(match[3]), second, first) if day_first else (_year(match[3]), first, second)
    if match := _NAMED_MONTH.match(text):
        name = match[2].lower()
        return (_year(match[3]), MONTH_NAMES.index(name) + 1, int(match[1] or 1)) if name in MONTH_NAMES else None
    return None


def _year(text: str) -> int:
    year = int(text)
    return year if len(text) == 4 else year + (1900 if year >= 60 else 2000)
