"""What `scoring` tells others of one decision: plain values, no rows."""

from dataclasses import dataclass
from uuid import UUID

from risk.scoring.affordability import AffordabilityView
from risk.scoring.evidence import Evidence


@dataclass(frozen=True, slots=True)
class DecisionReason:
    """A principal reason: moving `feature` from `value` to `best_value` alone lowers the logit by `lost_logit`."""

    feature: str
    value: float | str | None
    best_value: float | str
    lost_logit: str


@dataclass(frozen=True, slots=True)
class ScoredApplication:
    """The platform's decision on an application. `pd` is the probability of default in 12 months, six decimals.

    `action` is approve, review or decline; `reasons` are up to four, the weightiest first, of the score;
    `affordability` is None where it was not asked, `evidence` where no source had been thought of.
    """

    decision_id: UUID
    pd: str
    grade: str
    action: str
    reasons: tuple[DecisionReason, ...]
    version_id: UUID
    affordability: AffordabilityView | None = None
    evidence: Evidence | None = None
