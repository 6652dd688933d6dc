"""The order in which offers stand before the borrower: by all-in cost.

Exact cost sheets are dear, so they are made for those alone that can be among the best: an estimate in closed form
with a bound on what rounding may change decides who that is, and never the order itself.
"""

import hashlib
import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from hub.finance.cost import CostSheet
from partners.referrals.matching.fitting import Fit

OFFERS_MAX = 10


@dataclass(frozen=True, slots=True)
class Ranked:
    """An offer: its terms, its exact cost sheet, its rank (1 is the cheapest), its place among the fits."""

    rank: int
    place: int
    fit: Fit
    sheet: CostSheet


Sheets = Callable[[Fit], CostSheet]
_Key = tuple[Decimal, Decimal, bytes]


def rank(fits: Sequence[Fit], *, sheet_of: Sheets, seed: str, digits: int, limit: int = OFFERS_MAX) -> list[Ranked]:
    """Return the `limit` cheapest: by total cost per borrowed unit, then APR; ties by a seeded hash of the names."""
    floors = sorted((_floor(fit, digits), at) for at, fit in enumerate(fits))
    found: list[tuple[_Key, int, CostSheet]] = []
    for floor, at in floors:
        if len(found) >= limit and floor > float(heapq.nsmallest(limit, found)[-1][0][0]):
            break
        sheet = sheet_of(fits[at])
        found.append((_key(fits[at], sheet, seed), at, sheet))
    best = heapq.nsmallest(limit, found)
    return [Ranked(number, at, fits[at], sheet) for number, (_, at, sheet) in enumerate(best, start=1)]


def _key(fit: Fit, sheet: CostSheet, seed: str) -> _Key:
    # Names and not ids: the same seed ranks alike in another database. The id parts what even the names do not.
    candidate = fit.candidate
    tie = f"{seed}|{candidate.institution_name}|{candidate.name}|{fit.months}"
    return sheet.total_cost / fit.amount, sheet.apr_percent, hashlib.sha256(tie.encode()).digest()


def _floor(fit: Fit, digits: int) -> float:
    """Return the least that a borrowed unit can cost.

    In closed form: an annuity pays r / (1 - (1 + r)^-n) of the principal a month, equal principal r (n + 1) / 2 in
    all. Each of the n instalments and interests is rounded by less than one minor unit, and each such unit bears
    interest for at most n months: what rounding changes is less than 3 n (1 + n r) minor units.
    """
    amount, months, r = float(fit.amount), fit.months, float(fit.rate) / 1200
    if fit.candidate.method == "equal_principal":
        interest = r * (months + 1) / 2
    else:
        interest = months * r / (1 - (1 + r) ** -months) - 1 if r > 1e-9 else 0.0
    slack = 3 * months * (1 + months * r) * float(10**-digits) / amount
    return interest + float(fit.fee) / amount - slack - 1e-9
