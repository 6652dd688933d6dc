"""The challenger: histogram boosting without any restriction, tuned on held-back rows of the training set.

It says what the glass box costs; it never scores an applicant.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from risk.learning.fit.boxes import fit_on, model_input
from risk.learning.fit.choice import MORE_ROUNDS, choose
from risk.learning.fit.frame import Floats, Frame, Labels, checked_labels
from risk.learning.fit.grid import encode, make_grid

BINS = 250
HELD_BACK = 0.25
MAX_ROUNDS = 600
FALLBACK_ROUNDS = 100
Settings = dict[str, float]
TRIED: tuple[Settings, ...] = (
    {"max_leaf_nodes": 8, "min_samples_leaf": 20, "l2_regularization": 10.0, "max_features": 0.5},
    {"max_leaf_nodes": 15, "min_samples_leaf": 50, "l2_regularization": 10.0, "max_features": 0.5},
    {"max_leaf_nodes": 15, "min_samples_leaf": 100, "l2_regularization": 1.0, "max_features": 1.0},
    {"max_leaf_nodes": 31, "min_samples_leaf": 20, "l2_regularization": 10.0, "max_features": 0.5},
    {"max_leaf_nodes": 31, "min_samples_leaf": 200, "l2_regularization": 1.0, "max_features": 1.0},
)


def fit_challenger(
    frame: Frame, labels: NDArray[Any], *, seed: int, time: Floats | None = None
) -> Callable[[Frame], Floats]:
    """Tune and fit, and return what gives the probabilities of a frame with the same columns."""
    marks = checked_labels(frame, labels)
    settings, rounds, since = tuned(frame, marks, seed, time)
    if since is not None and time is not None:
        rows = np.flatnonzero(time >= since)
        frame, marks = frame.take(rows), marks[rows]
    grid = make_grid(frame, marks, bins=BINS)
    model = fit_on(_model(settings, rounds, seed), encode(grid, frame), marks)

    def predict(rows: Frame) -> Floats:
        return np.asarray(model.predict_proba(model_input(encode(grid, rows)))[:, 1], dtype=np.float64)

    return predict


def tuned(frame: Frame, labels: Labels, seed: int, time: Floats | None) -> tuple[Settings, int, float | None]:
    """The settings, the number of rounds and the earliest time of the rows that do best on held-back rows."""
    models = [_model(settings, MAX_ROUNDS, seed) for settings in TRIED]
    choice = choose(frame, labels, lambda _codes, _labels: models, bins=BINS, seed=seed, held_back=HELD_BACK, time=time)
    if choice is None:
        return TRIED[0], FALLBACK_ROUNDS, None
    rounds = round(choice.rounds * (MORE_ROUNDS if time is None else 1))
    return TRIED[choice.model], rounds, choice.since


def _model(settings: Settings, rounds: int, seed: int) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=rounds, max_bins=255, early_stopping=False, random_state=seed, **settings
    )
