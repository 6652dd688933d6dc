"""What other apps may use of `scoring`.

The glass box needs no Django, and pure packages import it from here: so what needs the database is imported only as
it is called.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from risk.scoring.affordability import AffordabilityView, Basis, Means, view_of
from risk.scoring.contest import (
    ReviewView,
    ask_review,
    gauges,
    overridden_application,
    overturned,
    review_of,
    withdraw_review,
)
from risk.scoring.evidence import Evidence
from risk.scoring.facts import Champion, Decided, DecidedFeatures, LineView, ModelView, Said, ShadowPair, ShadowView
from risk.scoring.glassbox import (
    FORMAT,
    POINTS_TO_DOUBLE,
    ArtefactError,
    Batch,
    Calibration,
    InputError,
    Manifest,
    NumberAxis,
    Reason,
    Score,
    Scorer,
    Term,
    common_bins,
    load_artefact,
    manifest_of,
)
from risk.scoring.inquiring import (
    About,
    Asking,
    Known,
    asks_hard,
    begin_inquiries,
    known_of,
    make_inquiries,
    source_gauges,
)
from risk.scoring.lines import (
    BORROWER_LINES,
    CONSUMER_LINE,
    SANDBOX_LINE,
    approve_version,
    approved_proxies,
    champion,
    champion_on,
    champion_ready,
    ensure_line,
    find_line,
    get_line,
    has_champion,
    is_seen_by_borrowers,
    line_of,
    register_version,
)
from risk.scoring.proofs import DecisionProof, ProofPart, proof_of
from risk.scoring.shapes import DecisionReason, ScoredApplication

if TYPE_CHECKING:
    from hub.audit import Actor
    from risk.scoring.services import Scored

__all__ = [
    "BORROWER_LINES",
    "CONSUMER_LINE",
    "FORMAT",
    "POINTS_TO_DOUBLE",
    "SANDBOX_LINE",
    "About",
    "AffordabilityView",
    "ArtefactError",
    "Asking",
    "Basis",
    "Batch",
    "Calibration",
    "Champion",
    "Decided",
    "DecidedFeatures",
    "DecisionProof",
    "DecisionReason",
    "Evidence",
    "InputError",
    "Known",
    "LineView",
    "Manifest",
    "Means",
    "ModelView",
    "NumberAxis",
    "ProofPart",
    "Reason",
    "ReviewView",
    "Said",
    "Score",
    "ScoredApplication",
    "Scorer",
    "ShadowPair",
    "ShadowView",
    "Term",
    "approve_version",
    "approved_proxies",
    "ask_review",
    "asks_hard",
    "begin_inquiries",
    "champion",
    "champion_on",
    "champion_ready",
    "common_bins",
    "compared",
    "decided_features",
    "decided_values",
    "decisions",
    "decisions_of",
    "ensure_line",
    "find_line",
    "gauges",
    "get_line",
    "has_champion",
    "is_seen_by_borrowers",
    "known_of",
    "line_names",
    "line_of",
    "load_artefact",
    "make_inquiries",
    "manifest_of",
    "model",
    "models_in_use",
    "overridden_application",
    "overturned",
    "proof_of",
    "read_application",
    "register_version",
    "replay_application",
    "review_of",
    "score_application",
    "scorer",
    "shadow_of",
    "shadow_pairs",
    "source_gauges",
    "withdraw_review",
]


def score_application(
    *,
    line_name: str,
    person_id: UUID,
    consent_id: UUID,
    features: Mapping[str, float | str | None],
    actor: "Actor",
    now: datetime,
    means: Means | None = None,
    evidence: Evidence | None = None,
) -> ScoredApplication:
    """Score a borrower of the platform by the champion of its line; platform scope, the record is of no institution.

    With `means` affordability is judged too, and the line's policy matrix decides on grade and action. `evidence` is
    what `known_of` said of the sources: who may stand on a sanctions list is never approved by the score alone.
    `person_id` is the platform's DataKey, `consent_id` from `hub.consent.give` for credit_scoring by luopan.
    `Invalid` names unknown or mistyped features; `Conflict` where the consent does not hold or the line has no
    champion; `NotFound` for an unknown line or person; `Erased` where the person was erased.
    """
    from risk.scoring import services

    scored = services.score_application(
        line_name=line_name, person_id=person_id, consent_id=consent_id, features=features, actor=actor, now=now,
        means=means, evidence=evidence,
    )  # fmt: skip
    return _application(scored)


def read_application(*, decision_id: UUID) -> ScoredApplication:
    """Open a decision of the platform again; `NotFound`, or `Erased` once the person was erased. Platform scope."""
    from risk.scoring import queries, services

    return _application(services.open_decision(queries.platform_decision(decision_id=decision_id)))


def replay_application(*, decision_id: UUID) -> str:
    """Compute a decision of the platform again: `identical`, `different` or `erased`. Platform scope."""
    from risk.scoring import queries, services

    return services.replay(decision=queries.platform_decision(decision_id=decision_id)).result


def decided_features(*, decision_id: UUID) -> DecidedFeatures:
    """Return what a decision of the platform was made from; errors as of `read_application`. Platform scope."""
    from risk.scoring import queries, services

    opened = services.open_decision(queries.platform_decision(decision_id=decision_id))
    return DecidedFeatures(opened.sealed.features, opened.decision.created_at)


def decisions_of(*, person_id: UUID) -> list[UUID]:
    """Return the ids of the decisions on a person, oldest first. Platform scope."""
    from risk.scoring import queries

    return queries.decision_ids(person_id=person_id)


def line_names(*, decision_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return which line of the platform made each of these decisions; unknown ones are left out. Platform scope."""
    from risk.scoring import queries

    return queries.line_names(decision_ids)


def _application(scored: "Scored") -> ScoredApplication:
    from risk.scoring.serializers import signed_decimal

    reasons = tuple(
        DecisionReason(one.feature, one.value, one.best_value, signed_decimal(one.lost_micro))
        for one in scored.sealed.reasons
    )
    row, ability = scored.decision, scored.sealed.affordability
    shown = view_of(ability) if ability else None
    evidence = scored.sealed.evidence
    return ScoredApplication(row.id, str(row.pd_12m), row.grade, row.action, reasons, row.version_id, shown, evidence)


def approved_below() -> float:
    """Return the PD below which the grades' bands recommend to approve."""
    from risk.scoring import bands

    return bands.approved_below()


def models_in_use() -> list[ModelView]:
    """Return the champions of the scope, by line."""
    from risk.scoring import monitored

    return monitored.models_in_use()


def model(*, version_id: UUID) -> ModelView:
    """Return a version that scores or scored; `NotFound` for others, which another institution's are too."""
    from risk.scoring import monitored

    return monitored.model(version_id=version_id)


def scorer(*, version_id: UUID) -> Scorer:
    """Return the loaded tables of a version; `Unavailable` where they do not load."""
    from risk.scoring import monitored

    return monitored.scorer(version_id=version_id)


def decisions(
    *, line_id: UUID, since: datetime, until: datetime, limit: int, ids: Collection[UUID] | None = None
) -> list[Decided]:
    """Return the newest `limit` decisions of a line in [since, until), newest first; with `ids` only these."""
    from risk.scoring import monitored

    return monitored.decisions(line_id=line_id, since=since, until=until, limit=limit, ids=ids)


def decided_values(*, decision_ids: Sequence[UUID]) -> dict[UUID, dict[str, float | str | None]]:
    """Return what decisions were made from; those of erased people are left out. Platform scope."""
    from risk.scoring import monitored

    return monitored.decided_values(decision_ids=decision_ids)


def compared(*, champion_id: UUID, challenger_id: UUID, decision_ids: Sequence[UUID]) -> dict[UUID, tuple[Said, Said]]:
    """Return what champion and challenger of a line say of the platform's decisions on it among these.

    Those of erased people are left out. `NotFound` for unknown versions, `Invalid` where one of them cannot read what
    was known. Platform scope.
    """
    from risk.scoring import comparing

    return comparing.compared(champion_id=champion_id, challenger_id=challenger_id, decision_ids=decision_ids)


def shadow_of(*, version_id: UUID) -> ShadowView | None:
    """Return how a challenger scored beside the champion, None where it never did. Platform scope."""
    from risk.scoring import shadowing

    return shadowing.view_of(version_id=version_id)


def shadow_pairs(*, version_id: UUID, limit: int) -> list[ShadowPair]:
    """Return the newest of what a challenger said beside the champion. Platform scope."""
    from risk.scoring import shadowing

    return shadowing.pairs(version_id=version_id, limit=limit)
