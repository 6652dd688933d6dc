"""Tables of an additive model with pairs: added up from boxes, purified, rounded to integers.

A table of n codes has the missing code at 0. All values are logits as floats, or micro-logits as integers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from risk.learning.fit.boxes import Box, Side
from risk.learning.fit.frame import Floats
from risk.learning.fit.grid import Codes

Integers = NDArray[np.int64]
MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Tables:
    """An intercept, one main table per feature and tables of pairs (i < j) of shape (codes_i, codes_j)."""

    intercept: float
    mains: list[Floats]
    pairs: dict[tuple[int, int], Floats]

    def logits(self, codes: Codes) -> Floats:
        """Logits of coded rows."""
        total = np.full(len(codes), self.intercept)
        for at, main in enumerate(self.mains):
            total += main[codes[:, at]]
        for (i, j), table in self.pairs.items():
            total += table[codes[:, i], codes[:, j]]
        return total


@dataclass(frozen=True, slots=True)
class IntegerTables:
    """The same in micro-logits; sums are exact and do not depend on the order."""

    intercept: int
    mains: list[Integers]
    pairs: dict[tuple[int, int], Integers]

    def logits(self, codes: Codes) -> Floats:
        """Logits of coded rows."""
        total = np.full(len(codes), self.intercept, dtype=np.int64)
        for at, main in enumerate(self.mains):
            total += main[codes[:, at]]
        for (i, j), table in self.pairs.items():
            total += table[codes[:, i], codes[:, j]]
        return total / MICRO


def add_up(boxes: Iterable[Box], *, baseline: float, sizes: Sequence[int]) -> Tables:
    """The tables of one model. Raises ValueError for a box over three or more features."""
    intercept = baseline
    mains = [np.zeros(size) for size in sizes]
    pairs: dict[tuple[int, int], Floats] = {}
    for sides, value in boxes:
        if not sides:
            intercept += value
        elif len(sides) == 1:
            ((feature, side),) = sides.items()
            for part in _slices(side):
                mains[feature][part] += value
        elif len(sides) == 2:
            (i, side_i), (j, side_j) = sorted(sides.items())
            table = pairs.setdefault((i, j), np.zeros((sizes[i], sizes[j])))
            for rows in _slices(side_i):
                for columns in _slices(side_j):
                    table[rows, columns] += value
        else:
            raise ValueError("A tree's leaf depends on more than two features.")
    return Tables(intercept, mains, dict(sorted(pairs.items())))


def _slices(side: Side) -> list[slice]:
    first, last, missing = side
    found = [slice(0, 1)] if missing else []
    return [*found, slice(first, last + 1)] if first <= last else found


def mean_of(models: Sequence[Tables]) -> Tables:
    """The average of models over the same grid, in the given order."""
    share = 1.0 / len(models)
    mains = [share * np.sum(parts, axis=0) for parts in zip(*(model.mains for model in models), strict=True)]
    pairs: dict[tuple[int, int], Floats] = {}
    for key in sorted({key for model in models for key in model.pairs}):
        parts = [model.pairs[key] for model in models if key in model.pairs]
        pairs[key] = share * np.sum(parts, axis=0)
    return Tables(share * sum(model.intercept for model in models), mains, pairs)


def purified(tables: Tables, shares: Sequence[Floats]) -> Tables:
    """The same function with every table's weighted mean zero, and every row's and column's mean of a pair zero.

    Weights are the products of the features' own shares, so one pass is exact (Lengerich et al. 2020, for independent
    weights). What a pair gives up goes into its mains, what a main gives up into the intercept.
    """
    mains = [main.copy() for main in tables.mains]
    pairs: dict[tuple[int, int], Floats] = {}
    for (i, j), table in tables.pairs.items():
        by_row = table @ shares[j]
        rest = table - by_row[:, None]
        by_column = shares[i] @ rest
        pairs[i, j] = rest - by_column[None, :]
        mains[i] += by_row
        mains[j] += by_column
    means = [float(main @ share) for main, share in zip(mains, shares, strict=True)]
    centred = [main - mean for main, mean in zip(mains, means, strict=True)]
    return Tables(tables.intercept + sum(means), centred, pairs)


def rounded(tables: Tables) -> IntegerTables:
    """To whole micro-logits."""
    mains = [np.rint(main * MICRO).astype(np.int64) for main in tables.mains]
    pairs = {key: np.rint(table * MICRO).astype(np.int64) for key, table in tables.pairs.items()}
    return IntegerTables(round(tables.intercept * MICRO), mains, pairs)


def least_steps(tables: IntegerTables, feature: int, direction: int) -> Integers:
    """The least step in `direction` of the score from each real code of a feature to the next.

    Least over all values of all other features: each partner sits in one pair with the feature, so that the least
    steps of the tables add up to the least step of their sum.
    """
    least = direction * np.diff(tables.mains[feature][1:])
    for (i, j), table in tables.pairs.items():
        if feature in (i, j):
            steps = direction * np.diff((table if feature == i else table.T)[1:], axis=0)
            least += steps.min(axis=1)
    return least


def made_monotone(tables: IntegerTables, directions: Sequence[int]) -> IntegerTables:
    """Take back the few micro-logits by which rounding broke a constraint that the trees keep.

    Raises ValueError where a step is wrong by more than rounding explains.
    """
    mains = [main.copy() for main in tables.mains]
    for feature, direction in enumerate(directions):
        if direction:
            wrong = np.minimum(0, least_steps(tables, feature, direction))
            if len(wrong) and wrong.min() < -2 * (1 + len(tables.pairs)):
                raise ValueError(f"Feature {feature} breaks its monotone constraint by {-wrong.min()} micro-logits.")
            mains[feature][2:] -= direction * np.cumsum(wrong)
    return IntegerTables(tables.intercept, mains, tables.pairs)
