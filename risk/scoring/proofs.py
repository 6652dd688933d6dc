"""What a decision of the platform rests on, for the person it is about: its parts, and that it comes out again."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from risk.scoring.shapes import ScoredApplication

if TYPE_CHECKING:
    from risk.scoring.models import Decision


@dataclass(frozen=True, slots=True)
class ProofPart:
    """What one feature, or two together, add to the score, in millionths of log-odds of default."""

    features: tuple[str, ...]
    micro: int


@dataclass(frozen=True, slots=True)
class DecisionProof:
    """A decision taken apart. `base_micro` and the parts, the weightiest first, add up to `score_micro` exactly.

    `replayed` is identical or different: what came out when it was computed again for this answer.
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


def proof_of(*, decision_id: UUID) -> DecisionProof:
    """Take a decision of the platform apart and make it again; `NotFound`, `Erased`. Platform scope."""
    from risk.scoring import queries, services
    from risk.scoring.facade import read_application

    row = queries.platform_decision(decision_id=decision_id)
    opened = services.open_decision(row)
    base, parts = _parts(row, opened.sealed.features)
    return DecisionProof(
        decided=read_application(decision_id=decision_id), at=row.created_at, line=opened.line, number=opened.number,
        sha256=row.sha256, bands_version=row.bands_version, values=opened.sealed.features, base_micro=base,
        parts=parts, score_micro=base + sum(part.micro for part in parts),
        replayed=services.replay(decision=row).result,
    )  # fmt: skip


def _parts(row: "Decision", values: dict[str, float | str | None]) -> tuple[int, tuple[ProofPart, ...]]:
    from risk.scoring import services
    from risk.scoring.computing import compute

    scorer = services.scorer_of(row.version)
    terms = scorer.terms(compute(scorer, values, row.version.calibration))
    moved = sorted((term for term in terms if term.micro), key=lambda term: (-abs(term.micro), term.features))
    return scorer.intercept_micro, tuple(ProofPart(term.features, term.micro) for term in moved)
