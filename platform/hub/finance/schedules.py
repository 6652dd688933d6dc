"""Repayment schedules to the last cent: whole minor units, exact period rates, one rounding per figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hub.finance.day_count import THIRTY, due_dates, period_fraction
from hub.finance.rounding import as_decimal, divide, from_minor, to_minor

PERIODS_MAX = 1_200


@dataclass(frozen=True, slots=True)
class Instalment:
    """What falls due on one day; `balance` is the principal that is left after it."""

    number: int
    due_on: date
    due: Decimal
    principal: Decimal
    interest: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Schedule:
    """The instalments of one loan, in their order. Their principal adds up to the loan's."""

    instalments: tuple[Instalment, ...]

    @property
    def total_interest(self) -> Decimal:
        """All interest."""
        return sum((one.interest for one in self.instalments), Decimal(0))

    @property
    def total_due(self) -> Decimal:
        """All that is to be paid."""
        return sum((one.due for one in self.instalments), Decimal(0))

    @property
    def dues(self) -> list[tuple[date, Decimal]]:
        """Each due date with its amount."""
        return [(one.due_on, one.due) for one in self.instalments]


def period_rates(*, annual_rate_percent: Decimal, dates: Sequence[date], convention: str) -> list[Fraction]:
    """Return the exact rate of each period between neighbouring dates, the first date being the advance's."""
    yearly = Fraction(annual_rate_percent) / 100
    if yearly < 0:
        raise ValueError("a rate is 0 or more")
    return [yearly * period_fraction(start, end, convention) for start, end in pairwise(dates)]


def monthly_rates(*, annual_rate_percent: Decimal, start: date, months: int, convention: str) -> list[Fraction]:
    """Return the exact rates of so many months after `start`; where months have 30 days, each is a twelfth."""
    dates = [start, *due_dates(start, 1 if convention in THIRTY else months)]
    rates = period_rates(annual_rate_percent=annual_rate_percent, dates=dates, convention=convention)
    return rates * months if convention in THIRTY else rates


def level_payment(principal: Fraction, rates: Sequence[Fraction]) -> Fraction:
    """Return the exact equal payment over periods of these rates: P prod(1+r) / sum over k of prod after k (1+r).

    Over equal rates it is the annuity P r / (1 - (1+r)^-n); a rate of 0 is no special case.
    """
    grown, ends, wholes = principal.numerator, 0, 1
    for rate in rates:  # in whole numbers: fractions would be shortened at each step
        growth = rate.denominator + rate.numerator
        wholes *= rate.denominator
        grown *= growth
        ends = ends * growth + wholes
    return Fraction(grown, ends * principal.denominator)


def equal_instalments(
    *,
    principal: Decimal,
    annual_rate_percent: Decimal,
    start: date,
    months: int,
    rounding: str,
    convention: str = "30/360",
    digits: int = 2,
) -> Schedule:
    """Return a schedule of equal monthly instalments; the last one takes the remainder of the rounding.

    The instalment is rounded to `digits` places by `rounding`; interest by the same rule, but half to even where the
    instalment is rounded up. A schedule whose rounded instalments pay the loan off sooner ends sooner.
    """
    return equal_instalments_over(
        principal=principal, due_on=due_dates(start, months), rounding=rounding, digits=digits,
        rates=monthly_rates(
            annual_rate_percent=annual_rate_percent, start=start, months=months, convention=convention
        ),
    )  # fmt: skip


def equal_instalments_over(
    *, principal: Decimal, rates: Sequence[Fraction], due_on: Sequence[date], rounding: str, digits: int = 2
) -> Schedule:
    """Return equal instalments over periods of any length, one exact rate and one due date for each."""
    _refuse_odd(rates, due_on)
    owed = to_minor(principal, digits)
    return _schedule(owed, level_parts(owed, rates, rounding), due_on, digits)


def equal_principal(
    *,
    principal: Decimal,
    annual_rate_percent: Decimal,
    start: date,
    months: int,
    rounding: str,
    convention: str = "30/360",
    digits: int = 2,
) -> Schedule:
    """Return a schedule that repays the same principal each month and interest on what is left; see the other one."""
    return equal_principal_over(
        principal=principal, due_on=due_dates(start, months), rounding=rounding, digits=digits,
        rates=monthly_rates(
            annual_rate_percent=annual_rate_percent, start=start, months=months, convention=convention
        ),
    )  # fmt: skip


def equal_principal_over(
    *, principal: Decimal, rates: Sequence[Fraction], due_on: Sequence[date], rounding: str, digits: int = 2
) -> Schedule:
    """Return instalments of equal principal over periods of any length."""
    _refuse_odd(rates, due_on)
    owed = to_minor(principal, digits)
    return _schedule(owed, equal_parts(owed, rates, rounding), due_on, digits)


def level_parts(owed: int, rates: Sequence[Fraction], rounding: str) -> list[tuple[int, int]]:
    """Return interest and principal of each period of equal instalments, in minor units."""
    level = level_payment(Fraction(owed), rates)
    payment = divide(level.numerator, level.denominator, rounding)
    rule, parts = interest_rounding(rounding), []
    for left, rate in zip(range(len(rates) - 1, -1, -1), rates, strict=True):
        interest = divide(owed * rate.numerator, rate.denominator, rule)
        paid = min(owed, payment - interest) if left else owed
        owed -= paid
        parts.append((interest, paid))
        if not owed:
            break
    return parts


def equal_parts(owed: int, rates: Sequence[Fraction], rounding: str) -> list[tuple[int, int]]:
    """Return interest and principal of each period of equal principal, in minor units."""
    part = divide(owed, len(rates), rounding)
    rule, parts = interest_rounding(rounding), []
    for left, rate in zip(range(len(rates) - 1, -1, -1), rates, strict=True):
        interest = divide(owed * rate.numerator, rate.denominator, rule)
        paid = min(owed, part) if left else owed
        owed -= paid
        parts.append((interest, paid))
        if not owed:
            break
    return parts


def interest_rounding(rounding: str) -> str:
    """Return the rule for interest: the product's own, but never one that always favours the lender."""
    return "half_even" if rounding == "ceiling" else rounding


def _refuse_odd(rates: Sequence[Fraction], due_on: Sequence[date]) -> None:
    if not 1 <= len(rates) <= PERIODS_MAX or len(rates) != len(due_on):
        raise ValueError(f"a schedule has 1 to {PERIODS_MAX} periods, each with its rate and its due date")


def _schedule(owed: int, parts: Sequence[tuple[int, int]], due_on: Sequence[date], digits: int) -> Schedule:
    rows = []
    for number, ((interest, paid), day) in enumerate(zip(parts, due_on, strict=False), 1):
        owed -= paid
        amounts = (from_minor(minor, digits) for minor in (paid + interest, paid, interest, owed))
        rows.append(Instalment(number, day, *amounts))
    return Schedule(tuple(rows))


def equal_instalments_to_unit(
    *, principal: Decimal, rates: Sequence[Fraction], due_on: Sequence[date], unit: Decimal = Decimal(1)
) -> Schedule:
    """Return instalments rounded UP to a multiple of `unit`, with interest that is never rounded, to 34 digits.

    The last instalment is what is left, so it is the smaller one. Source: the loan schedules of Frappe Lending.
    """
    _refuse_odd(rates, due_on)
    level = level_payment(Fraction(principal) / Fraction(unit), rates)
    payment = divide(level.numerator, level.denominator, "ceiling") * Fraction(unit)
    rows, owed = [], Fraction(principal)
    for number, (rate, day) in enumerate(zip(rates, due_on, strict=True), 1):
        interest = owed * rate
        paid = owed if number == len(rates) else min(owed, payment - interest)
        owed -= paid
        rows.append(Instalment(number, day, *map(as_decimal, (paid + interest, paid, interest, owed))))
        if not owed:
            break
    return Schedule(tuple(rows))
