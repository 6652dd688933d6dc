"""What two versions say of the same applications: computed from what was known, never used to decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from hub.errors import NotFound
from risk.scoring import services
from risk.scoring.affordability import view_of
from risk.scoring.computing import compute
from risk.scoring.facts import Said
from risk.scoring.models import Decision, ModelVersion
from risk.scoring.services import Scored, scorer_of

_HEAVY = ("artefact", "report", "manifest")


@dataclass(frozen=True, slots=True)
class _Model:
    """A version, ready to score again and again."""

    version: ModelVersion
    names: frozenset[str]


def compared(*, champion_id: UUID, challenger_id: UUID, decision_ids: Sequence[UUID]) -> dict[UUID, tuple[Said, Said]]:
    """What champion and challenger of a line say, in that order, of the platform's decisions among these.

    Decisions of other lines, of institutions and of erased people are left out. `NotFound` for unknown versions,
    `Invalid` where one of them cannot read what was known.
    """
    models = [_model(one) for one in (champion_id, challenger_id)]
    rows = Decision.objects.filter(
        id__in=decision_ids, institution_id=None, person__erased_at=None,
        version__line_id=models[1].version.line_id,
    )  # fmt: skip
    rows = rows.select_related("person", "version__line").defer(*(f"version__{name}" for name in _HEAVY))
    opened = (services.open_decision(row) for row in rows)
    return {one.decision.id: (_said(models[0], one), _said(models[1], one)) for one in opened}


def _model(version_id: UUID) -> _Model:
    version = ModelVersion.objects.defer(*_HEAVY).filter(id=version_id).first()
    if version is None:
        raise NotFound("There is no such model version.")
    return _Model(version, frozenset(scorer_of(version).names))


def _said(model: _Model, opened: Scored) -> Said:
    features = {name: value for name, value in opened.sealed.features.items() if name in model.names}
    score = compute(scorer_of(model.version), features, model.version.calibration)
    ability = services.judged_again(opened.decision, opened.sealed.affordability, score)
    grade, action = services.verdict_of(score, ability, opened.sealed.evidence)
    return Said(Decimal(score.pd_12m), score.logit_micro, grade, action, view_of(ability) if ability else None)
