"""Day counts: how much of a year lies between two dates. Results are exact fractions of a year.

Source of the numbered rules: 2006 ISDA Definitions, section 4.16.
"""

import calendar
from collections.abc import Callable
from datetime import date
from fractions import Fraction


def add_months(day: date, months: int) -> date:
    """Return the same day of the month so many months later (or earlier, below 0); a shorter month's last day."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def due_dates(start: date, months: int) -> list[date]:
    """Return the monthly due dates after `start`, each counted from `start` so that the 31st comes back."""
    return [add_months(start, month) for month in range(1, months + 1)]


def whole_months(start: date, end: date) -> int | None:
    """Return how many whole months part two dates, or None where days are left over. Month ends fit each other."""
    months = (end.year - start.year) * 12 + end.month - start.month
    return months if add_months(start, months) == end or add_months(end, -months) == start else None


def days_actual(start: date, end: date) -> int:
    """Return the days from `start` to `end`, the last one not counted."""
    return (end - start).days


def days_30_360(start: date, end: date) -> int:
    """Count days by the bond basis 30/360 (ISDA 4.16(f)): the 31st is the 30th, at the end only after a 30th."""
    first = min(start.day, 30)
    last = 30 if end.day == 31 and first == 30 else end.day
    return _thirty(start, end) + last - first


def days_30e_360(start: date, end: date) -> int:
    """Count days by the Eurobond basis 30E/360 (ISDA 4.16(g)): every 31st is the 30th."""
    return _thirty(start, end) + min(end.day, 30) - min(start.day, 30)


def _thirty(start: date, end: date) -> int:
    return 360 * (end.year - start.year) + 30 * (end.month - start.month)


def act_act_isda(start: date, end: date) -> Fraction:
    """Return the year fraction actual/actual (ISDA 4.16(b)): days in leap years over 366, the others over 365."""
    if end < start:
        return -act_act_isda(end, start)
    share = Fraction(0)
    while start < end:
        until = min(end, date(start.year + 1, 1, 1))
        share += Fraction(days_actual(start, until), 366 if calendar.isleap(start.year) else 365)
        start = until
    return share


def _over(count: Callable[[date, date], int], days: int) -> Callable[[date, date], Fraction]:
    return lambda start, end: Fraction(count(start, end), days)


CONVENTIONS: dict[str, Callable[[date, date], Fraction]] = {
    "30/360": _over(days_30_360, 360),
    "30E/360": _over(days_30e_360, 360),
    "actual/360": _over(days_actual, 360),
    "actual/364": _over(days_actual, 364),
    "actual/365": _over(days_actual, 365),
    "actual/actual": act_act_isda,
}


THIRTY = ("30/360", "30E/360")  # where every month has 30 days


def year_fraction(start: date, end: date, convention: str) -> Fraction:
    """Return the share of a year by a convention of `CONVENTIONS`; ValueError for any other."""
    if convention not in CONVENTIONS:
        raise ValueError(f"unknown day count {convention!r}: use one of {', '.join(CONVENTIONS)}")
    return CONVENTIONS[convention](start, end)


def period_fraction(start: date, end: date, convention: str) -> Fraction:
    """Return the share of a year for which a period bears interest; under a 30-day month a whole month is 1/12."""
    months = whole_months(start, end) if convention in THIRTY else None
    return year_fraction(start, end, convention) if months is None else Fraction(months, 12)


EU_UNITS = {"year": 1, "month": 12, "week": 52, "day": 0}  # periods in a year; a day has none of its own


def eu_interval(start: date, end: date, unit: str = "month") -> tuple[int, int, int]:
    """Measure an interval for the EU's annual percentage rate of charge: (whole units, days left, days of that year).

    Whole units are counted back from the later date (from a month's end to month ends). The days left over stand over
    the days of the year that ends where they end: 366 where it holds a 29 February. Source: Directive 2008/48/EC,
    Annex I, remark (c), as the Commission's guidelines on the annual percentage rate of charge explain it (4.1.1).
    """
    if unit not in EU_UNITS:
        raise ValueError(f"unknown unit {unit!r}: use one of {', '.join(EU_UNITS)}")
    if end < start:
        raise ValueError("an interval does not end before it starts")
    units = _units_back(start, end, unit)
    reached = _back(end, unit, units)
    return units, days_actual(start, reached), days_actual(add_months(reached, -12), reached)


def eu_years(start: date, end: date, unit: str = "month") -> Fraction:
    """Return the interval of `eu_interval` in years."""
    units, days, year_days = eu_interval(start, end, unit)
    return (Fraction(units, EU_UNITS[unit]) if units else Fraction(0)) + Fraction(days, year_days)


def _units_back(start: date, end: date, unit: str) -> int:
    if unit == "day":
        return 0
    if unit == "week":
        return days_actual(start, end) // 7
    length = 12 if unit == "year" else 1
    units = ((end.year - start.year) * 12 + end.month - start.month) // length
    return units if _back(end, unit, units) >= start else units - 1


def _back(end: date, unit: str, units: int) -> date:
    if unit in ("day", "week"):
        return date.fromordinal(end.toordinal() - 7 * units)
    reached = add_months(end, -units * (12 if unit == "year" else 1))
    at_end = end.day == calendar.monthrange(end.year, end.month)[1]
    return reached.replace(day=calendar.monthrange(reached.year, reached.month)[1]) if at_end else reached
