"""Small real models for tests: a synthetic book, a real fit, the real registry."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import msgspec
import numpy as np
from django.conf import settings

from hub import audit
from hub.clock import now
from hub.tenancy import platform_scope
from risk.features.facade import Feature
from risk.learning.fit.criteria import Criterion
from risk.learning.fit.frame import Frame
from risk.learning.fit.glassbox import fit_glassbox
from risk.learning.fit.recipe import Growth, Recipe
from risk.scoring import registry
from risk.scoring.facade import Calibration, manifest_of
from risk.scoring.models import ModelLine, ModelVersion

ACTOR = audit.system_actor("test")
TRAINER, RITA, OSCAR = uuid4(), uuid4(), uuid4()
FEATURES = (
    Feature("income", "number", "HKD/month", -1),
    Feature("utilisation", "number", "percent", 1),
    Feature("housing", "category"),
)
WAIVER = "No lender's policy is at stake in this test."
QUICK = Recipe(bags=2, growths=(Growth(leaves=4, rounds=40),))


@cache
def artefact(seed: int = 1, *, recipe: Recipe = QUICK) -> bytes:
    """Return the artefact of a small book of three features."""
    rng = np.random.default_rng(seed)
    rows = 2000
    income, utilisation = rng.gamma(4, 5000, rows), rng.uniform(0, 100, rows)
    housing = rng.choice(np.array(["own", "rent", "family"], dtype=object), rows)
    logit = -2 - income / 20000 + utilisation / 40 + (housing == "rent") * 0.7
    labels = (rng.uniform(size=rows) < 1 / (1 + np.exp(-logit))).astype(np.int8)
    frame = Frame(FEATURES, {"income": income, "utilisation": utilisation, "housing": housing})
    return fit_glassbox(frame, labels, seed=seed, recipe=recipe)


def make_line(name: str = "consumer", institution_id: UUID | None = None) -> ModelLine:
    """Return the line of this name."""
    with platform_scope():
        return registry.ensure_line(
            name=name, institution_id=institution_id, purpose="consumer", jurisdiction="HK", actor=ACTOR, now=now()
        )


def make_version(
    line: ModelLine,
    *,
    seed: int = 1,
    trainer_id: UUID | None = TRAINER,
    unmet: Sequence[tuple[str, bool]] = (),
    recipe: Recipe = QUICK,
) -> UUID:
    """Register a challenger; `unmet` are promotion criteria that it misses, each with whether it may be waived."""
    data = artefact(seed, recipe=recipe)
    with platform_scope():
        return registry.register_version(
            line_id=line.id, run_id=uuid4(), artefact=data, manifest=dict(manifest_of(data)),
            calibration=Calibration(), trainer_id=trainer_id, actor=ACTOR, now=now(),
            report={"auc": 0.7, "criteria": _criteria(unmet), "recipe": msgspec.to_builtins(recipe)},
        )  # fmt: skip


def _criteria(unmet: Sequence[tuple[str, bool]]) -> list[dict[str, Any]]:
    missed = [Criterion(says, False, "0", "1", says, may) for says, may in unmet]
    return [asdict(one) for one in (Criterion("whole", True, "1", "1", "It is whole."), *missed)]


def make_champion(line: ModelLine, *, seed: int = 1) -> ModelVersion:
    """Register a version, let two people approve it, and wait for its day where it is announced."""
    version_id = make_version(line, seed=seed)
    for user_id in (RITA, OSCAR):
        with platform_scope():
            registry.approve_version(version_id=version_id, user_id=user_id, now=now(), waiver=WAIVER)
    with platform_scope():
        registry.promote_due(actor=ACTOR, now=now() + timedelta(days=settings.MODEL_NOTICE_DAYS))
        return ModelVersion.objects.get(id=version_id)
