"""One run: every live product gets an entry in the ledger, offered or not, and the cheapest become offers."""

import hashlib
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import msgspec

from hub.finance.cost import CostSheet, cost_sheet
from partners.referrals.matching.fitting import (
    ALL_FEE,
    BUDGET_FULL,
    Ask,
    Candidate,
    Exclusion,
    Fit,
    capped,
    fee_of,
    nearest,
    own_exclusions,
)
from partners.referrals.matching.ranking import Ranked, rank

RULES = "2026-11"
"""The version of these rules. A run keeps it: what was decided by other rules is not replayed with these."""

Policy = Callable[[Candidate, Decimal, int], Sequence[Exclusion]]


@dataclass(frozen=True, slots=True)
class Routing:
    """What a run found: `entries` for every candidate in the order of their ids, `offers` best first."""

    entries: list[dict[str, Any]]
    offers: list[Ranked]

    @property
    def digest(self) -> str:
        """The SHA-256 of the entries as canonical JSON."""
        return hashlib.sha256(msgspec.json.encode(self.entries, order="sorted")).hexdigest()


def route(*, ask: Ask, candidates: Sequence[Candidate], policy: Policy, full: AbstractSet[UUID], seed: str) -> Routing:
    """Match an application with products. `policy` tells what a lender's rules say against an amount and a term.

    `full` are the products whose budget has no room for it. The order of the candidates changes nothing.
    """
    fits: list[Fit] = []
    entries: list[dict[str, Any]] = []
    by_product: dict[int, dict[str, Any]] = {}
    for candidate in sorted(candidates, key=lambda one: one.product_id.int):
        fit, reasons = _try(candidate, ask, policy, full)
        entry: dict[str, Any] = {"product": candidate.product_id, "outcome": "outranked"}
        entries.append(entry)
        if reasons:
            entry["outcome"], entry["reasons"] = "excluded", [(one.code, one.reason) for one in reasons]
        else:
            by_product[candidate.product_id.int] = entry
            fits.append(fit)
    offers = rank(fits, sheet_of=partial(_sheet, ask=ask, made={}), seed=seed, digits=ask.digits)
    for offer in offers:
        by_product[offer.fit.candidate.product_id.int].update(outcome="offered", rank=offer.rank)
    return Routing(entries, offers)


def _try(candidate: Candidate, ask: Ask, policy: Policy, full: AbstractSet[UUID]) -> tuple[Fit, list[Exclusion]]:
    """Return the terms on which a product would lend, and everything that stands against it."""
    amount, months = capped(candidate, ask.amount), nearest(candidate.terms, ask.months)
    fee = fee_of(candidate, amount, ask.digits)
    against = own_exclusions(candidate, ask)
    against += policy(candidate, amount, months)
    if fee >= amount:
        against.append(ALL_FEE)
    if candidate.product_id in full:
        against.append(BUDGET_FULL)
    return Fit(candidate, amount, months, candidate.grid.get(ask.grade, Decimal(0)), fee), against


def _sheet(fit: Fit, *, ask: Ask, made: dict[tuple[Any, ...], CostSheet]) -> CostSheet:
    candidate = fit.candidate
    key = (fit.amount, fit.months, fit.rate, fit.fee, candidate.method, candidate.rounding)
    if key not in made:
        made[key] = cost_sheet(
            principal=fit.amount, annual_rate_percent=fit.rate, months=fit.months, start=ask.opened_on,
            method=candidate.method, rounding=candidate.rounding, fee_upfront=fit.fee, digits=ask.digits,
        )  # fmt: skip
    return made[key]
