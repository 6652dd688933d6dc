"""The cost sheet of a loan: all that the borrower pays, beside what reaches him."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hub.finance.irr import annualised_simple, irr
from hub.finance.roots import NoRate
from hub.finance.rounding import from_minor, rounded, to_minor
from hub.finance.schedules import (
    PERIODS_MAX,
    Schedule,
    equal_instalments,
    equal_parts,
    equal_principal,
    level_parts,
    monthly_rates,
)

_PARTS = {"equal_instalment": level_parts, "equal_principal": equal_parts}
_SCHEDULES = {"equal_instalment": equal_instalments, "equal_principal": equal_principal}
METHODS = tuple(_PARTS)


@dataclass(frozen=True, slots=True)
class CostSheet:
    """Figures of one offer. `instalment` is the first one; `total_cost` is interest and fee."""

    amount: Decimal
    instalment: Decimal
    last_instalment: Decimal
    months: int
    rate_percent: Decimal
    fee_upfront: Decimal
    total_interest: Decimal
    total_cost: Decimal
    total_payable: Decimal
    apr_percent: Decimal


def make_schedule(
    *,
    principal: Decimal,
    annual_rate_percent: Decimal,
    start: date,
    months: int,
    method: str,
    rounding: str,
    convention: str = "30/360",
    digits: int = 2,
) -> Schedule:
    """Return the schedule by a method of `METHODS`; ValueError for any other."""
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: use one of {', '.join(METHODS)}")
    return _SCHEDULES[method](
        principal=principal, annual_rate_percent=annual_rate_percent, start=start, months=months, rounding=rounding,
        convention=convention, digits=digits,
    )  # fmt: skip


def cost_sheet(
    *,
    principal: Decimal,
    annual_rate_percent: Decimal,
    months: int,
    start: date,
    method: str,
    rounding: str,
    fee_upfront: Decimal = Decimal(0),
    convention: str = "30/360",
    digits: int = 2,
) -> CostSheet:
    """Return what a loan costs whose upfront fee is kept from the proceeds; its schedule is that of `make_schedule`.

    The annual percentage rate is actuarial over equal months (12 CFR 1026 Appendix J (b)(8): f = 0, twelve
    unit-periods a year), to two places. ValueError where the fee leaves nothing of the principal.
    """
    if not 0 <= fee_upfront < principal:
        raise ValueError("the fee is 0 or more, and below the principal")
    if method not in METHODS or not 1 <= months <= PERIODS_MAX:
        raise ValueError(f"use a method of {', '.join(METHODS)} and 1 to {PERIODS_MAX} months")
    rates = monthly_rates(annual_rate_percent=annual_rate_percent, start=start, months=months, convention=convention)
    parts = _PARTS[method](to_minor(principal, digits), rates, rounding)
    dues = [from_minor(interest + paid, digits) for interest, paid in parts]
    interest = from_minor(sum(interest for interest, _ in parts), digits)
    return CostSheet(
        amount=principal, instalment=dues[0], last_instalment=dues[-1], months=len(dues),
        rate_percent=annual_rate_percent, fee_upfront=fee_upfront, total_interest=interest,
        total_cost=interest + fee_upfront, total_payable=principal + interest + fee_upfront,
        apr_percent=apr_monthly(principal - fee_upfront, dues),
    )  # fmt: skip


def apr_monthly(proceeds: Decimal, dues: list[Decimal]) -> Decimal:
    """Return the actuarial rate of monthly dues on what reached the borrower, percent to two places."""
    try:
        return rounded(annualised_simple(irr([-proceeds, *dues])), 2)
    except NoRate as error:
        raise ValueError("no annual percentage rate balances these payments") from error
