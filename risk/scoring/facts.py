"""What others read of lines, versions and decisions: plain values, no rows."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from risk.scoring.affordability import AffordabilityView
from risk.scoring.glassbox import Calibration, Scorer


@dataclass(frozen=True, slots=True)
class ModelView:
    """A version that scores or scored. `institution_id` is None for the platform's own; `report` its validation.

    `since`: when it last became champion. `cut_offs`: the upper ends of the grades' PD bands that anybody may be
    beyond, rising, each with whether the recommended action changes there.
    """

    version_id: UUID
    number: int
    state: str
    sha256: str
    line_id: UUID
    line_name: str
    institution_id: UUID | None
    purpose: str
    jurisdiction: str
    run_id: UUID
    report: dict[str, Any]
    calibration: Calibration
    since: datetime | None
    cut_offs: tuple[tuple[float, bool], ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision without what it was made from; `pd` is the calibrated probability of default in 12 months."""

    id: UUID
    institution_id: UUID | None
    version_id: UUID
    pd: float
    grade: str
    action: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LineView:
    """A model line as others see it; `institution_id` is None for the platform's own."""

    id: UUID
    name: str
    institution_id: UUID | None
    purpose: str
    jurisdiction: str


@dataclass(frozen=True, slots=True)
class DecidedFeatures:
    """What was known when a decision was made, and when that was."""

    values: dict[str, float | str | None]
    at: datetime


@dataclass(frozen=True, slots=True)
class Champion:
    """The model in use on a line, with its tables loaded."""

    version_id: UUID
    scorer: Scorer
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class Said:
    """What a version says of an application, without deciding on it; `pd` of default in 12 months, six decimals."""

    pd: Decimal
    logit_micro: int
    grade: str
    action: str
    affordability: AffordabilityView | None


@dataclass(frozen=True, slots=True)
class ShadowView:
    """How a challenger scored beside the champion; `unreadable` decisions it could not."""

    since: datetime
    ended_at: datetime | None
    scored: int
    unreadable: int


@dataclass(frozen=True, slots=True)
class ShadowPair:
    """What two versions said of one decision: the one that made it, and its shadow; grades by their PDs alone."""

    decision_id: UUID
    pd: float
    shadow_pd: float
    grade_changed: bool
