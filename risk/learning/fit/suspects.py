"""Finds labels that look made up: a lender whose loans the champion orders far worse than it orders those of others.

Labels that are turned round at random take away the order, a downturn does not: it makes every loan worse, and leaves
good ones before bad ones. Lenders differ in whom they choose, and a narrow choice is hard to order for anybody. So each
lender's AUC is held against the one that the champion's own probabilities lead to expect among his loans, and the
shortfall against that of all the others, which takes the champion's age and errors out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import hypot

import numpy as np
from numpy.typing import NDArray

from risk.learning.fit.comparison import auc_estimate
from risk.learning.fit.frame import Floats, Labels

CLASS_ROWS_LEAST = 30
SHORTFALL_LEAST = 0.05
DEVIATIONS_LEAST = 4.0  # one honest lender in thirty thousand


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What is wrong with one lender's labels: both AUCs, the shortfall beyond the others', in how many deviations."""

    rows: int
    bads: int
    auc: float
    expected_auc: float
    shortfall: float
    deviations: float

    @property
    def sentence(self) -> str:
        """The finding in words."""
        return (
            f"On {self.rows} loans, {self.bads} of them reported bad, the champion has an AUC of {self.auc:.3f} where "
            f"{self.expected_auc:.3f} was to be expected; that falls short by {self.shortfall:.3f} more than on the "
            f"other lenders' loans ({self.deviations:.1f} standard deviations)."
        )


def find_suspects(labels: Labels, pd: Floats, lenders: NDArray[np.intp]) -> Mapping[int, Suspicion]:
    """Lenders (numbers from 0) whose labels are suspicious, by their number; all arrays (n,).

    `pd` is what the champion says. Nobody is suspected without some loans of both kinds, his own and others'.
    """
    found = {}
    for lender in np.unique(lenders).tolist():
        own = lenders == lender
        suspicion = _compared(labels, pd, own)
        if suspicion is not None:
            found[lender] = suspicion
    return found


def _compared(labels: Labels, pd: Floats, own: NDArray[np.bool_]) -> Suspicion | None:
    if min(int(np.bincount(labels[rows], minlength=2).min()) for rows in (own, ~own)) < CLASS_ROWS_LEAST:
        return None
    (auc, expected, error), (other, other_expected, other_error) = (
        _ordered(labels[rows], pd[rows]) for rows in (own, ~own)
    )
    shortfall = (expected - auc) - (other_expected - other)
    deviations = shortfall / hypot(error, other_error)
    if shortfall < SHORTFALL_LEAST or deviations < DEVIATIONS_LEAST:
        return None
    return Suspicion(int(own.sum()), int(labels[own].sum()), auc, expected, shortfall, deviations)


def _ordered(labels: Labels, pd: Floats) -> tuple[float, float, float]:
    found = auc_estimate(labels, pd)
    return found.auc, expected_auc(pd), found.standard_error


def expected_auc(pd: Floats) -> float:
    """The AUC of probabilities that are true: of each pair the chance that its riskier one is the bad one.

    Sum over i, j of p_i (1 - p_j) [p_i > p_j, ties half] / sum over i, j of p_i (1 - p_j), both without i = j.
    """
    values, counts = np.unique(pd, return_counts=True)
    bads, goods = values * counts, (1 - values) * counts
    below = np.cumsum(goods) - goods
    alone = float(np.sum(values * (1 - values) * counts))
    ordered = float(np.sum(bads * (below + goods / 2))) - alone / 2
    return ordered / (float(bads.sum() * goods.sum()) - alone)
