"""What a decision of the platform rests on, for the person it is about: its parts, and that it comes out again."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from risk.features.facade import can_act
from risk.scoring.shapes import ScoredApplication

if TYPE_CHECKING:
    from risk.scoring.models import Decision


HELPS_MAX = 3


@dataclass(frozen=True, slots=True)
class ProofPart:
    """What one feature, or two together, add to the score, in millionths of log-odds of default."""

    features: tuple[str, ...]
    micro: int


@dataclass(frozen=True, slots=True)
class DecisionProof:
    """A decision taken apart. `base_micro` and the parts, the weightiest first, add up to `score_micro` exactly.

    `replayed` is identical or different: what came out when it was computed again for this answer. `helps` names what
    would lower the risk most of what a person can do something about, each alone, and whether its value was missing.
    """

    decided: ScoredApplication
    at: datetime
    line: str
    number: int
    sha256: str
    bands_version: str
    values: dict[str, float | str | None]
    base_micro: int
    parts: tuple[ProofPart, ...]
    score_micro: int
    replayed: str
    helps: tuple[tuple[str, bool], ...]


def proof_of(*, decision_id: UUID) -> DecisionProof:
    """Take a decision of the platform apart and make it again; `NotFound`, `Erased`. Platform scope."""
    from risk.scoring import queries, services
    from risk.scoring.facade import read_application

    row = queries.platform_decision(decision_id=decision_id)
    opened = services.open_decision(row)
    base, parts, helps = _apart(row, opened.sealed.features)
    return DecisionProof(
        decided=read_application(decision_id=decision_id), at=row.created_at, line=opened.line, number=opened.number,
        sha256=row.sha256, bands_version=row.bands_version, values=opened.sealed.features, base_micro=base,
        parts=parts, score_micro=base + sum(part.micro for part in parts),
        replayed=services.replay(decision=row).result, helps=helps,
    )  # fmt: skip


def _apart(
    row: "Decision", values: dict[str, float | str | None]
) -> tuple[int, tuple[ProofPart, ...], tuple[tuple[str, bool], ...]]:
    from risk.scoring import services
    from risk.scoring.computing import compute

    scorer = services.scorer_of(row.version)
    score = compute(scorer, values, row.version.calibration)
    terms = scorer.terms(score)
    moved = sorted((term for term in terms if term.micro), key=lambda term: (-abs(term.micro), term.features))
    among = [name for name in scorer.names if can_act(name)]
    helps = tuple((one.feature, one.value is None) for one in scorer.helps(score, among=among, limit=HELPS_MAX))
    return scorer.intercept_micro, tuple(ProofPart(term.features, term.micro) for term in moved), helps
