"""The baseline: a regularised logistic regression on winsorised, imputed, scaled numbers and one-hot categories."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from risk.learning.fit.frame import Column, Floats, Frame, checked_labels

TAIL = 0.01
# The squares of greater numbers would not fit.
HUGE = 1e100
MIN_CATEGORY_ROWS = 10


@dataclass(frozen=True, slots=True)
class _Number:
    """A number as two columns: its clipped, imputed, scaled value, and whether it was missing."""

    low: float
    high: float
    middle: float
    mean: float
    spread: float

    @classmethod
    def of(cls, column: Floats) -> "_Number":
        finite = np.clip(column[np.isfinite(column)], -HUGE, HUGE)
        if not len(finite):
            return cls(0.0, 0.0, 0.0, 0.0, 1.0)
        low, middle, high = np.quantile(finite, [TAIL, 0.5, 1 - TAIL], method="nearest")
        clipped = np.clip(finite, low, high)
        return cls(float(low), float(high), float(middle), float(clipped.mean()), float(clipped.std()) or 1.0)

    def columns(self, column: Column) -> Floats:
        missing = np.isnan(column)
        values = np.clip(np.where(missing, self.middle, column), self.low, self.high)
        return np.column_stack([(values - self.mean) / self.spread, missing.astype(np.float64)])


@dataclass(frozen=True, slots=True)
class _Category:
    """A category as one column for each value with at least ten rows; missing and others are all zero."""

    values: tuple[str, ...]

    @classmethod
    def of(cls, column: Column) -> "_Category":
        values, counts = np.unique([value for value in column.tolist() if value is not None], return_counts=True)
        return cls(tuple(values[counts >= MIN_CATEGORY_ROWS].tolist()))

    def columns(self, column: Column) -> Floats:
        return np.column_stack(
            [np.zeros(len(column)), *((column == value).astype(np.float64) for value in self.values)]
        )


def fit_logistic(
    frame: Frame, labels: NDArray[Any], *, seed: int, time: Floats | None = None
) -> Callable[[Frame], Floats]:
    """Fit, and return what gives the probabilities of a frame with the same columns. `seed`, `time`: not needed."""
    del seed, time
    marks = checked_labels(frame, labels)
    makers: dict[str, _Number | _Category] = {
        feature.name: (_Number if feature.kind == "number" else _Category).of(frame.columns[feature.name])
        for feature in frame.features
    }
    model = LogisticRegression(C=1.0, max_iter=2000)

    def design(rows: Frame) -> Floats:
        return np.hstack([maker.columns(rows.columns[name]) for name, maker in makers.items()])

    model.fit(design(frame), marks)
    return lambda rows: np.asarray(model.predict_proba(design(rows))[:, 1], dtype=np.float64)
