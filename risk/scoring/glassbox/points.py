"""A scorecard in points: 600 where the odds are 50 goods to a bad, and 20 more wherever they double.

The scale is by Siddiqi, Credit Risk Scorecards (2006), chapter 6: points = offset + factor · ln(odds).
"""

from dataclasses import dataclass
from math import log

from risk.scoring.glassbox.calibration import MICRO, Calibration
from risk.scoring.glassbox.scorer import Scorer

POINTS, ODDS, POINTS_TO_DOUBLE = 600, 50, 20
_FACTOR = POINTS_TO_DOUBLE / log(2)


@dataclass(frozen=True, slots=True)
class Attribute:
    """One class of a feature in words, with its points."""

    feature: str
    label: str
    points: int


@dataclass(frozen=True, slots=True)
class Scorecard:
    """`base` points for everybody, and those of the attribute that applies of each feature."""

    base: int
    attributes: tuple[Attribute, ...]


def scorecard(scorer: Scorer, calibration: Calibration) -> Scorecard | None:
    """Return the points of a version without pairs; None for one with pairs, which no list of points can tell.

    Rounded to whole points. The score itself is made of the tables: points are for reading.
    """
    if scorer.artefact.pairs:
        return None
    slope = calibration.slope_micro / MICRO
    logit = (slope * scorer.intercept_micro + calibration.intercept_micro) / MICRO
    base = POINTS - _FACTOR * (log(ODDS) + logit)
    attributes = (
        Attribute(axis.name, axis.label(at), round(-_FACTOR * slope * main[at] / MICRO))
        for axis, main in zip(scorer.features, scorer.artefact.mains, strict=True)
        for at in range(axis.size)
        if any(main)
    )
    return Scorecard(round(base), tuple(attributes))
