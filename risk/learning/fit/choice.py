"""Choices made inside a training set: how trees grow and which pairs they may use. The test rows are never seen."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import StratifiedKFold

from risk.learning.fit.boxes import model_input, second_splits
from risk.learning.fit.frame import Floats, Frame, Labels, Rows
from risk.learning.fit.grid import Codes, encode, make_grid

# A choice looks at no more rows than this, and tries a single split from `ONE_SPLIT_ROWS` on.
CHOICE_ROWS = 60_000
ONE_SPLIT_ROWS = 20_000
FOLDS = 4
# Rounds without a better held-back loss after which a trial ends.
PATIENCE = 50

Split = tuple[Rows, Rows]


def held_back_splits(labels: Labels, *, seed: int, held_back: float, time: NDArray[Any] | None) -> list[Split]:
    """(fit, check) rows. With time one split, the latest rows being checked; else stratified at random.

    Empty where a part would lack a class: then nothing can be chosen.
    """
    splits = [_latest(time, held_back)] if time is not None else list(_random(labels, seed, held_back))
    return [split for split in splits if all(len(np.unique(labels[part])) == 2 for part in split)]


def _latest(time: NDArray[Any], held_back: float) -> Split:
    if (time != time).any():  # noqa: PLR0124 -- NaN of any type
        raise ValueError("A time is missing: rows without one cannot be put into order.")
    order = np.argsort(time, kind="stable")
    start = len(order) - round(held_back * len(order))
    # Rows of one moment stay together: they are not split by their place in the file.
    start = int(np.searchsorted(time[order], time[order[min(start, len(order) - 1)]], side="left"))
    return order[:start], order[start:]


def _random(labels: Labels, seed: int, held_back: float) -> Iterator[Split]:
    order = np.random.default_rng(seed).permutation(len(labels))[:CHOICE_ROWS]
    single = len(order) >= ONE_SPLIT_ROWS
    parts = round(1 / held_back) if single else FOLDS
    if np.bincount(labels[order], minlength=2).min() < parts:
        return
    for fit, check in StratifiedKFold(parts).split(order, labels[order]):
        yield order[fit], order[check]
        if single:
            return


def best_rounds(curves: Sequence[Floats]) -> tuple[int, float]:
    """The number of rounds with the least mean loss over splits, and that loss. Index 0 of a curve is no round."""
    shortest = min(len(curve) for curve in curves)
    mean = np.mean([curve[:shortest] for curve in curves], axis=0)
    return max(1, int(mean.argmin())), float(mean.min())


def trial(model: Any, parts: Sequence[tuple[Codes, Labels]]) -> Floats:
    """The held-back log loss of a boosting model after 0, 1, 2, ... rounds, up to its `max_iter`.

    `parts`: codes and labels of the fitted part, then of the held-back part.
    """
    (fit, fit_labels), (check, check_labels) = parts
    model.set_params(early_stopping=True, scoring="loss", n_iter_no_change=PATIENCE, tol=0.0)
    model.fit(model_input(fit), fit_labels, X_val=model_input(check), y_val=check_labels)
    return -np.asarray(model.validation_score_, dtype=np.float64)


def coded_splits(frame: Frame, labels: Labels, splits: Sequence[Split], bins: int) -> list[list[tuple[Codes, Labels]]]:
    """Each split coded by a grid of its own fitted part."""
    found = []
    for fit, check in splits:
        grid = make_grid(frame.take(fit), labels[fit], bins=bins)
        found.append([(encode(grid, frame.take(part)), labels[part]) for part in (fit, check)])
    return found


def best_pairs(codes: Codes, labels: Labels, count: int) -> list[tuple[int, int]]:
    """The `count` pairs that explain most of what additive terms leave over, in order of position.

    Stumps of two levels are boosted on the residual of a purely additive model; a pair is worth the gains of the
    second-level splits on the other feature.
    """
    rows = np.arange(len(codes))[:: max(1, len(codes) // CHOICE_ROWS)]
    values, marks = model_input(codes[rows]), labels[rows]
    settings = {"learning_rate": 0.1, "max_iter": 150, "early_stopping": False, "max_bins": 255, "random_state": 0}
    additive = HistGradientBoostingClassifier(
        interaction_cst="no_interactions", max_leaf_nodes=4, l2_regularization=10.0, **settings
    ).fit(values, marks)
    residual = marks - additive.predict_proba(values)[:, 1]
    stumps = HistGradientBoostingRegressor(max_depth=2, max_leaf_nodes=4, min_samples_leaf=50, **settings)
    gains: dict[tuple[int, int], float] = {}
    for root, child, gain in second_splits(stumps.fit(values, residual)):
        if root != child:
            key = (min(root, child), max(root, child))
            gains[key] = gains.get(key, 0.0) + gain
    best = sorted(gains, key=lambda key: (-gains[key], key))[:count]
    return sorted(best)
