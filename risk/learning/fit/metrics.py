"""How good probabilities of default are, from arrays of labels (1 = bad) and probabilities, both (n,)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
ECE_BINS = 15


@dataclass(frozen=True, slots=True)
class Measures:
    """The five numbers that a learner is judged by."""

    auc: float
    ks: float
    brier: float
    log_loss: float
    ece: float


@dataclass(frozen=True, slots=True)
class ReliabilityPoint:
    """A bin of rows of like probability: what was said, what came, how many."""

    predicted: float
    observed: float
    rows: int


@dataclass(frozen=True, slots=True)
class RocPoint:
    """Shares of goods and of bads at or above one threshold."""

    false_positive: float
    true_positive: float


def measure(labels: ArrayLike, pd: ArrayLike) -> Measures:
    """All measures at once. Raises ValueError unless both classes occur."""
    return Measures(auc(labels, pd), ks(labels, pd), brier(labels, pd), log_loss(labels, pd), ece(labels, pd))


def mean_of(measures: list[Measures]) -> Measures:
    """The mean of each measure."""
    names = ("auc", "ks", "brier", "log_loss", "ece")
    return Measures(*(float(np.mean([getattr(one, name) for one in measures])) for name in names))


def auc(labels: ArrayLike, pd: ArrayLike) -> float:
    """The chance that a bad stands above a good, ties counting half: the area under the steps of the ROC curve."""
    false_positive, true_positive = _rates(labels, pd)
    return float(np.trapezoid(true_positive, false_positive))


def ks(labels: ArrayLike, pd: ArrayLike) -> float:
    """Kolmogorov-Smirnov: the greatest gap between the two classes' distributions."""
    false_positive, true_positive = _rates(labels, pd)
    return float(np.abs(true_positive - false_positive).max())


def brier(labels: ArrayLike, pd: ArrayLike) -> float:
    """The mean squared error of the probabilities."""
    marks, said = _pair(labels, pd)
    return float(np.mean((said - marks) ** 2))


def log_loss(labels: ArrayLike, pd: ArrayLike) -> float:
    """The mean negative log likelihood; probabilities are kept one float step away from 0 and 1."""
    marks, said = _pair(labels, pd)
    tiny = float(np.finfo(np.float64).eps)
    said = np.clip(said, tiny, 1 - tiny)
    return float(-np.mean(np.where(marks == 1, np.log(said), np.log1p(-said))))


def ece(labels: ArrayLike, pd: ArrayLike, *, bins: int = ECE_BINS) -> float:
    """Expected calibration error: the mean gap between said and come over bins of equal count."""
    points = reliability(labels, pd, bins=bins)
    rows = sum(point.rows for point in points)
    return sum(point.rows * abs(point.predicted - point.observed) for point in points) / rows


def reliability(labels: ArrayLike, pd: ArrayLike, *, bins: int = ECE_BINS) -> list[ReliabilityPoint]:
    """At most `bins` bins of equal count in order of probability; rows of one probability stay in file order."""
    marks, said = _pair(labels, pd)
    parts = np.array_split(np.argsort(said, kind="stable"), min(bins, len(said)))
    return [ReliabilityPoint(float(said[part].mean()), float(marks[part].mean()), len(part)) for part in parts]


def roc(labels: ArrayLike, pd: ArrayLike, *, points: int = 200) -> list[RocPoint]:
    """The ROC curve from (0, 0) to (1, 1), thinned to about `points` points."""
    false_positive, true_positive = _rates(labels, pd)
    kept = np.unique(np.linspace(0, len(false_positive) - 1, points).round().astype(np.intp))
    return [RocPoint(float(false_positive[at]), float(true_positive[at])) for at in kept]


def _pair(labels: ArrayLike, pd: ArrayLike) -> tuple[Floats, Floats]:
    marks, said = np.asarray(labels, dtype=np.float64), np.asarray(pd, dtype=np.float64)
    if marks.shape != said.shape or marks.ndim != 1 or not len(marks):
        raise ValueError("Labels and probabilities must be two columns of one length, and not empty.")
    return marks, said


def _rates(labels: ArrayLike, pd: ArrayLike) -> tuple[Floats, Floats]:
    """Shares of goods and bads at or above each distinct probability, from none to all."""
    marks, said = _pair(labels, pd)
    order = np.argsort(-said, kind="stable")
    last_of_value = np.append(np.flatnonzero(np.diff(said[order])), len(said) - 1)
    bads = np.cumsum(marks[order])[last_of_value]
    goods = last_of_value + 1 - bads
    if not bads[-1] or not goods[-1]:
        raise ValueError("A measure of order needs goods and bads.")
    return np.append(0.0, goods / goods[-1]), np.append(0.0, bads / bads[-1])
