"""What the facade hands out of model lines: the lines themselves, their versions and champions.

The glass box needs no Django, and pure packages import the facade: what needs the database is imported as it is called.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from risk.scoring.facts import Champion, LineView
from risk.scoring.glassbox import Calibration

if TYPE_CHECKING:
    from hub.audit import Actor
    from risk.scoring.models import ModelLine

# The platform's line for sandboxes, whose clients make time pass and loans end as they like: it alone learns from
# their loans, and scores nobody who is real.
SANDBOX_LINE = "sandbox"
CONSUMER_LINE = "consumer"
# The platform's lines whose decisions borrowers see, with reasons in their language.
BORROWER_LINES = frozenset({CONSUMER_LINE, SANDBOX_LINE})


def _view(line: "ModelLine") -> LineView:
    return LineView(line.id, line.name, line.institution_id, line.purpose, line.jurisdiction)


def is_seen_by_borrowers(*, line_id: UUID) -> bool:
    """Tell whether borrowers are told the reasons of a line's decisions; `NotFound` where there is no such line."""
    line = get_line(line_id=line_id)
    return line.institution_id is None and line.name in BORROWER_LINES


def approved_proxies(*, line_id: UUID, on: date) -> frozenset[str]:
    """Return the features that stand in for protected attributes and that a line may learn from on a day."""
    from risk.scoring import proxies

    return proxies.approved(line_id=line_id, on=on)


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


def approve_version(*, version_id: UUID, user_id: UUID, now: datetime, waiver: str = "") -> None:
    """Approve a challenger; the second approval promotes it, and its trainer's is refused.

    `waiver`: why promotion criteria are set aside, where they are not met and may be.
    """
    from risk.scoring import registry

    registry.approve_version(version_id=version_id, user_id=user_id, now=now, waiver=waiver)


def line_of(*, decision_id: UUID) -> LineView:
    """Return the line that made a decision of the platform; `NotFound` for an unknown one. Platform scope."""
    from risk.scoring import queries

    return _view(queries.platform_decision(decision_id=decision_id).version.line)


def champion_ready() -> tuple[bool, str]:
    """Tell whether the platform has a champion that loads; platform scope."""
    from risk.scoring import queries

    return queries.champion_ready()


def has_champion(*, line_name: str) -> bool:
    """Tell whether a line of the platform's own is there and has a champion; platform scope."""
    from risk.scoring import queries

    return queries.has_champion(line_name=line_name)


def champion_on(*, line_id: UUID) -> Champion | None:
    """Return the champion of any line, None before the first; `Unavailable` where it does not load."""
    from risk.scoring import queries, services

    version = queries.champion_on(line_id=line_id)
    return Champion(version.id, services.scorer_of(version), version.calibration) if version else None


def champion(*, line_name: str) -> Champion:
    """Return the champion of a line of the platform's own; `NotFound`, `Conflict` where none is approved."""
    from risk.scoring import services

    version = services.champion_of(line_name=line_name)
    return Champion(version.id, services.scorer_of(version), version.calibration)
