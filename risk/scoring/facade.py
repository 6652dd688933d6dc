"""What other apps may use of `scoring`.

The glass box needs no Django, and pure packages import it from here: so what needs the database is imported only as
it is called.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from risk.scoring.glassbox import (
    FORMAT,
    ArtefactError,
    Batch,
    Calibration,
    InputError,
    Manifest,
    Reason,
    Score,
    Scorer,
    Term,
    load_artefact,
    manifest_of,
)

if TYPE_CHECKING:
    from hub.audit import Actor
    from risk.scoring.models import ModelLine

__all__ = [
    "FORMAT",
    "ArtefactError",
    "Batch",
    "Calibration",
    "InputError",
    "LineView",
    "Manifest",
    "Reason",
    "Score",
    "Scorer",
    "Term",
    "approve_version",
    "champion_ready",
    "ensure_line",
    "find_line",
    "get_line",
    "load_artefact",
    "manifest_of",
    "register_version",
]


@dataclass(frozen=True, slots=True)
class LineView:
    """A model line as others see it; `institution_id` is None for the platform's own."""

    id: UUID
    name: str
    institution_id: UUID | None
    purpose: str
    jurisdiction: str


def _view(line: "ModelLine") -> LineView:
    return LineView(line.id, line.name, line.institution_id, line.purpose, line.jurisdiction)


def ensure_line(
    *, name: str, institution_id: UUID | None, purpose: str, jurisdiction: str, actor: "Actor", now: datetime
) -> LineView:
    """Return the line of this name, made at first use; `Conflict` where it is there with another purpose."""
    from risk.scoring import registry

    line = registry.ensure_line(
        name=name, institution_id=institution_id, purpose=purpose, jurisdiction=jurisdiction, actor=actor, now=now
    )
    return _view(line)


def find_line(*, name: str, institution_id: UUID | None) -> LineView:
    """Return a line by its owner and name; `NotFound` where there is none."""
    from risk.scoring import queries

    return _view(queries.line_by_name(name=name, institution_id=institution_id))


def get_line(*, line_id: UUID) -> LineView:
    """Return a line by its id; `NotFound` where there is none."""
    from risk.scoring import queries

    return _view(queries.line_by_id(line_id=line_id))


def register_version(
    *,
    line_id: UUID,
    run_id: UUID,
    artefact: bytes,
    manifest: Mapping[str, Any],
    calibration: Calibration,
    report: dict[str, Any],
    trainer_id: UUID | None,
    actor: "Actor",
    now: datetime,
) -> UUID:
    """Take a fitted artefact into the registry as a challenger; a second call for the same run changes nothing."""
    from risk.scoring import registry

    return registry.register_version(
        line_id=line_id, run_id=run_id, artefact=artefact, manifest=manifest, calibration=calibration, report=report,
        trainer_id=trainer_id, actor=actor, now=now,
    )  # fmt: skip


def approve_version(*, version_id: UUID, user_id: UUID, now: datetime) -> None:
    """Approve a challenger; the second approval promotes it, and its trainer's is refused."""
    from risk.scoring import registry

    registry.approve_version(version_id=version_id, user_id=user_id, now=now)


def champion_ready() -> tuple[bool, str]:
    """Tell whether the platform has a champion that loads; platform scope."""
    from risk.scoring import queries

    return queries.champion_ready()
