"""When a line is trained again without anybody asking: every month, on enough new labels, and as its figures drift."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hub.audit import Actor, system_actor
from risk.learning import agreements, queries
from risk.learning.models import TrainingRun
from risk.learning.services import request_training

EVERY = timedelta(days=30)
LABELS_ENOUGH, BADS_ENOUGH = 500, 50
# However much comes in: a training that failed would fail again at once, and each one judges its labels only once.
REST = timedelta(days=1)
_DRIFT = frozenset({"psi", "csi", "calibration", "slope", "auc"})


@dataclass(frozen=True, slots=True)
class NewLabels:
    """What the label ledger has for trainings that the newest one of a line had not."""

    rows: int
    bads: int


def request_due_trainings(*, now: datetime) -> list[TrainingRun]:
    """Queue a training for each line that is due, and return them; a second call finds none due. Platform scope.

    A line is due with new labels a month after its last training, or sooner with enough of them. One whose training
    waits or runs is left alone, and so is one that was never trained: its first training is asked for by people.
    """
    actor = system_actor("learning.retraining")
    return [_again(last, actor, now) for last in queries.last_runs() if _is_due(last, now)]


def retrain_on_drift(*, line_id: UUID, metric: str, now: datetime) -> TrainingRun | None:
    """Queue a training of a line whose figures left their limits, if there are new labels to learn from."""
    last = queries.last_run(line_id=line_id) if metric in _DRIFT else None
    if last is None or not _has_rested(last, now) or not _new_labels(last, now).rows:
        return None
    return _again(last, system_actor("learning.drift"), now)


def _is_due(last: TrainingRun, now: datetime) -> bool:
    if not _has_rested(last, now):
        return False
    new = _new_labels(last, now)
    enough = new.rows >= LABELS_ENOUGH and new.bads >= BADS_ENOUGH
    return enough or (new.rows > 0 and now - last.created_at >= EVERY)


def _has_rested(last: TrainingRun, now: datetime) -> bool:
    return not last.is_open and now - last.created_at >= REST


def _new_labels(last: TrainingRun, now: datetime) -> NewLabels:
    kept_out = agreements.kept_out(line_id=last.line_id, now=now)
    return NewLabels(*queries.labels_since(run=last, kept_out=kept_out))


def _again(last: TrainingRun, actor: Actor, now: datetime) -> TrainingRun:
    return request_training(
        line_id=last.line_id, requested_by=None, actor=actor, now=now, seed=last.seed, recipe=last.recipe
    )
