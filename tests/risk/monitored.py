"""A line with something to watch: a champion with a report, decisions on borrowers, outcomes of their loans."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np

from hub.clock import now
from hub.tenancy import platform_scope
from risk.learning.facade import record_outcome
from risk.monitoring import services
from risk.monitoring.models import Figure, MonitoringRun
from risk.scoring import registry
from risk.scoring.facade import Calibration, ScoredApplication, manifest_of
from risk.scoring.models import ModelLine, ModelVersion
from tests.risk.borrowers import ACTOR, borrower, consented, score
from tests.risk.registry_factory import OSCAR, RITA, TRAINER, artefact, make_line

DAY = date(2026, 3, 31)
SCORED = datetime(2026, 3, 20, 9, tzinfo=UTC)
OPENED = date(2024, 5, 2)


def applicants(count: int, *, seed: int = 5) -> list[dict[str, Any]]:
    """Applicants as the artefact of the registry's factory was trained on."""
    rng = np.random.default_rng(seed)
    income, used = rng.gamma(4, 5000, count), rng.uniform(0, 100, count)
    housing = rng.choice(["own", "rent", "family"], count)
    return [
        {"income": float(income[at]), "utilisation": float(used[at]), "housing": str(housing[at])}
        for at in range(count)
    ]


def report(**more: Any) -> dict[str, Any]:
    """A validation report of 1,000 applicants: the histogram of their scores is a real one."""
    pd = np.array(_probabilities(1_000))
    scores = np.log(pd / (1 - pd))
    edges = np.linspace(scores.min(), scores.max() + 1e-9, 31)
    counts = np.histogram(scores, bins=edges)[0].tolist()
    shape = {"edges": edges.tolist(), "goods": counts, "bads": [0] * 30}
    return {"kind": "folds", "rows": 2000, "histogram": shape, "calibrated": {"auc": 0.7, "ks": 0.3}, **more}


def _probabilities(count: int) -> list[float]:
    from risk.scoring.facade import load_artefact

    data = artefact()
    scorer = load_artefact(data, sha256=manifest_of(data)["sha256"])
    return [scorer.row(row, Calibration()).pd for row in applicants(count, seed=77)]


def champion(name: str = "consumer", *, institution_id: UUID | None = None, run_id: UUID | None = None) -> ModelVersion:
    """A champion with that report on a line of this name."""
    data, line = artefact(), make_line(name, institution_id)
    with platform_scope():
        version_id = registry.register_version(
            line_id=line.id, run_id=run_id or uuid4(), artefact=data, manifest=dict(manifest_of(data)),
            calibration=Calibration(), report=report(), trainer_id=TRAINER, actor=ACTOR, now=now(),
        )  # fmt: skip
        for user_id in (RITA, OSCAR):
            registry.approve_version(version_id=version_id, user_id=user_id, now=now())
        return ModelVersion.objects.select_related("line").get(id=version_id)


def decide(rows: Sequence[dict[str, Any]], *, moment: datetime = SCORED) -> list[ScoredApplication]:
    """Score one borrower of the platform on each of these features."""
    person = borrower(f"m-{uuid4()}")
    consent_id = consented(person)
    return [score(person, consent_id=consent_id, features=row, moment=moment) for row in rows]


def lend(
    scored: Sequence[ScoredApplication], bad: Sequence[bool], *, opened: date = OPENED, lender_id: UUID | None = None
) -> None:
    """Let a loan of each decision turn out good or bad."""
    for one, is_bad in zip(scored, bad, strict=True):
        with platform_scope():
            record_outcome(
                sandbox=False, loan_id=uuid4(), lender_id=lender_id, decision_id=one.decision_id,
                label="bad" if is_bad else "good",
                definition_version=1, window_months=12, opened_on=opened, observed_on=opened + timedelta(days=366),
                now=datetime(2025, 6, 1, tzinfo=UTC),
            )  # fmt: skip


def watch(line: ModelLine, day: date = DAY) -> MonitoringRun | None:
    """Compute a day of a line."""
    return services.watch_line(line_id=line.id, day=day, scope=platform_scope, clock=now, actor=ACTOR)


def figures(**wanted: Any) -> list[Figure]:
    """The figures like this."""
    with platform_scope():
        return list(Figure.objects.filter(**wanted).order_by("id"))
