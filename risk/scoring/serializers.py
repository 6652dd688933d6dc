"""The bodies of the scoring endpoints."""

from datetime import datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from msgspec import Meta, Struct

from risk.scoring.affordability import AffordabilityView, view_of
from risk.scoring.affordability_body import AFFORDABILITY_EXAMPLES, AffordabilityBody
from risk.scoring.evidence import Evidence
from risk.scoring.glassbox import Reason
from risk.scoring.services import Replay, Scored

MICRO = 1_000_000
NO_EVIDENCE = Evidence()
Reference = Annotated[str, Meta(min_length=1, max_length=200)]
Moment = Annotated[datetime, Meta(tz=True)]


class ConsentBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the institution keeps the proof that the person agreed, and to which text."""

    reference: Reference
    text_version: Annotated[str, Meta(min_length=1, max_length=60)]
    given_at: Moment
    expires_at: Moment | None = None


class ScoreBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A request for a score. `person_reference` is the institution's own; only a blind index of it is kept."""

    model_line: Annotated[str, Meta(pattern=r"^[-a-zA-Z0-9_]+\Z", min_length=1, max_length=60)]
    person_reference: Reference
    consent: ConsentBody
    features: Annotated[dict[str, float | Annotated[str, Meta(max_length=200)] | None], Meta(max_length=500)]
    affordability: AffordabilityBody | None = None


def signed_decimal(micro: int) -> str:
    """Return millionths as a decimal string of six places."""
    sign = "-" if micro < 0 else ""
    return f"{sign}{abs(micro) // MICRO}.{abs(micro) % MICRO:06d}"


class ReasonAnswer(Struct, frozen=True):
    """A reason: moving `feature` from `value` to `best_value` alone lowers the logit by exactly `lost_logit`."""

    rank: int
    feature: str
    value: float | str | None
    best_value: float | str
    lost_logit: str


class ModelAnswer(Struct, frozen=True):
    """The model version that scored."""

    id: UUID
    number: int
    sha256: str


class CalibrationAnswer(Struct, frozen=True):
    """The line on the logit: calibrated = slope * logit + intercept."""

    slope: str
    intercept: str


class VersionsAnswer(Struct, frozen=True):
    """Everything that a replay needs beside the inputs."""

    model: ModelAnswer
    calibration: CalibrationAnswer
    bands: str


class ScoreAnswer(Struct, frozen=True):
    """A decision record. `pd_12m` is the calibrated probability of default, `logit` the raw sum of the tables.

    `affordability` is null where it was not asked; where it was, grade and recommended action are the policy matrix's.
    `evidence` names the data sources that were used, and those that it was made `without`; a score of values that you
    give asks none.
    """

    id: UUID
    created_at: datetime
    model_line: str
    pd_12m: str
    logit: str
    grade: str
    recommended_action: Literal["approve", "review", "decline"]
    reasons: list[ReasonAnswer]
    affordability: AffordabilityView | None
    evidence: Evidence
    consent_id: UUID
    versions: VersionsAnswer


class FiguresAnswer(Struct, frozen=True):
    """The two figures that a replay compares first; grade and reasons are compared too."""

    logit: str
    pd_12m: str


class ReplayAnswer(Struct, frozen=True):
    """What a replay found; both figures are null once the person was erased."""

    id: UUID
    result: Literal["identical", "different", "erased"]
    recorded: FiguresAnswer | None
    replayed: FiguresAnswer | None


def score_answer(scored: Scored) -> ScoreAnswer:
    """Return a decision record as the API shows it."""
    decision = scored.decision
    return ScoreAnswer(
        id=decision.id,
        created_at=decision.created_at,
        model_line=scored.line,
        pd_12m=str(decision.pd_12m),
        logit=signed_decimal(decision.logit_micro),
        grade=decision.grade,
        recommended_action=cast(Literal["approve", "review", "decline"], decision.action),
        reasons=[reason_answer(rank, reason) for rank, reason in enumerate(scored.sealed.reasons, start=1)],
        affordability=view_of(scored.sealed.affordability) if scored.sealed.affordability else None,
        evidence=scored.sealed.evidence or NO_EVIDENCE,
        consent_id=decision.consent_id,
        versions=VersionsAnswer(
            ModelAnswer(decision.version_id, scored.number, decision.sha256),
            CalibrationAnswer(signed_decimal(decision.slope_micro), signed_decimal(decision.intercept_micro)),
            decision.bands_version,
        ),
    )


def replay_answer(replay: Replay) -> ReplayAnswer:
    """Return what a replay found."""
    result = cast(Literal["identical", "different", "erased"], replay.result)
    return ReplayAnswer(replay.decision_id, result, _figures(replay.recorded), _figures(replay.replayed))


def reason_answer(rank: int, reason: Reason) -> ReasonAnswer:
    """Return a reason as the API shows it."""
    return ReasonAnswer(rank, reason.feature, reason.value, reason.best_value, signed_decimal(reason.lost_micro))


def _figures(pair: tuple[int, str] | None) -> FiguresAnswer | None:
    return FiguresAnswer(signed_decimal(pair[0]), pair[1]) if pair else None


SCORE_EXAMPLES: dict[str, Any] = {
    "request": {
        "model_line": "consumer",
        "person_reference": "customer-4711",
        "consent": {
            "reference": "consent-2026-000815",
            "text_version": "2026-01",
            "given_at": "2026-11-20T09:30:00+08:00",
            "expires_at": None,
        },
        "features": {"monthly_income": 18000, "card_utilisation": 91.5, "housing": "rent"},
        "affordability": AFFORDABILITY_EXAMPLES["request"],
    },
    "response": {
        "id": "019ab2f0-5b1e-7c3a-9f00-3f6f0b7d5a11",
        "created_at": "2026-11-23T02:00:00+00:00",
        "model_line": "consumer",
        "pd_12m": "0.084213",
        "logit": "-2.386442",
        "grade": "C",
        "recommended_action": "approve",
        "reasons": [
            {
                "rank": 1,
                "feature": "card_utilisation",
                "value": 91.5,
                "best_value": 12.0,
                "lost_logit": "1.204311",
            }
        ],
        "affordability": AFFORDABILITY_EXAMPLES["response"],
        "evidence": {"used": [], "without": [], "facts": []},
        "consent_id": "019ab2f0-5b1c-7d20-8a41-0d9a6f1f2c33",
        "versions": {
            "model": {
                "id": "019ab1c2-0000-7000-8000-000000000001",
                "number": 3,
                "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            },
            "calibration": {"slope": "1.000000", "intercept": "0.000000"},
            "bands": "2026-11",
        },
    },
}
REPLAY_EXAMPLE: dict[str, Any] = {
    "id": "019ab2f0-5b1e-7c3a-9f00-3f6f0b7d5a11",
    "result": "identical",
    "recorded": {"logit": "-2.386442", "pd_12m": "0.084213"},
    "replayed": {"logit": "-2.386442", "pd_12m": "0.084213"},
}
