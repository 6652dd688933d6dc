"""The scorecard: each feature in a few classes, their weights of evidence, one logistic regression over them.

Poorer than the glass box and easier to read: a table of points. It is compiled into the same tables without pairs, so
that serving, reasons, replay and promotion are the same.

Classes by merging neighbours with the least chi-square (Kerber 1992, ChiMerge); weights of evidence and information
value by Siddiqi, Credit Risk Scorecards (2006), chapters 6 and 10.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from msgspec.structs import replace
from sklearn.linear_model import LogisticRegression

from risk.learning.fit.boxes import Box
from risk.learning.fit.frame import Floats, Frame, Labels
from risk.learning.fit.grid import Codes, GridAxis, make_grid

FINE_BINS = 50
CLASSES_MAX = 6
CLASS_SHARE_MIN = 0.05
CHI_SQUARE_MIN = 3.841  # neighbours that differ less at the 5 % level are one class (one degree of freedom)
INFORMATION_MIN = 0.02  # "not predictive" below, Siddiqi, table 6.2
_HALF = 0.5  # added to each count, so that a class without bads has a weight


@dataclass(slots=True)
class _Class:
    """Neighbouring fine bins: the first and the last one, goods and bads."""

    first: int
    last: int
    goods: float
    bads: float

    @property
    def rows(self) -> float:
        return self.goods + self.bads

    def with_next(self, other: "_Class") -> "_Class":
        return _Class(self.first, other.last, self.goods + other.goods, self.bads + other.bads)


def classed_grid(frame: Frame, labels: Labels) -> list[GridAxis]:
    """Return a grid of at most six classes a feature, whose bad rates follow the feature's direction."""
    fine = make_grid(frame, labels, bins=FINE_BINS)
    return [_classed(axis, axis.encode(frame.columns[axis.name]), labels) for axis in fine]


def fit_scorecard(codes: Codes, labels: Labels, grid: Sequence[GridAxis]) -> tuple[float, list[Box]]:
    """Return the intercept and, for each class of each feature that is kept, what it adds to the logit, as boxes.

    Left out are features that tell too little, or whose weight would turn round beside the others.
    """
    evidence = [weights_of_evidence(codes[:, at], labels, axis.codes) for at, axis in enumerate(grid)]
    told = [at for at in range(len(grid)) if _information(codes[:, at], labels, evidence[at]) >= INFORMATION_MIN]
    intercept, kept = _kept(codes, labels, evidence, told)
    boxes: list[Box] = []
    for at, weight in kept.items():
        boxes.append(({at: (1, 0, True)}, weight * float(evidence[at][0])))
        boxes += [({at: (code, code, False)}, weight * float(evidence[at][code])) for code in range(1, grid[at].codes)]
    return intercept, boxes


def weights_of_evidence(codes: Codes, labels: Labels, size: int) -> Floats:
    """Return ln(share of the goods / share of the bads) of each code; 0 where there are no rows."""
    bads = np.bincount(codes, weights=labels, minlength=size)
    goods = np.bincount(codes, minlength=size) - bads
    found = np.log((goods + _HALF) / (goods.sum() + _HALF)) - np.log((bads + _HALF) / (bads.sum() + _HALF))
    found[goods + bads == 0] = 0.0
    return np.asarray(found, dtype=np.float64)


def _information(codes: Codes, labels: Labels, evidence: Floats) -> float:
    bads = np.bincount(codes, weights=labels, minlength=len(evidence))
    goods = np.bincount(codes, minlength=len(evidence)) - bads
    return float(((goods / goods.sum() - bads / bads.sum()) * evidence).sum())


def _kept(
    codes: Codes, labels: Labels, evidence: Sequence[Floats], told: Sequence[int]
) -> tuple[float, dict[int, float]]:
    """Fit, and fit again without the feature that turns round most, until none does. More evidence is less risk."""
    left = list(told)
    while left:
        design = np.column_stack([evidence[at][codes[:, at]] for at in left])
        model: Any = LogisticRegression(C=np.inf, max_iter=1000).fit(design, labels)
        weights = model.coef_[0]
        worst = int(np.argmax(weights))
        if weights[worst] < 0:
            return float(model.intercept_[0]), dict(zip(left, map(float, weights), strict=True))
        del left[worst]
    rate = float(np.mean(labels))
    return float(np.log(rate / (1 - rate))), {}


def _classed(axis: GridAxis, codes: Codes, labels: Labels) -> GridAxis:
    bads = np.bincount(codes, weights=labels, minlength=axis.codes)
    goods = np.bincount(codes, minlength=axis.codes) - bads
    fine = [_Class(at, at, float(goods[at]), float(bads[at])) for at in range(1, axis.codes)]
    found = _merged(_in_order(fine, axis.direction), CLASS_SHARE_MIN * len(labels))
    if axis.kind == "number":
        return replace(axis, cuts=[axis.cuts[one.first - 2] for one in found[1:]])
    return replace(axis, groups=[_group(axis, one, (goods + bads).tolist()) for one in found])


def _group(axis: GridAxis, one: _Class, rows: Sequence[float]) -> list[str]:
    """The values of a class, those of the most frequent fine bin first."""
    fine = sorted(range(one.first, one.last + 1), key=lambda at: -rows[at])
    return [value for at in fine for value in axis.groups[at - 1]]


def _in_order(fine: Sequence[_Class], direction: int) -> list[_Class]:
    """Pool neighbours whose bad rates run against the direction (pool adjacent violators); all stay where it is 0."""
    found: list[_Class] = []
    for one in fine:
        found.append(one)
        while len(found) > 1 and _against(found[-2], found[-1], direction):
            last = found.pop()
            found[-1] = found[-1].with_next(last)
    return found


def _against(before: _Class, after: _Class, direction: int) -> bool:
    return direction * (after.bads * before.rows - before.bads * after.rows) < 0


def _merged(classes: list[_Class], rows_min: float) -> list[_Class]:
    """Merge neighbours, the most alike first, until there are few, each is large, and all differ."""
    found = list(classes)
    while len(found) > 1:
        apart = [_chi_square(one, other) for one, other in pairwise(found)]
        small = min(range(len(found)), key=lambda at: found[at].rows)
        if found[small].rows < rows_min:
            sides = [at for at in (small - 1, small) if 0 <= at < len(apart)]
            at = min(sides, key=apart.__getitem__)
        else:
            at = int(np.argmin(apart))
            if len(found) <= CLASSES_MAX and apart[at] >= CHI_SQUARE_MIN:
                break
        found[at : at + 2] = [found[at].with_next(found[at + 1])]
    return found


def _chi_square(one: _Class, other: _Class) -> float:
    """Return the statistic of two classes and two outcomes; 0 where there is nothing to tell them apart by."""
    goods, bads = one.goods + other.goods, one.bads + other.bads
    below = goods * bads * one.rows * other.rows
    gap = one.goods * other.bads - one.bads * other.goods
    return (goods + bads) * gap**2 / below if below else 0.0
