"""The fairness limit among the promotion criteria: approval rates of protected groups at the cut-off.

Everybody of whom there are group data is scored by the very version, and by the champion. Both directions count: the
largest group may be the one that is worse off.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

from risk.features.facade import Estimate, GroupPair, impact_ratio, paired_ratio
from risk.learning.fit.criteria import Criterion

LEAST = 0.8  # the four-fifths rule, 29 CFR 1607.4 D
WORSE_AT_MOST = 0.05  # by which share the ratio may lie below the champion's
NAME = "fair"

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Approvals:
    """Protected groups among some people, (n,) each: whom challenger and champion approve at the cut-off `pd_below`."""

    pairs: Sequence[GroupPair]
    challenger: Mask
    champion: Mask | None
    pd_below: float


@dataclass(frozen=True, slots=True)
class _Found:
    """One comparison: the ratio of who is worse off to who is better off, and whether it is clearly below before."""

    pair: GroupPair
    ratio: Estimate
    worse: bool

    @property
    def broken(self) -> bool:
        return self.ratio.upper < LEAST or self.worse

    @property
    def says(self) -> str:
        of = f"{self.pair.name}, data {self.pair.basis}: {self.ratio.value:.2f} ({self.ratio.lower:.2f} to "
        return f"{of}{self.ratio.upper:.2f}){', clearly below the champion' if self.worse else ''}"


def fair(people: Approvals) -> Criterion:
    """The criterion. May be waived only where nothing can be compared for want of group data."""
    found = list(_compared(people))
    limit = f">= {LEAST:.2f}"
    if not found:
        says = "There are no group data to compare: whether it treats protected groups alike is not known."
        return Criterion(NAME, False, "unknown", limit, says, waivable=True)
    broken = [one for one in found if one.broken]
    least = min(broken or found, key=lambda one: one.ratio.value)
    told = "; ".join(one.says for one in sorted(broken or [least], key=lambda one: one.ratio.value))
    says = (
        f"Adverse impact ratio at the cut-off of {people.pd_below:.0%} with its 95 % interval, the lowest of "
        f"{len(found)} comparisons: {told}."
    )
    if broken:
        says += " Look for a less discriminatory alternative: train without what sets the groups apart."
    return Criterion(NAME, not broken, f"{least.ratio.value:.3f}", limit, says)


def _compared(people: Approvals) -> Iterator[_Found]:
    for pair in people.pairs:
        counts = [(int(np.sum(people.challenger & part)), int(np.sum(part))) for part in (pair.group, pair.reference)]
        (hits, rows), (others, other_rows) = counts
        if not hits and not others:
            continue  # nobody is approved: there is nothing to compare
        ratio = impact_ratio(hits, rows, others, other_rows)
        ratio = ratio if ratio.value <= 1 else Estimate(1 / ratio.value, 1 / ratio.upper, 1 / ratio.lower)
        yield _Found(pair, ratio, _is_worse(people, pair))


def _is_worse(people: Approvals, pair: GroupPair) -> bool:
    """Whether with 95 % confidence the groups lie further apart than under the champion, by more than the share.

    Where the champion puts the other group behind, it is measured against equal rates.
    """
    if people.champion is None:
        return False
    ours, theirs = people.challenger, people.champion
    parts = (pair.group, pair.reference)
    counts = [[int(np.sum(passed & part)) for part in parts] for passed in (ours, theirs)]
    if not min(map(min, counts)):
        return False
    gap, champions = (_gap(passed, *parts) for passed in (ours, theirs))
    if gap * champions <= 0:
        theirs = np.ones_like(ours)
        champions = 0.0
    changes = [paired_ratio(ours[part], theirs[part]) for part in parts]
    reach = sqrt(sum((one.upper - one.value) ** 2 for one in changes))
    return abs(gap) - abs(champions) - reach > -log(1 - WORSE_AT_MOST)


def _gap(passed: Mask, group: Mask, reference: Mask) -> float:
    """The logarithm of the ratio of two approval rates."""
    return log(float(np.mean(passed[group])) / float(np.mean(passed[reference])))
