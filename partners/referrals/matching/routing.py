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
    fits, against = [], {}
    for candidate in candidates:
        amount, months = capped(candidate, ask.amount), nearest(candidate.terms, ask.months)
        fee = fee_of(candidate, amount, ask.digits)
        reasons = [*own_exclusions(candidate, ask), *policy(candidate, amount, months)]
        reasons += [ALL_FEE] if fee >= amount else []
        reasons += [BUDGET_FULL] if candidate.product_id in full else []
        if reasons:
            against[candidate.product_id] = reasons
        else:
            fits.append(Fit(candidate, amount, months, candidate.grid[ask.grade], fee))
    fits.sort(key=lambda fit: fit.candidate.product_id)
    offers = rank(fits, sheet_of=partial(_sheet, ask=ask, made={}), seed=seed, digits=ask.digits)
    return Routing(_entries(candidates, against, offers), offers)


def _sheet(fit: Fit, *, ask: Ask, made: dict[tuple[Any, ...], CostSheet]) -> CostSheet:
    candidate = fit.candidate
    key = (fit.amount, fit.months, fit.rate, fit.fee, candidate.method, candidate.rounding)
    if key not in made:
        made[key] = cost_sheet(
            principal=fit.amount, annual_rate_percent=fit.rate, months=fit.months, start=ask.opened_on,
            method=candidate.method, rounding=candidate.rounding, fee_upfront=fit.fee, digits=ask.digits,
        )  # fmt: skip
    return made[key]


def _entries(
    candidates: Sequence[Candidate], against: dict[UUID, list[Exclusion]], offers: list[Ranked]
) -> list[dict[str, Any]]:
    ranks = {offer.fit.candidate.product_id: offer.rank for offer in offers}
    return [
        _entry(candidate, against.get(candidate.product_id, []), ranks.get(candidate.product_id))
        for candidate in sorted(candidates, key=lambda candidate: candidate.product_id)
    ]


def _entry(candidate: Candidate, against: list[Exclusion], place: int | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"product": str(candidate.product_id), "policy": str(candidate.policy_version_id)}
    if against:
        reasons = [[exclusion.code, exclusion.reason] for exclusion in against]
        return {**entry, "outcome": "excluded", "reasons": reasons}
    return {**entry, "outcome": "offered", "rank": place} if place else {**entry, "outcome": "outranked"}
