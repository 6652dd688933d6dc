"""Measuring learners on a book: cross-validated, or before and after a cut-off. Makes no model version.

The glass box is measured through its integer tables, which is what is served, not through the model behind them.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits

from risk.learning.fit.challenger import fit_challenger
from risk.learning.fit.frame import Floats, Frame, Labels, Rows, checked_labels
from risk.learning.fit.glassbox import fit_glassbox
from risk.learning.fit.logistic import fit_logistic
from risk.learning.fit.metrics import Measures, mean_of, measure
from risk.learning.fit.recipe import recipe_for
from risk.scoring.facade import Calibration, load_artefact

Predict = Callable[[Frame], Floats]
Split = tuple[Rows, Rows]


def fit_tables(frame: Frame, labels: NDArray[Any], *, seed: int, time: Floats | None = None, **changed: Any) -> Predict:
    """Fit the glass box, and return what scores a frame with the artefact's integer tables.

    `changed`: what the recipe has otherwise than the book's size suggests.
    """
    recipe = replace(recipe_for(frame.rows, len(frame.features)), **changed)
    data = fit_glassbox(frame, labels, seed=seed, time=time, recipe=recipe)
    scorer = load_artefact(data, sha256=hashlib.sha256(data).hexdigest())
    return lambda rows: scorer.batch(rows.columns).pd(Calibration())


LEARNERS: dict[str, Callable[..., Predict]] = {
    "glassbox": partial(fit_tables, monotone=False),
    "monotone": partial(fit_tables, monotone=True),
    "scorecard": partial(fit_tables, learner="scorecard", bags=1),
    "logistic": fit_logistic,
    "challenger": fit_challenger,
}


USUAL = tuple(name for name in LEARNERS if name != "scorecard")


@dataclass(frozen=True, slots=True)
class Trial:
    """One learner on one split: its probabilities of the tested rows, and the seconds of fitting and scoring."""

    learner: str
    split: int
    measures: Measures
    labels: Labels
    pd: Floats
    seconds: float


def folds_of(labels: Labels, *, folds: int, seed: int) -> list[Split]:
    """Stratified, shuffled folds as (train, test) rows. Raises ValueError where a class has fewer rows than folds."""
    least = int(np.bincount(labels, minlength=2).min())
    if not 2 <= folds <= least:
        raise ValueError(f"{folds} folds are not possible: the rarer label value has {least} rows.")
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return list(splitter.split(labels, labels))


def split_at(labels: Labels, time: Floats, *, cutoff: float) -> Split:
    """(train, test) rows: before the cut-off, and from it on. Rows without a time are in neither."""
    split = np.flatnonzero(time < cutoff), np.flatnonzero(time >= cutoff)
    for name, rows in zip(("before", "from"), split, strict=True):
        if len(np.unique(labels[rows])) < 2:
            raise ValueError(f"The {len(rows)} rows {name} the cut-off on do not hold both goods and bads.")
    return split


def run_trials(
    frame: Frame,
    labels: NDArray[Any],
    splits: Sequence[Split],
    *,
    seed: int,
    time: Floats | None = None,
    learners: Sequence[str] = USUAL,
    jobs: int = -1,
) -> Iterator[Trial]:
    """Every learner on every split, in that order, `jobs` at a time (-1: one for each core), one thread each.

    `monotone` is left out where no feature has a direction: it would be the glass box again.
    """
    marks = checked_labels(frame, labels)
    tasks = (
        delayed(_try_one)(learner, number, frame, marks, split, seed, time)
        for learner in learners_for(frame, learners)
        for number, split in enumerate(splits)
    )
    yield from Parallel(n_jobs=jobs, return_as="generator")(tasks)


def learners_for(frame: Frame, learners: Sequence[str] = USUAL) -> list[str]:
    """The learners that have something to say of a frame."""
    held = any(feature.direction for feature in frame.features)
    return [learner for learner in learners if held or learner != "monotone"]


def summary(trials: Sequence[Trial]) -> Measures:
    """The mean of each measure over splits."""
    return mean_of([trial.measures for trial in trials])


def _try_one(
    learner: str, number: int, frame: Frame, labels: Labels, split: Split, seed: int, time: Floats | None
) -> Trial:
    train, test = split
    start = perf_counter()
    # Trials run side by side: more threads than cores make each of them many times slower.
    with threadpool_limits(1):
        known = None if time is None else time[train]
        pd = LEARNERS[learner](frame.take(train), labels[train], seed=seed, time=known)(frame.take(test))
    seconds = perf_counter() - start
    return Trial(learner, number, measure(labels[test], pd), labels[test], pd, seconds)
