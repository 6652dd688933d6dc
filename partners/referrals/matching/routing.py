"""One run: every live product gets an entry in the ledger, offered or not, and the cheapest become offers."""

import hashlib
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Protocol
from uuid import UUID

import msgspec

from hub.finance.cost import CostSheet, cost_sheet
from partners.referrals.matching.fitting import (
    ALL_FEE,
    BEYOND,
    Ask,
    Candidate,
    Fit,
    capped,
    fee_of,
    lendable,
    nearest,
    own_exclusions,
)
from partners.referrals.matching.ranking import Ranked, rank

RULES = "2026-11b"
"""The version of these rules. A run keeps it: what was decided by other rules is not replayed with these.

But for those before affordability: where none is given, these rules are the same.
"""
BEFORE_AFFORDABILITY = "2026-11"


class Against(Protocol):
    """A reason against an application: `Exclusion`, or one of a credit policy."""

    @property
    def code(self) -> str:
        """A stable code."""

    @property
    def reason(self) -> str:
        """The key of what the applicant is told."""


Policy = Callable[[Candidate, Decimal, int], Sequence[Against]]


class Ledger(msgspec.Struct, frozen=True):
    """The outcome of each product, in the order of their ids.

    A rank from 1 on where it is offered, 0 where others were cheaper; else why not, as places in `reasons`, each of
    which is a code with the key of what the applicant is told.
    """

    reasons: list[tuple[str, str]]
    outcomes: list[int | list[int]]

    @property
    def digest(self) -> str:
        """The SHA-256 of the ledger as canonical JSON."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()


@dataclass(frozen=True, slots=True)
class Routing:
    """What a run found; `offers` best first."""

    ledger: Ledger
    offers: list[Ranked]


def route(*, ask: Ask, candidates: Sequence[Candidate], policy: Policy, full: AbstractSet[UUID], seed: str) -> Routing:
    """Match an application with products. `policy` tells what a lender's rules say against an amount and a term.

    `full` are the products whose budget has no room for it. The order of the candidates changes nothing.
    """
    fits: list[Fit] = []
    places: list[int] = []
    known: dict[tuple[str, str], int] = {}
    outcomes: list[int | list[int]] = []
    for candidate in sorted(candidates, key=lambda one: one.product_id.int):
        found = fit(candidate, ask, policy, full)
        if isinstance(found, Fit):
            places.append(len(outcomes))
            fits.append(found)
            outcomes.append(0)
        else:
            outcomes.append([known.setdefault((one.code, one.reason), len(known)) for one in found])
    offers = rank(fits, sheet_of=partial(_sheet, ask=ask, made={}), seed=seed, digits=ask.digits)
    for offer in offers:
        outcomes[places[offer.place]] = offer.rank
    return Routing(Ledger(list(known), outcomes), offers)


def fit(candidate: Candidate, ask: Ask, policy: Policy, full: AbstractSet[UUID]) -> Fit | Sequence[Against]:
    """Return the terms on which a product would lend, or everything that is against it. Arguments as of `route`."""
    affordable, months = lendable(candidate, ask), nearest(candidate.terms, ask.months)
    amount = capped(candidate, ask.amount) if affordable is None else affordable
    beyond = [BEYOND] if affordable is None else []
    against: list[Against] = [*own_exclusions(candidate, ask, full), *beyond, *policy(candidate, amount, months)]
    if not against and (fee := fee_of(candidate, amount, ask.digits)) < amount:
        return Fit(candidate, amount, months, candidate.grid[ask.grade], fee)
    return against or [ALL_FEE]


def _sheet(fit: Fit, *, ask: Ask, made: dict[tuple[Any, ...], CostSheet]) -> CostSheet:
    candidate = fit.candidate
    key = (fit.amount, fit.months, fit.rate, fit.fee, candidate.method, candidate.rounding)
    if key not in made:
        made[key] = cost_sheet(
            principal=fit.amount, annual_rate_percent=fit.rate, months=fit.months, start=ask.opened_on,
            method=candidate.method, rounding=candidate.rounding, fee_upfront=fit.fee, digits=ask.digits,
        )  # fmt: skip
    return made[key]
