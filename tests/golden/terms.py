"""What the cases say of rounding, day counts and dates, in words. Words that are not known fail the case."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from hub.finance.day_count import due_dates
from hub.money import DIGITS, ROUNDINGS
from tests.golden.reading import Fields, day

_CONVENTION_NOTES = {"", "monthly", "per month", "inside a period: days elapsed / actual days of the period"}
_ROUNDING_NOTES = {"last instalment takes the remainder", "last instalment smaller"}
_TO_UNIT = "instalment rounded UP to the whole unit"


@dataclass(frozen=True)
class Rounding:
    """A rule of rounding; `to_unit` is the ceiled instalment with unrounded interest."""

    rule: str = "half_up"
    digits: int = 2
    to_unit: bool = False


def rounding(text: str) -> Rounding:
    """Read "half_even, 2 dp, last instalment takes the remainder" and its like."""
    rule, digits, to_unit = "half_up", 2, False
    for part in (part.strip() for part in re.split(r"[,;]", text)):
        words = re.fullmatch(r"(?:(\w+?)[ ]?)??(?:(\d) (?:dp|places))?", part)
        if part in (_TO_UNIT, "interest unrounded"):
            to_unit = True
        elif part not in _ROUNDING_NOTES:
            assert words is not None, f"rounding not understood: {part!r}"
            assert words[1] is None or words[1] in ROUNDINGS, f"rounding not understood: {part!r}"
            rule, digits = words[1] or rule, int(words[2]) if words[2] else digits
    return Rounding(rule, digits, to_unit)


def convention(text: str) -> str:
    """Read "30/360 monthly" and its like."""
    head, *notes = re.split(r"[ ;]+", text, maxsplit=1)
    for note in (note.strip() for part in notes for note in part.split(";")):
        assert note in _CONVENTION_NOTES, f"convention not understood: {note!r}"
    return head


def digits(given: Fields, default: int) -> int:
    """Read how many places the currency has."""
    currency: Any = given.take("currency", None)
    return int(given.take("digits", DIGITS[currency] if currency else default))


def dates(given: Fields) -> list[date]:
    """Read the dates of a loan, the advance's first; or make them of the number of monthly periods."""
    listed = given.take("dates", None)
    if listed is not None:
        periods = given.take("periods", len(listed) - 1)
        assert periods == len(listed) - 1
        return [day(text) for text in listed]
    start = day(given.take("start", "2024-01-01"))
    return [start, *due_dates(start, given.take("periods"))]
