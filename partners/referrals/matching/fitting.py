"""What is asked for, what a product would lend of it, and why it would not."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

from hub.finance.capacity import first_due, largest_principal
from hub.finance.rounding import from_minor, to_minor
from hub.money import ROUNDINGS

_CENT = Decimal("0.0001")
STEP_MINOR = 10_000  # an amount that is made smaller lies whole steps above its product's minimum


@dataclass(frozen=True, slots=True)
class Ask:
    """An application: the amount in major units with `digits` decimals, the wish for a term, and its score.

    Where affordability is known, no offer's first instalment at a rate `rate_shock` points higher is above
    `instalment_max`.
    """

    amount: Decimal
    months: int
    digits: int
    grade: str
    pd: Decimal
    declined: bool
    opened_on: date
    instalment_max: Decimal | None = None
    rate_shock: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A live product as matching sees it. Rates and fees in percent; `grid` has a yearly rate for each grade."""

    product_id: UUID
    institution_id: UUID
    institution_name: str
    name: str
    amount_min: Decimal
    amount_max: Decimal
    terms: tuple[int, ...]
    method: str
    rounding: str
    fee_percent: Decimal
    fee_flat: Decimal
    grid: Mapping[str, Decimal]
    policy_version_id: UUID


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why a product is not offered: a stable code, and the key of what the applicant is told."""

    code: str
    reason: str


DECLINED = Exclusion("declined_by_platform", "score")
TOO_LITTLE = Exclusion("amount_below_minimum", "amount")
NOT_PRICED = Exclusion("grade_not_priced", "score")
ALL_FEE = Exclusion("fee_exceeds_amount", "amount")
BEYOND = Exclusion("not_affordable", "affordability")
BUDGET_FULL = Exclusion("budget_full", "budget")


@dataclass(frozen=True, slots=True)
class Fit:
    """The terms on which a candidate would lend."""

    candidate: Candidate
    amount: Decimal
    months: int
    rate: Decimal
    fee: Decimal


def capped(candidate: Candidate, amount: Decimal) -> Decimal:
    """Return what the product would lend of an amount. A smaller wish is never raised to the product's minimum."""
    return min(amount, candidate.amount_max)


def lendable(candidate: Candidate, ask: Ask) -> Decimal | None:
    """Return what the product would lend of what is asked for; less where the whole is not affordable.

    It never falls below the product's minimum: None where that is not affordable either.
    """
    amount, rate = capped(candidate, ask.amount), candidate.grid.get(ask.grade)
    if ask.instalment_max is None or rate is None or amount < candidate.amount_min:
        return amount
    due = first_due(
        annual_rate_percent=rate + ask.rate_shock, months=nearest(candidate.terms, ask.months),
        method=candidate.method, rounding=candidate.rounding,
    )  # fmt: skip
    most, whole, least = (to_minor(one, ask.digits) for one in (ask.instalment_max, amount, candidate.amount_min))
    if due(whole) <= most:
        return amount
    found = largest_principal(due, instalment=most, among=range(least, whole, STEP_MINOR))
    return None if found is None else from_minor(found, ask.digits)


@lru_cache(maxsize=10_000)
def nearest(terms: tuple[int, ...], months: int) -> int:
    """Return the allowed term that is nearest to the wish; of two equally near ones the shorter, which costs less."""
    return min(terms, key=lambda term: (abs(term - months), term))


def fee_of(candidate: Candidate, amount: Decimal, digits: int) -> Decimal:
    """Return the fee that is taken from the proceeds, rounded as the product says."""
    fee = amount * candidate.fee_percent / 100 + candidate.fee_flat
    return fee.quantize(Decimal(1).scaleb(-digits), rounding=ROUNDINGS[candidate.rounding])


def expected_loss(amount: Decimal, pd: Decimal) -> Decimal:
    """Return the loss that a loan counts against a budget: all of it is taken to be lost where a borrower defaults."""
    return (amount * pd).quantize(_CENT)


def own_exclusions(candidate: Candidate, ask: Ask, full: AbstractSet[UUID]) -> list[Exclusion]:
    """Return what stands against a product before its policy is asked."""
    against = [DECLINED] if ask.declined else []
    if ask.amount < candidate.amount_min:
        against.append(TOO_LITTLE)
    if ask.grade not in candidate.grid:
        against.append(NOT_PRICED)
    if candidate.product_id in full:
        against.append(BUDGET_FULL)
    return against
