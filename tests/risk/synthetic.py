"""A synthetic book with every trouble of real ones, and rows that stress a scorer. Same seed, same book."""

import hashlib
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hub.rulebook import NearCutOff
from risk.features.facade import Feature
from risk.learning.fit.frame import Column, Frame, Labels
from risk.learning.fit.glassbox import fit_glassbox
from risk.learning.fit.recipe import Growth, Recipe
from risk.scoring.facade import Calibration, Scorer, load_artefact

FEATURES = (
    Feature("income", "number", "HKD", -1),
    Feature("utilisation", "number", "percent", 1),
    Feature("late_payments", "number", "count", 1),
    Feature("balance", "number", "HKD", 0),
    Feature("housing", "category"),
    Feature("purpose", "category"),
)
QUICK = Recipe(bags=2, growths=(Growth(leaves=8, rounds=60),))
NARROW = NearCutOff(band=0.2, rows_least=200, min_share=0.01)
CUT_OFF = 0.1
HOSTILE = [np.nan, 1e12, -1e12, 0.0, -0.0, 1e-9, np.inf, -np.inf, 5e-324, 1e308]


@cache
def book(rows: int = 6000, seed: int = 3) -> tuple[Frame, Labels]:
    """Numbers with missing values, ties and heavy tails; categories with rare values; labels with interactions."""
    rng = np.random.default_rng(seed)
    income, utilisation = rng.lognormal(10, 0.7, rows), rng.uniform(-5, 130, rows)
    late = rng.poisson(0.4, rows).astype(np.float64)
    balance = np.where(rng.random(rows) < 0.3, 0.0, rng.normal(0, 1e5, rows))
    housing = rng.choice(np.array(["rent", "own", "family"], dtype=object), rows, p=[0.5, 0.4, 0.1])
    purpose = rng.choice(np.array([f"purpose {n}" for n in range(40)], dtype=object), rows, p=_falling(40))
    logit = -2 + utilisation / 50 - np.log(income) / 5 + late * np.where(housing == "rent", 1.2, 0.3)
    logit += np.where((balance > 0) & (utilisation > 60), 0.8, 0.0) + (purpose == "purpose 1") * 0.9
    labels = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.int8)
    income[rng.random(rows) < 0.15] = np.nan
    housing[rng.random(rows) < 0.05] = None
    columns = (income, utilisation, late, balance, housing, purpose)
    return Frame(FEATURES, dict(zip((one.name for one in FEATURES), columns, strict=True))), labels


@cache
def scorer(recipe: Recipe = QUICK, seed: int = 1) -> Scorer:
    """The glass box of the book, loaded from its bytes."""
    return load(fit_glassbox(*book(), seed=seed, recipe=recipe))


@cache
def narrow_scorer() -> Scorer:
    """The same glass box, whose reasons compare with those who pass narrowly."""
    from risk.learning.references import with_reference  # here: it needs Django, and the rest does without

    data = fit_glassbox(*book(), seed=1, recipe=QUICK)
    return load(with_reference(data, book()[0], Calibration(), rule=NARROW, pd_below=CUT_OFF))


def load(data: bytes) -> Scorer:
    """The scorer of an artefact's bytes."""
    return load_artefact(data, sha256=hashlib.sha256(data).hexdigest())


def stressed(rows: int, of: Scorer, seed: int = 11) -> Frame:
    """Rows drawn from the book, many of whose values are replaced by missing, unseen, huge and edge values."""
    rng = np.random.default_rng(seed)
    frame = book()[0].take(rng.integers(0, book()[0].rows, rows))
    columns: dict[str, Column] = {}
    for axis in of.features:
        column = frame.columns[axis.name].copy()
        hit = rng.random(rows) < 0.25
        column[hit] = rng.choice(_edge_values(axis), int(hit.sum()))
        columns[axis.name] = column
    return Frame(frame.features, columns)


def _edge_values(axis: object) -> NDArray[np.generic]:
    cuts = getattr(axis, "cuts", None)
    if cuts is None:
        return np.array([None, "never seen", "", "purpose 39"], dtype=object)
    around = [np.nextafter(cut, end) for cut in cuts for end in (-np.inf, np.inf)]
    return np.array([*HOSTILE, *HOSTILE, *cuts, *around], dtype=np.float64)


def rows_of(frame: Frame) -> list[dict[str, float | str | None]]:
    """The rows of a frame as a caller of the row scorer has them."""
    lists = {name: column.tolist() for name, column in frame.columns.items()}
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _falling(count: int) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = np.power(0.8, np.arange(count, dtype=np.float64))
    return np.asarray(weights / weights.sum())
