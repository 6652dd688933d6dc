"""Paying off between due dates, and interest on principal that is overdue. Interest inside a period runs by its days.

Source of both rules: the loan schedules of Apache Fineract (progressive loans, interest recalculation).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hub.finance.rounding import divide, from_minor, to_minor
from hub.finance.schedules import Instalment, Schedule, level_payment

Payments = Sequence[tuple[date, Decimal]]


@dataclass(frozen=True, slots=True)
class Payoff:
    """What ends a loan on one day."""

    principal: Decimal
    interest: Decimal

    @property
    def total(self) -> Decimal:
        """Both together."""
        return self.principal + self.interest


def payoff(
    *,
    principal: Decimal,
    rates: Sequence[Fraction],
    dates: Sequence[date],
    payments: Payments,
    on: date,
    rounding: str,
    to_period_end: bool = False,
    digits: int = 2,
) -> Payoff:
    """Return what pays the loan off on a day, after the payments that came up to then.

    `dates` begin with the advance, and `rates` has one exact rate for each period between them. A payment covers the
    interest that has run, then principal. With `to_period_end` interest is owed to the end of the running period.
    """
    if not dates[0] <= on <= dates[-1]:
        raise ValueError("the payoff lies within the loan's dates")
    owed, run, since = to_minor(principal, digits), Fraction(0), dates[0]
    for day, amount in sorted(payments):
        if day > on:
            break
        run += owed * _rate_between(rates, dates, since, day)
        interest = divide(run.numerator, run.denominator, rounding)
        paid = to_minor(amount, digits)
        owed, run, since = owed - min(owed, max(0, paid - interest)), Fraction(max(0, interest - paid)), day
    until = min(day for day in dates if day >= on) if to_period_end else on
    run += owed * _rate_between(rates, dates, since, until)
    return Payoff(from_minor(owed, digits), from_minor(divide(run.numerator, run.denominator, rounding), digits))


def _rate_between(rates: Sequence[Fraction], dates: Sequence[date], start: date, end: date) -> Fraction:
    total = Fraction(0)
    for rate, (opens, closes) in zip(rates, pairwise(dates), strict=True):
        days = (min(end, closes) - max(start, opens)).days
        total += rate * Fraction(max(0, days), (closes - opens).days)
    return total


def overdue_schedule(
    *,
    principal: Decimal,
    rates: Sequence[Fraction],
    dates: Sequence[date],
    payments: Payments,
    as_of: date,
    rounding: str,
    digits: int = 2,
) -> Schedule:
    """Return the schedule of equal instalments as it stands on a day, with interest on overdue principal.

    Up to `as_of` interest runs on all principal that payments have not covered, never on interest; after it as if
    the arrears were paid that day. The instalment stays, the last one takes what is left.
    """
    owed = to_minor(principal, digits)
    level = level_payment(Fraction(owed), rates)
    payment = divide(level.numerator, level.denominator, rounding)
    received = [(day, to_minor(amount, digits)) for day, amount in sorted(payments)]
    rows: list[tuple[int, int]] = []  # interest and principal of each period so far
    for number, (rate, (opens, closes)) in enumerate(zip(rates, pairwise(dates), strict=True), 1):
        extra = _overdue_share(rows, received, opens, min(closes, as_of), (closes - opens).days)
        run = rate * (owed + extra)
        interest = divide(run.numerator, run.denominator, rounding)
        part = owed if number == len(rates) else min(owed, payment - interest)
        owed -= part
        rows.append((interest, part))
    return _schedule(rows, dates[1:], to_minor(principal, digits), digits)


def _overdue_share(
    rows: Sequence[tuple[int, int]], received: Sequence[tuple[date, int]], opens: date, until: date, days: int
) -> Fraction:
    """Return the overdue principal of a period, weighed by the share of its days before `until`."""
    cuts = [opens, *(day for day, _ in received if opens < day < until), until]
    total = Fraction(0)
    for start, end in pairwise(cuts):
        paid = sum(amount for day, amount in received if day <= start)
        total += _uncovered(rows, paid) * Fraction(max(0, (end - start).days), days)
    return total


def _uncovered(rows: Sequence[tuple[int, int]], paid: int) -> int:
    """Return the principal that so much money, first in and first out and interest first, does not cover."""
    missing = 0
    for interest, part in rows:
        covered = min(part, max(0, paid - interest))
        paid = max(0, paid - interest - part)
        missing += part - covered
    return missing


def _schedule(rows: Sequence[tuple[int, int]], due_on: Sequence[date], owed: int, digits: int) -> Schedule:
    made = []
    for number, ((interest, part), day) in enumerate(zip(rows, due_on, strict=True), 1):
        owed -= part
        amounts = (from_minor(minor, digits) for minor in (interest + part, part, interest, owed))
        made.append(Instalment(number, day, *amounts))
    return Schedule(tuple(made))
