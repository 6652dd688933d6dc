"""Choices made inside a training set: how trees grow and which pairs they may use. The test rows are never seen."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import StratifiedKFold

from risk.learning.fit.boxes import fit_on, model_input, second_splits
from risk.learning.fit.frame import Floats, Frame, Labels, Rows
from risk.learning.fit.grid import Codes, encode, make_grid

# A choice looks at no more rows than this, and tries a single split from so many rows or values on.
CHOICE_ROWS = 60_000
ONE_SPLIT_ROWS = 20_000
ONE_SPLIT_CELLS = 400_000
FOLDS = 4
# Rounds without a better held-back loss after which a trial ends.
PATIENCE = 50
# The whole book bears more rounds than the part that they were counted on; not so where time moves on.
MORE_ROUNDS = 1.25
# Shares of the latest rows that are tried as the whole memory, and the least rows of a class in them.
SHORTER_WINDOWS = (0.5, 0.25)
WINDOW_CLASS_ROWS = 200
# Out of time, losses that differ by less than this share count as equal: then the shorter memory and the fewer rounds
# win, for what is scored lies farther ahead than what was held back.
CLOSE = 0.001

Split = tuple[Rows, Rows]
# From the codes and labels of a fitted part to the models to try: what they know must not come from held-back rows.
Build = Callable[[Codes, Labels], Sequence[Any]]


def held_back_splits(labels: Labels, *, features: int, seed: int, held_back: float, time: Floats | None) -> list[Split]:
    """(fit, check) rows. With time one split, the latest rows being checked; else stratified at random.

    Empty where a part would lack a class: then nothing can be chosen.
    """
    splits = [_latest(time, held_back)] if time is not None else list(_random(labels, features, seed, held_back))
    return [split for split in splits if all(len(np.unique(labels[part])) == 2 for part in split)]


def _latest(time: Floats, held_back: float) -> Split:
    if np.isnan(time).any():
        raise ValueError("A time is missing: rows without one cannot be put into order.")
    order = np.argsort(time, kind="stable")
    start = len(order) - round(held_back * len(order))
    # Rows of one moment stay together: they are not split by their place in the file.
    start = int(np.searchsorted(time[order], time[order[min(start, len(order) - 1)]], side="left"))
    return order[:start], order[start:]


def _random(labels: Labels, features: int, seed: int, held_back: float) -> Iterator[Split]:
    order = np.random.default_rng(seed).permutation(len(labels))[:CHOICE_ROWS]
    single = len(order) >= ONE_SPLIT_ROWS or len(order) * features >= ONE_SPLIT_CELLS
    parts = round(1 / held_back) if single else FOLDS
    if np.bincount(labels[order], minlength=2).min() < parts:
        return
    for fit, check in StratifiedKFold(parts).split(order, labels[order]):
        yield order[fit], order[check]
        if single:
            return


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen model by its place, its rounds, and the earliest time of the rows that it should learn from."""

    model: int
    rounds: int
    since: float | None = None


def choose(
    frame: Frame,
    labels: Labels,
    build: Build,
    *,
    bins: int,
    seed: int,
    held_back: float,
    time: Floats | None,
) -> Choice | None:
    """The model, its rounds and, with time, the latest part of the rows with the least held-back log loss.

    `build` makes the unfitted models of a fitted part, with the most rounds that may be tried as `max_iter`.
    None where nothing can be held back.
    """
    splits = held_back_splits(labels, features=len(frame.features), seed=seed, held_back=held_back, time=time)
    if not splits:
        return None
    slack = 0.0 if time is None else CLOSE
    loss, choice = _best_model(frame, labels, build, splits, bins, slack)
    if time is None:
        return choice
    for window in SHORTER_WINDOWS:
        split = _recent(splits[0], time, window)
        if np.bincount(labels[split[0]], minlength=2).min() < WINDOW_CLASS_ROWS:
            break
        found, candidate = _best_model(frame, labels, build, [split], bins, slack)
        if found <= loss * (1 + slack):
            since = float(np.quantile(time, 1 - window, method="lower"))
            loss, choice = min(found, loss), replace(candidate, since=since)
    return choice


def _best_model(
    frame: Frame, labels: Labels, build: Build, splits: Sequence[Split], bins: int, slack: float
) -> tuple[float, Choice]:
    coded = coded_splits(frame, labels, splits, bins)
    models = [build(*parts[0]) for parts in coded]
    tried = []
    for at in range(len(models[0])):
        curves = [trial(model[at], parts) for model, parts in zip(models, coded, strict=True)]
        rounds, loss = best_rounds(curves, slack=slack)
        tried.append((loss, at, rounds))
    loss, at, rounds = min(tried)
    return loss, Choice(at, rounds)


def _recent(split: Split, time: Floats, window: float) -> Split:
    fit, check = split
    return fit[time[fit] >= np.quantile(time[fit], 1 - window, method="lower")], check


def best_rounds(curves: Sequence[Floats], *, slack: float = 0.0) -> tuple[int, float]:
    """The fewest rounds whose mean loss over splits is the least, or greater by that share; and the least loss.

    Index 0 of a curve is no round.
    """
    shortest = min(len(curve) for curve in curves)
    mean = np.mean([curve[:shortest] for curve in curves], axis=0)
    least = float(mean.min())
    return max(1, int(np.flatnonzero(mean <= least * (1 + slack))[0])), least


def trial(model: Any, parts: Sequence[tuple[Codes, Labels]]) -> Floats:
    """The held-back log loss of a boosting model after 0, 1, 2, ... rounds, up to its `max_iter`.

    `parts`: codes and labels of the fitted part, then of the held-back part.
    """
    (fit, fit_labels), (check, check_labels) = parts
    model.set_params(early_stopping=True, scoring="loss", n_iter_no_change=PATIENCE, tol=0.0)
    fit_on(model, fit, fit_labels, X_val=model_input(check), y_val=check_labels)
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
    part, marks = codes[rows], labels[rows]
    settings = {"learning_rate": 0.1, "max_iter": 150, "early_stopping": False, "max_bins": 255, "random_state": 0}
    additive = HistGradientBoostingClassifier(
        interaction_cst="no_interactions", max_leaf_nodes=4, l2_regularization=10.0, **settings
    )
    residual = marks - fit_on(additive, part, marks).predict_proba(model_input(part))[:, 1]
    stumps = HistGradientBoostingRegressor(max_depth=2, max_leaf_nodes=4, min_samples_leaf=50, **settings)
    gains: dict[tuple[int, int], float] = {}
    for root, child, gain in second_splits(fit_on(stumps, part, residual)):
        if root != child:
            key = (min(root, child), max(root, child))
            gains[key] = gains.get(key, 0.0) + gain
    best = sorted(gains, key=lambda key: (-gains[key], key))[:count]
    return sorted(best)
