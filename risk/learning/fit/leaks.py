"""Columns that tell the outcome instead of foretelling it, found by how they behave; no name is looked at.

What was written down when a loan had ended gives itself away in one of three ways. Some of its values stand beside
bads and nothing else. Or it ranks the loans better by itself than anything a lender can know of applicants. Or it
foretells far more than all the other columns together leave to be foretold. All three are judged on rows that were not
learnt from. Out of a column's order nothing is concluded: each of its bins is looked at by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold

from risk.learning.fit.boxes import fit_on, model_input
from risk.learning.fit.choice import coded_splits
from risk.learning.fit.frame import Floats, Frame, Labels
from risk.learning.fit.grid import Codes
from risk.learning.fit.metrics import auc

ROWS_MAX = 40_000
PARTS = 2
BINS = 250
PRIOR_ROWS = 5.0
# Values that stand beside bads alone: their least share of bads where it is learnt and where it is checked, and the
# least share of all bads that they hold.
SURE = 0.98
SURE_CHECKED = 0.97
SURE_ROWS = 10
SURE_SHARE = 0.1
# An area under the ROC curve that no single fact about applicants reaches.
ALONE = 0.92
# What a column may take away of the distance that the others leave to a perfect order: where it ranks better alone
# than they do together (those left aside that rank about as well: copies of one thing), and in any case.
GAIN_ALONE = 0.35
GAIN = 0.7
# Only a column that ranks so well by itself is looked at beside the others.
STRONG = 0.75
BETTER = 0.02
ALIKE = 0.05


@dataclass(frozen=True, slots=True)
class Leak:
    """Why a column is refused: `sure`, `alone`, `better` or `gain`, and the figures in a sentence."""

    kind: str
    sentence: str


Parts = list[tuple[Codes, Labels]]


def find_leaks(frame: Frame, labels: Labels, *, seed: int = 42) -> dict[str, Leak]:
    """The columns that tell the outcome, each with the reason, in the order in which they were found.

    Empty where a class has too few rows to judge.
    """
    rows = np.sort(np.random.default_rng(seed).permutation(frame.rows)[:ROWS_MAX])
    if np.bincount(labels[rows], minlength=2).min() < 2 * SURE_ROWS:
        return {}
    part, marks = frame.take(rows), labels[rows]
    splits = list(StratifiedKFold(PARTS, shuffle=True, random_state=seed).split(marks, marks))
    coded = coded_splits(part, marks, splits, BINS)
    names = [feature.name for feature in frame.features]
    alone = [_alone(coded, at) for at in range(len(names))]
    found = {names[at]: leak for at, one in enumerate(alone) if (leak := _by_itself(one)) is not None}
    left = [at for at, name in enumerate(names) if name not in found]
    while (worst := _worst(coded, alone, left)) is not None:
        at, leak = worst
        found[names[at]] = leak
        left.remove(at)
    return found


@dataclass(frozen=True, slots=True)
class _Alone:
    """A column by itself: its AUC, and of its sure values the share of bads in them, and of all bads."""

    auc: float
    purity: float
    share: float


def _alone(coded: Sequence[Parts], at: int) -> _Alone:
    aucs, sure, caught, bads = [], 0, 0, 0
    for (fit, fit_labels), (check, check_labels) in coded:
        rows = np.bincount(fit[:, at], minlength=256)
        bad = np.bincount(fit[:, at], weights=fit_labels, minlength=256)
        rate = (bad + PRIOR_ROWS * fit_labels.mean()) / (rows + PRIOR_ROWS)
        aucs.append(auc(check_labels, rate[check[:, at]]))
        inside = _sure(rows, bad)[check[:, at]]
        sure += int(inside.sum())
        caught += int(check_labels[inside].sum())
        bads += int(check_labels.sum())
    return _Alone(float(np.mean(aucs)), caught / sure if sure else 0.0, caught / bads)


def _sure(rows: NDArray[Any], bad: NDArray[Any]) -> NDArray[np.bool_]:
    """Which codes stand beside bads alone: single ones, and the longest such run from either end of the real ones."""
    sure = (rows >= SURE_ROWS) & (bad >= SURE * rows)
    for codes in (np.arange(1, 256), np.arange(255, 0, -1)):
        reached, told = np.cumsum(rows[codes]), np.cumsum(bad[codes])
        ends = np.flatnonzero((reached >= SURE_ROWS) & (told >= SURE * reached))
        if len(ends):
            sure[codes[: ends[-1] + 1]] = True
    return sure


def _by_itself(one: _Alone) -> Leak | None:
    if one.purity >= SURE_CHECKED and one.share >= SURE_SHARE:
        return Leak("sure", f"{one.share:.0%} of the bads have values beside which {one.purity:.1%} are bad.")
    if one.auc >= ALONE:
        return Leak("alone", f"By itself it ranks with an AUC of {one.auc:.3f}.")
    return None


def _worst(coded: Sequence[Parts], alone: Sequence[_Alone], left: Sequence[int]) -> tuple[int, Leak] | None:
    """The strongest column that foretells more than it may beside the others, None where none does."""
    strong = sorted((at for at in left if alone[at].auc >= STRONG), key=lambda at: -alone[at].auc)
    whole = _together(coded, left) if strong else 0.0
    for at in strong:
        alike = [other for other in strong if alone[other].auc >= alone[at].auc - ALIKE]
        without = _together(coded, [other for other in left if other not in alike])
        better = alone[at].auc >= without + BETTER and whole - without >= GAIN_ALONE * (1 - without)
        if not better:
            without = _together(coded, [other for other in left if other != at])
        if better or whole - without >= GAIN * (1 - without):
            return at, Leak(
                "better" if better else "gain",
                f"By itself it ranks with an AUC of {alone[at].auc:.3f}, the others without it with {without:.3f}, "
                f"all together with {whole:.3f}.",
            )
    return None


def _together(coded: Sequence[Parts], columns: Sequence[int]) -> float:
    """The AUC of a model of some columns."""
    if not columns:
        return 0.5
    found: list[float] = []
    for (fit, fit_labels), (check, check_labels) in coded:
        model = HistGradientBoostingClassifier(
            learning_rate=0.15, max_iter=60, max_leaf_nodes=15, min_samples_leaf=20, l2_regularization=1.0,
            early_stopping=False, random_state=0,
        )  # fmt: skip
        fit_on(model, fit[:, list(columns)], fit_labels)
        pd: Floats = model.predict_proba(model_input(check[:, list(columns)]))[:, 1]
        found.append(auc(check_labels, pd))
    return float(np.mean(found))
