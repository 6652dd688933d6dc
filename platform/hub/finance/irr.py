"""Rates of return of a row of cash flows, and payments of an annuity. Rates are shares (0.01 is 1 %), 34 digits."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction

from hub.finance.roots import ONE, NoRate, rate_root, sign_changes
from hub.finance.rounding import MATHS, as_decimal

HUNDRED = Decimal(100)


def irr(flows: Sequence[Decimal]) -> Decimal:
    """Return the internal rate of return per period; flow k comes k periods after the first.

    Money paid out is negative, money received positive (or the other way round). Of several rates the one nearest to
    0 is returned; `NoRate` where there is none.
    """
    backwards = tuple(reversed(flows))

    def value(rate: Decimal) -> Decimal:
        total, discount = Decimal(0), ONE / (ONE + rate)
        for flow in backwards:
            total = total * discount + flow
        return total

    return rate_root(value, sign_changes=sign_changes(flows))


def timed_irr(flows: Sequence[tuple[Decimal, Decimal]]) -> Decimal:
    """Return the rate per unit of time of (time, amount) flows, compounded over fractions: sum C (1 + r)^-t = 0."""
    merged: dict[Decimal, Decimal] = {}
    for time, amount in flows:
        merged[time] = merged.get(time, Decimal(0)) + amount
    ordered = sorted(merged.items())

    def value(rate: Decimal) -> Decimal:
        growth = (ONE + rate).ln()
        return sum((amount * (-time * growth).exp() for time, amount in ordered), Decimal(0))

    return rate_root(value, sign_changes=sign_changes([amount for _, amount in ordered]))


def xirr(flows: Sequence[Decimal], dates: Sequence[date]) -> Decimal:
    """Return the annual rate of dated flows by days over 365, as spreadsheets do. ValueError for unequal lengths."""
    if len(flows) != len(dates) or not dates:
        raise ValueError("each flow has its date, and there is at least one")
    first = min(dates)
    return timed_irr(
        [(as_decimal(Fraction((day - first).days, 365)), flow) for flow, day in zip(flows, dates, strict=True)]
    )


def pmt(
    *,
    rate: Fraction,
    periods: int,
    present_value: Decimal,
    future_value: Decimal = Decimal(0),
    in_advance: bool = False,
) -> Decimal:
    """Return the payment of an annuity, unrounded; its sign is opposite to that of the present value.

    Source: present_value (1+r)^n + payment (1 + r·in_advance) ((1+r)^n - 1)/r + future_value = 0.
    """
    if periods < 1:
        raise ValueError("an annuity has at least one period")
    growth = (1 + rate) ** periods
    sum_of_growths = (growth - 1) / rate if rate else Fraction(periods)
    due = Fraction(present_value) * growth + Fraction(future_value)
    return as_decimal(-due / (sum_of_growths * (1 + rate if in_advance else 1)))


def annualised_simple(monthly_rate: Decimal) -> Decimal:
    """Return a monthly rate as percent a year: twelve times."""
    return monthly_rate * 12 * HUNDRED


def annualised_compound(monthly_rate: Decimal) -> Decimal:
    """Return a monthly rate as percent a year with interest on interest: (1 + r)^12 - 1."""
    with localcontext(MATHS):
        return ((ONE + monthly_rate) ** 12 - 1) * HUNDRED


__all__ = ["NoRate", "annualised_compound", "annualised_simple", "irr", "pmt", "timed_irr", "xirr"]
