"""Unit-periods of 12 CFR 1026 Appendix J: how long after the beginning a payment comes, counted as the law counts."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from hub.finance.day_count import add_months, days_actual, whole_months


@dataclass(frozen=True, slots=True)
class UnitPeriod:
    """A standard interval, (b)(3)(iii) and (b)(4): so many days, or half months, up to one year."""

    days: int = 0
    half_months: int = 0

    def __post_init__(self) -> None:
        if (self.days > 0) == (self.half_months > 0) or self.days > 366 or self.half_months > 24:
            raise ValueError("a unit-period is so many days or so many half months, up to one year")
        if self.half_months % 2 and self.half_months != 1:
            raise ValueError("a unit-period of months is a half month or whole months")

    @property
    def periods_per_year(self) -> Fraction:
        """How many make a year, (b)(5)(ii) to (vi): 52 weeks, 24 half months, 12 months, otherwise 365 days."""
        if self.half_months:
            return Fraction(24, self.half_months)
        return Fraction(52 * 7, self.days) if self.days % 7 == 0 else Fraction(365, self.days)


DAY = UnitPeriod(days=1)
WEEK = UnitPeriod(days=7)
HALF_MONTH = UnitPeriod(half_months=1)
MONTH = UnitPeriod(half_months=2)
YEAR = UnitPeriod(half_months=24)


def months(count: int) -> UnitPeriod:
    """Return the unit-period of so many months (1 to 12)."""
    return UnitPeriod(half_months=2 * count)


def weeks(count: int) -> UnitPeriod:
    """Return the unit-period of so many weeks (1 to 52)."""
    return UnitPeriod(days=7 * count)


def measure(start: date, end: date, unit: UnitPeriod) -> tuple[int, Fraction]:
    """Return the whole unit-periods between two dates and the fraction of one that is left, (b)(5).

    Days and weeks are counted as days (iv). Months are counted back from the later date, and days left over stand
    over 30 (ii); for half months and several months, 30 days a month and the days left over are divided by the
    unit's days (iii). A year takes whole months left over as twelfths, otherwise days over 365 (v).
    """
    if end < start:
        raise ValueError("a transfer does not come before the beginning")
    if unit.days:
        return _split(days_actual(start, end), unit.days)
    full, left = _months_back(start, end)
    if unit == YEAR and left:
        years = full // 12
        return years, Fraction(days_actual(start, add_months(end, -12 * years)), 365)
    return _split(30 * full + left, 15 * unit.half_months)


def term_periods_per_year(start: date, end: date) -> Fraction | None:
    """Return how often the term of one advance and one payment goes into a year, (b)(5)(vi); None from a year on.

    Below a year the term is itself the unit-period, (b)(4)(ii): 12 over its whole months, or 365 over its days.
    """
    if end <= start:
        raise ValueError("the payment comes after the advance")
    if end >= add_months(start, 12):
        return None
    full = whole_months(start, end)
    return Fraction(12, full) if full else Fraction(365, days_actual(start, end))


def _split(days: int, of: int) -> tuple[int, Fraction]:
    whole, left = divmod(days, of)
    return whole, Fraction(left, of)


def _months_back(start: date, end: date) -> tuple[int, int]:
    """Return the whole months counted back from `end`, and the days from `start` to where they begin."""
    full = whole_months(start, end)
    if full is not None:
        return full, 0
    full = (end.year - start.year) * 12 + end.month - start.month
    full -= add_months(end, -full) < start
    return full, days_actual(start, add_months(end, -full))
