"""A training outlives its worker (acceptance 7): killed in the middle, it is finished by the next one, once."""

from uuid import UUID

import pytest

from hub.audit import system_actor
from hub.clock import now
from hub.models import OutboxEvent
from hub.tenancy import platform_scope
from risk.learning import facade, services
from risk.learning.models import TrainingCheckpoint, TrainingRun
from risk.scoring.facade import find_line
from risk.scoring.models import ModelVersion
from tests.stack import Stack, until

ACTOR = system_actor("test")


def request_training() -> UUID:
    facade.take_book(
        chunks=facade.generated_book(rows=8000, seed=1), mapping="demo_consumer", line_name="consumer",
        institution_id=None, scope=platform_scope, clock=now, actor=ACTOR, say=lambda _: None,
    )  # fmt: skip
    with platform_scope():
        line = find_line(name="consumer", institution_id=None)
        return services.request_training(line_id=line.id, requested_by=None, actor=ACTOR, now=now()).id


def checkpoints(run_id: UUID) -> int:
    with platform_scope():
        return TrainingCheckpoint.objects.filter(run_id=run_id).count()


def state(run_id: UUID) -> str:
    with platform_scope():
        return TrainingRun.objects.get(id=run_id).state


@pytest.mark.fault("F03")
def test_killed_in_mid_training(stack: Stack) -> None:
    run_id = request_training()
    stack.start("worker", "default")
    stack.start("beat")
    worker = stack.start("worker", "training")
    until(lambda: checkpoints(run_id) > 0, within_s=90, what="the first checkpoint")
    stack.kill(worker)
    assert state(run_id) == "running"
    with platform_scope():
        assert not ModelVersion.objects.exists()
    stack.start("worker", "training")
    until(lambda: state(run_id) == "done", within_s=120, what="the training is finished by the next worker")
    with platform_scope():
        run = TrainingRun.objects.get(id=run_id)
        version = ModelVersion.objects.get()
        assert (version.run_id, version.id) == (run_id, run.version_id)
        assert version.state == "challenger"
        assert version.scorer().sha256 == version.sha256
        assert OutboxEvent.objects.filter(type="model.registered").count() == 1
