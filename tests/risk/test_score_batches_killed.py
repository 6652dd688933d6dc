"""kill -9 while a file of people is scored, and a second worker beside the first: each line is scored once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.models import Count

from hub import outbox
from hub.clock import now
from hub.models import ConsentEntry
from hub.tenancy import platform_scope
from risk.scoring import batch_scoring, batches, invariants
from risk.scoring.batch_models import BatchLine, ScoreBatch
from risk.scoring.models import Decision
from tests.risk.batch_factory import BANK, hand_in, line, ndjson
from tests.risk.registry_factory import make_champion, make_line
from tests.stack import Stack, until

pytestmark = pytest.mark.django_db(transaction=True)
LINES = 24_000
WORKER = "from risk.scoring.tasks import score_batch; score_batch.run('{}', '{}')"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path)
    yield made
    made.close()


@pytest.mark.fault("F03")
def test_a_killed_worker_leaves_each_line_scored_once(stack: Stack) -> None:
    make_champion(make_line())
    batch = hand_in(ndjson([line(number) for number in range(LINES)]))
    words = ("shell", "--no-imports", "-c", WORKER.format(BANK, batch.id))

    def done() -> int:
        with platform_scope():
            return ScoreBatch.objects.get(id=batch.id).lines_done

    first, beside = stack.start(*words), stack.start(*words)
    until(lambda: done() > 0, within_s=60, what="the first part")
    stack.kill(first)
    stack.kill(beside)
    assert 0 < done() < LINES, "killed too late to prove anything"
    with platform_scope():  # its lease is waited for elsewhere; here the wait is cut short
        assert batches.sweep(now=now() + batch_scoring.LEASE * 2) == [(BANK, batch.id)]
    again = stack.run(*words)
    assert again.returncode == 0, again.stdout + again.stderr
    with platform_scope():
        ended = ScoreBatch.objects.get(id=batch.id)
        assert (ended.state, ended.scored, ended.problems) == ("done", LINES, 0)
        numbers = list(BatchLine.objects.order_by("line_no").values_list("line_no", flat=True))
        assert numbers == list(range(1, LINES + 1))
        assert Decision.objects.count() == ConsentEntry.objects.count() == LINES
        assert not Decision.objects.values("person_id").annotate(times=Count("id")).filter(times__gt=1).exists()
        outbox.relay(now=now())
        for check in invariants.CHECKS:
            assert check.find().wrong == 0, check.says
    assert not batch_scoring.FILES.path_of(batch.id).exists()
