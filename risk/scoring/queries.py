"""Reads of the registry and of decision records."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import QuerySet

from hub.errors import NotFound
from risk.scoring.glassbox import ArtefactError
from risk.scoring.models import Decision, ModelLine, ModelVersion


def line_by_name(*, name: str, institution_id: UUID | None) -> ModelLine:
    """Return a line of one owner (None: the platform); `NotFound` where there is none."""
    line = ModelLine.objects.filter(name=name, institution_id=institution_id).first()
    if line is None:
        raise NotFound(f"There is no model line {name!r}.")
    return line


def locked_line(*, line_id: UUID) -> ModelLine:
    """Return a line, locked until the transaction ends; `NotFound` where there is none."""
    line = ModelLine.objects.select_for_update().filter(id=line_id).first()
    if line is None:
        raise NotFound("There is no such model line.")
    return line


def line_by_id(*, line_id: UUID) -> ModelLine:
    """Return a line; `NotFound` where there is none."""
    line = ModelLine.objects.filter(id=line_id).first()
    if line is None:
        raise NotFound("There is no such model line.")
    return line


def decision_by_id(*, decision_id: UUID) -> Decision:
    """Return a decision record of the open scope; another institution's answers like an unknown one."""
    decision = _decisions().filter(id=decision_id).first()
    if decision is None:
        raise NotFound("There is no such score.")
    return decision


def platform_decision(*, decision_id: UUID) -> Decision:
    """Return a decision record of the platform itself; an institution's answers like an unknown one."""
    decision = _decisions().filter(id=decision_id, institution_id=None).first()
    if decision is None:
        raise NotFound("There is no such decision.")
    return decision


def newest_decisions(*, limit: int) -> list[Decision]:
    """Return the newest decision records, of whomever. Platform scope."""
    return list(_decisions().order_by("-id")[:limit])


def decision_ids(*, person_id: UUID) -> list[UUID]:
    """Return the ids of the decisions on a person, oldest first."""
    return list(Decision.objects.filter(person_id=person_id).order_by("created_at", "id").values_list("id", flat=True))


def line_names(decision_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names of the lines that made these decisions of the platform; unknown ones are left out."""
    rows = Decision.objects.filter(id__in=decision_ids, institution_id=None)
    return dict(rows.values_list("id", "version__line__name"))


def has_champion(*, line_name: str) -> bool:
    """Tell whether a line of the platform's own is there and has a champion."""
    champions = ModelVersion.objects.filter(state="champion", institution_id=None)
    return champions.filter(line__name=line_name).exists()


def champion_on(*, line_id: UUID) -> ModelVersion | None:
    """Return the champion of a line, without its bytes; None before the first."""
    found = ModelVersion.objects.filter(line_id=line_id, state="champion")
    return found.defer("artefact", "manifest", "report").first()


def _decisions() -> QuerySet[Decision]:
    rows = Decision.objects.select_related("person", "version__line")
    return rows.defer("version__artefact", "version__report", "version__manifest")


def champion_ready() -> tuple[bool, str]:
    """Tell whether some line of the platform has a champion that loads; platform scope."""
    champions = ModelVersion.objects.filter(state="champion", institution_id=None)
    names = []
    for version in champions.select_related("line"):
        try:
            version.scorer()
        except ArtefactError as error:
            return False, f"the champion of {version.line.name} does not load: {error}"
        names.append(f"{version.line.name} {version.number}")
    return bool(names), ", ".join(names) or "no champion yet"
