"""A search for a less discriminatory alternative, over the sets of features that a glass box could do without.

Its tables add up, so a model without some features is at hand at once: their terms are replaced by their means and
nothing is fitted again. Each candidate approves as many people as the model does. What is found is worth a refit
and a validation of its own; that nothing is found does not prove that there is nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from risk.features.facade import impact_ratio

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
DROPPED_MAX = 3


@dataclass(frozen=True, slots=True)
class Terms:
    """Additive parts of n logits: `mains` (n, features), `pairs` (n, pairs), `places` the two features of each pair."""

    mains: Floats
    pairs: Floats
    places: Sequence[tuple[int, int]]

    def without(self, dropped: Sequence[int]) -> Floats:
        """The logits but for a constant, with every term of the dropped features at its mean, (n,)."""
        kept = [at for at in range(self.mains.shape[1]) if at not in dropped]
        joint = [at for at, pair in enumerate(self.places) if not set(pair) & set(dropped)]
        found: Floats = self.mains[:, kept].sum(axis=1) + self.pairs[:, joint].sum(axis=1)
        return found


@dataclass(frozen=True, slots=True)
class Alternative:
    """A model without the features `dropped` (places): the group's adverse impact ratio, and what it loses of AUC."""

    dropped: tuple[int, ...]
    ratio: float
    auc_lost: float
    auc_lost_at_most: float


def search(
    terms: Terms,
    approved: int,
    in_group: Mask,
    in_reference: Mask,
    lost: Callable[[Floats], tuple[float, float]],
    *,
    loss_max: float,
) -> list[Alternative]:
    """Drop up to three features, one after the other, each time the one that brings the ratio nearest to 1.

    `lost` gives what a candidate's scores lose of AUC, and with 95 % confidence at most; those that may lose more than
    `loss_max` are not admissible. Returns the steps, each better than the one before; none where nothing helps.
    """
    steps: list[Alternative] = []
    best = ratio_at(terms.without(()), approved, in_group, in_reference)
    dropped: tuple[int, ...] = ()
    while len(dropped) < DROPPED_MAX:
        found = min(
            _candidates(terms, dropped, approved, in_group, in_reference, lost, loss_max),
            key=lambda one: (abs(one.ratio - 1), one.auc_lost), default=None,
        )  # fmt: skip
        if found is None or abs(found.ratio - 1) >= abs(best - 1):
            break
        steps.append(found)
        dropped, best = found.dropped, found.ratio
    return steps


def ratio_at(scores: Floats, approved: int, in_group: Mask, in_reference: Mask) -> float:
    """The adverse impact ratio where the `approved` rows of lowest score are, ties in file order."""
    passed = np.zeros(len(scores), dtype=bool)
    passed[np.argsort(scores, kind="stable")[:approved]] = True
    counts = [int(np.sum(part)) for part in (passed & in_group, in_group, passed & in_reference, in_reference)]
    return impact_ratio(*counts).value


def _candidates(
    terms: Terms,
    dropped: tuple[int, ...],
    approved: int,
    in_group: Mask,
    in_reference: Mask,
    lost: Callable[[Floats], tuple[float, float]],
    loss_max: float,
) -> Iterator[Alternative]:
    for feature in range(terms.mains.shape[1]):
        if feature in dropped or len(dropped) + 1 >= terms.mains.shape[1]:
            continue
        tried = (*dropped, feature)
        scores = terms.without(tried)
        loss, at_most = lost(scores)
        if at_most <= loss_max:
            yield Alternative(tried, ratio_at(scores, approved, in_group, in_reference), loss, at_most)
