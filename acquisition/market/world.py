"""The people and the times of the simulated market. Pure: seeds in, arrays out; nobody in it exists.

Each person has a hidden ability and a hidden willingness to repay, and a few belong to rings. What a lender sees
follows from them with noise; how a loan turns out follows from them too, and from the times. When the economy turns
(`Times`), ability starts to decide where willingness did: what a model learnt before holds only in part.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WINDOW_MONTHS = 12
RING_SHARE = 0.04
RING_SIZE = 4
# How much of a person's hidden sides tells before and after the turn: (ability, willingness), logits per deviation.
OLD, NEW = np.array([0.4, 1.4]), np.array([2.0, 0.3])
BASE_LOGIT = -2.5
DOWNTURN_LOGIT = 0.25
_EMPLOYMENT = ["salaried", "self_employed", "contract", "part_time", "retired"]
_HOUSING = ["owned", "mortgage", "family", "public_rental", "rent"]
_PURPOSES = ["debt_consolidation", "renovation", "tax", "wedding", "education", "medical", "business", "travel"]


@dataclass(frozen=True, slots=True)
class Times:
    """The economy: it turns within the first months of the simulation, or (`drift` off) never."""

    drift: bool = True
    turned_after_months: int = 3

    def turn(self, month: int) -> float:
        """How far the economy has turned in a month counted from the start: 0 the old times, 1 the new."""
        return min(1.0, max(0.0, (month + 1) / self.turned_after_months)) if self.drift else 0.0


@dataclass(frozen=True, slots=True)
class People:
    """Some people, one per position: hidden sides, what a lender sees by feature name, and how they would repay.

    `pd` is the true probability of default within twelve months; `bad` what would come of a loan.
    """

    ability: Floats
    willingness: Floats
    ring: NDArray[np.int64]
    seen: dict[str, list[Any]]
    pd: Floats
    bad: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.pd)

    def features(self, at: int) -> dict[str, float | str | None]:
        """What a lender sees of one person."""
        return {name: column[at] for name, column in self.seen.items()}


def draw_people(*, seed: int, month: int, count: int, times: Times) -> People:
    """Draw who applies in a month (negative before the simulation starts). The same arguments, the same people."""
    rng = np.random.default_rng([seed, month + 1_000])
    ability, willingness = rng.normal(size=count), rng.normal(size=count)
    ring = np.where(rng.random(count) < RING_SHARE, rng.integers(0, max(1, count // RING_SIZE), count), -1)
    willingness = np.where(ring >= 0, willingness - 1.5, willingness)
    seen = _seen(rng, ability, willingness)
    weights = OLD + (NEW - OLD) * times.turn(month)
    burden = np.minimum(_numbers(seen["amount"]) / (_numbers(seen["monthly_income"]) * _numbers(seen["term"])), 0.6)
    logit = BASE_LOGIT + DOWNTURN_LOGIT * times.turn(month) + 1.5 * (burden - 0.2)
    logit = logit - weights[0] * ability - weights[1] * willingness
    pd = 1 / (1 + np.exp(-logit))
    return People(ability, willingness, ring, seen, pd, rng.random(count) < pd)


def _numbers(column: list[Any]) -> Floats:
    return np.array(column, dtype=np.float64)


def _seen(rng: np.random.Generator, ability: Floats, willingness: Floats) -> dict[str, list[Any]]:
    count = len(ability)
    income = np.maximum(np.exp(9.9 + 0.34 * ability + rng.normal(0, 0.25, count)), 5_000).round(-2)
    stress = -0.55 * ability - 0.55 * willingness + rng.normal(0, 0.6, count)
    limit = income * rng.uniform(1, 4, count)
    utilisation = 100 / (1 + np.exp(-(1.3 * stress - 0.5)))
    amount = np.clip(income * rng.uniform(1, 8, count), 5_000, 500_000).round(-3)
    columns: dict[str, NDArray[Any]] = {
        "employment": _ranked(rng, _EMPLOYMENT, ability),
        "employment_years": np.clip(5 + 3 * ability + rng.normal(0, 3, count), 0, 45).round(1),
        "housing": _ranked(rng, _HOUSING, ability),
        "monthly_income": income,
        "amount": amount,
        "term": rng.choice([12, 24, 36, 48], count, p=[0.3, 0.3, 0.25, 0.15]),
        "purpose": rng.choice(_PURPOSES, count),
        "existing_debt": np.maximum(limit * utilisation / 100 + income * rng.exponential(0.8, count), 0).round(-2),
        "debt_service": np.clip(22 - 9 * ability + rng.normal(0, 7, count), 0, 95).round(1),
        "card_utilisation": utilisation.round(1),
        "delinquencies_24m": rng.poisson(np.exp(-1.4 - 0.8 * willingness)).clip(0, 12),
        "inquiries_6m": rng.poisson(np.exp(-0.2 - 0.45 * willingness)).clip(0, 15),
        "open_accounts": 1 + rng.poisson(2.8, count),
        "history_months": np.clip(110 + 35 * willingness + rng.normal(0, 50, count), 0, 480).round(),
    }
    return {name: column.tolist() for name, column in columns.items()}


def _ranked(rng: np.random.Generator, names: list[str], ability: Floats) -> NDArray[Any]:
    """Choose names of which the first go with much ability, the last with little."""
    place = len(names) / (1 + np.exp(1.1 * ability + rng.normal(0, 0.8, len(ability))))
    return np.array(names)[np.minimum(place.astype(np.int64), len(names) - 1)]
