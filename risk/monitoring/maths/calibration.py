"""Whether probabilities of default came true: labels (1 = bad) and probabilities, both (n,)."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from risk.features.facade import Z_95, Estimate, rate

Floats = NDArray[np.float64]
_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Calibration:
    """`ratio`: observed over expected bads. `slope` and `intercept` are those of Cox's line; None where unsettled."""

    rows: int
    bads: int
    expected: float
    ratio: Estimate
    slope: Estimate | None
    intercept: Estimate | None


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows of like probability: what was said, what came (both 0 to 1), how many."""

    predicted: float
    observed: float
    rows: int


def reliability(labels: ArrayLike, pd: ArrayLike, *, bins: int = 10) -> list[Bin]:
    """At most `bins` bins of equal count in order of probability; ties stay in the order of the rows."""
    marks, said = np.asarray(labels, dtype=np.float64), np.asarray(pd, dtype=np.float64)
    parts = np.array_split(np.argsort(said, kind="stable"), max(1, min(bins, len(said))))
    return [Bin(float(said[part].mean()), float(marks[part].mean()), len(part)) for part in parts]


def calibration(labels: ArrayLike, pd: ArrayLike) -> Calibration:
    """Compare what came with what was said. Raises ValueError for empty or unequal columns, or none expected.

    The ratio's interval is Wilson's for the observed rate, divided by the mean probability.
    """
    marks, said = np.asarray(labels, dtype=np.float64), np.asarray(pd, dtype=np.float64)
    if marks.shape != said.shape or not len(marks) or not said.sum() > 0:
        raise ValueError("Labels and probabilities must be columns of one length, and some bads be expected.")
    rows, bads, mean = len(marks), int(marks.sum()), float(said.mean())
    observed = rate(bads, rows)
    ratio = Estimate(observed.value / mean, observed.lower / mean, observed.upper / mean)
    slope, intercept = _line(marks, said)
    return Calibration(rows, bads, float(said.sum()), ratio, slope, intercept)


def _line(marks: Floats, said: Floats) -> tuple[Estimate | None, Estimate | None]:
    """Logistic regression of the outcome on the logit of the probability: 1 and 0 where that is perfect.

    Cox (1958), Biometrika 45, 562-565; by Newton's method, with Wald's intervals.
    """
    clipped = np.clip(said, _TINY, 1 - _TINY)
    design = np.column_stack([np.log(clipped / (1 - clipped)), np.ones(len(said))])
    found = _newton(design, marks)
    if found is None:
        return None, None
    line, covariance = found
    reach = [Z_95 * sqrt(float(covariance[at, at])) for at in (0, 1)]
    slope, intercept = (
        Estimate(float(line[at]), float(line[at]) - reach[at], float(line[at]) + reach[at]) for at in (0, 1)
    )
    return slope, intercept


def _newton(design: Floats, marks: Floats) -> tuple[Floats, Floats] | None:
    line = np.array([1.0, 0.0])
    for _ in range(50):
        pd = 1 / (1 + np.exp(-np.clip(design @ line, -700, 700)))
        curvature = (design * (pd * (1 - pd))[:, None]).T @ design
        if np.linalg.cond(curvature) > 1e12:  # one class only, parted classes, or one probability for all
            return None
        step = np.linalg.solve(curvature, design.T @ (marks - pd))
        line = line + step
        if float(np.abs(step).max()) < 1e-9:
            return line, np.linalg.inv(curvature)
    return None
