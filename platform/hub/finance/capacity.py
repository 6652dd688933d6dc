"""How much a given instalment carries: the first instalment of a loan on some terms, and the largest loan below one."""

from bisect import bisect_right
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from hub.finance.cost import METHODS
from hub.finance.rounding import divide
from hub.finance.schedules import PERIODS_MAX, interest_rounding, level_payment, monthly_rates

_ANY_DAY = date(2000, 1, 1)  # by 30/360 each month is a twelfth of a year, whenever it begins


@lru_cache(maxsize=10_000)
def first_due(*, annual_rate_percent: Decimal, months: int, method: str, rounding: str) -> Callable[[int], int]:
    """Return what turns a principal into its first instalment, both in minor units, as `cost_sheet` has it.

    More principal never makes it smaller. Level instalments that are so small that the rounding pays the loan off
    sooner are told before that. ValueError for an unknown method, or for no months.
    """
    if method not in METHODS or not 1 <= months <= PERIODS_MAX:
        raise ValueError(f"use a method of {', '.join(METHODS)} and 1 to {PERIODS_MAX} months")
    rates = monthly_rates(annual_rate_percent=annual_rate_percent, start=_ANY_DAY, months=months, convention="30/360")
    rate, rule = rates[0], interest_rounding(rounding)
    if method == "equal_instalment" and months > 1:
        level = level_payment(Fraction(1), rates)
        return lambda owed: divide(owed * level.numerator, level.denominator, rounding)
    return lambda owed: (
        min(owed, divide(owed, months, rounding)) + divide(owed * rate.numerator, rate.denominator, rule)
    )


def largest_principal(due_of: Callable[[int], int], *, instalment: int, among: range) -> int | None:
    """Return the largest of the rising principals `among` whose first instalment is at most `instalment`, or None."""
    place = bisect_right(among, instalment, key=due_of)
    return among[place - 1] if place else None
