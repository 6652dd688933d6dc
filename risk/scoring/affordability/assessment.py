"""Can he repay: income less spending and instalments, stressed, against the instalment of the loan that is asked for.

residual = income x (1 - haircut) - max(declared spending, least spending) - instalments already paid. Of it a share
may be bound by the new loan, whose instalment is that of its rate and a shock. What is not known of income or of
instalments is never guessed: the band is `unknown` then.
"""

from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Literal

import msgspec

from hub.finance.capacity import first_due, largest_principal
from hub.finance.rounding import from_minor, to_minor
from hub.money import AMOUNT_MAX, DIGITS
from risk.scoring.affordability.parameters import CURRENT, PARAMETERS, Parameters

Basis = Literal["verified", "estimated", "stated"]
Band = Literal["comfortable", "tight", "unknown", "short", "overstretched"]
Method = Literal["equal_instalment", "equal_principal"]
_ROUNDING = "ceiling"  # of the instalment: whatever the product does, it asks for no more


class Means(msgspec.Struct, frozen=True):
    """What is known of a person's means, a month, and what he asks for; major units of one currency.

    None is what is not known: of spending the least is taken then, of the rate the one assumed.
    """

    currency: str
    income: Decimal | None
    basis: Basis
    spending: Decimal | None
    instalments: Decimal | None
    amount: Decimal
    months: int
    rate_percent: Decimal | None = None
    method: Method = "equal_instalment"


class Assessment(msgspec.Struct, frozen=True):
    """What came out; major units. None is what cannot be told without income or instalments.

    `counted_*` entered the sum. `instalment` is the first one asked for, `stressed_instalment` that with the shock,
    `ratio` the share of the residual that it takes, to four places (None where nothing is left). Beyond
    `largest_instalment` (stressed), which `largest_amount` has over the same term, the loan is short.
    """

    band: Band
    counted_income: Decimal | None
    counted_spending: Decimal
    residual: Decimal | None
    instalment: Decimal
    stressed_instalment: Decimal
    ratio: Decimal | None
    largest_instalment: Decimal | None
    largest_amount: Decimal | None


def assess(means: Means, *, version: str = CURRENT) -> Assessment:
    """Return how affordable what is asked for is, by a version of the parameters.

    `means` have a currency of `hub.money.DIGITS`, amounts of 0 or more with its places, an amount above 0.
    """
    parameters, digits = PARAMETERS[version], DIGITS[means.currency]
    rate = means.rate_percent if means.rate_percent is not None else parameters.assumed_rate_percent
    plain, stressed = (
        from_minor(_due(means, rate=rate + shock)(to_minor(means.amount, digits)), digits)
        for shock in (Decimal(0), parameters.rate_shock_percent)
    )
    spending = _share(max(means.spending or Decimal(0), parameters.spending_min[means.currency]), Decimal(100), digits)
    if means.income is None or means.instalments is None:
        return Assessment("unknown", None, spending, None, plain, stressed, None, None, None)
    income = _share(means.income, 100 - parameters.haircut_percent[means.basis], digits)
    residual = income - spending - means.instalments
    largest = _share(max(residual, Decimal(0)), parameters.bindable_percent, digits)
    return Assessment(
        band=_band(residual, stressed, largest, parameters, digits),
        counted_income=income,
        counted_spending=spending,
        residual=residual,
        instalment=plain,
        stressed_instalment=stressed,
        ratio=(stressed / residual).quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP) if residual > 0 else None,
        largest_instalment=largest,
        largest_amount=_largest(means, largest, rate + parameters.rate_shock_percent),
    )


def _due(means: Means, *, rate: Decimal) -> Callable[[int], int]:
    return first_due(annual_rate_percent=rate, months=means.months, method=means.method, rounding=_ROUNDING)


def _share(amount: Decimal, percent: Decimal, digits: int) -> Decimal:
    return (amount * percent / 100).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_DOWN)


def _band(residual: Decimal, stressed: Decimal, largest: Decimal, parameters: Parameters, digits: int) -> Band:
    if largest == 0:
        return "overstretched"
    if stressed > largest:
        return "short"
    at_ease = _share(residual, parameters.comfortable_percent, digits)
    return "comfortable" if stressed <= at_ease else "tight"


def _largest(means: Means, instalment: Decimal, rate: Decimal) -> Decimal:
    digits = DIGITS[means.currency]
    due = to_minor(instalment, digits)
    # No loan is larger than all its first instalments together.
    most = min((due + 1) * means.months, to_minor(AMOUNT_MAX, digits) - 1)
    found = largest_principal(_due(means, rate=rate), instalment=due, among=range(most + 1))
    return from_minor(found or 0, digits)
