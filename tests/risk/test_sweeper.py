"""Work that nobody is at is found again: expired leases at once, what was never sent after ten minutes."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings

from hub import outbox
from hub.clock import now
from hub.models import BrokerMessage, OutboxEvent
from hub.tenancy import platform_scope
from risk.learning import services, sweeper, tasks
from risk.learning.models import LoanBook, TrainingRun
from risk.learning.run_models import ATTEMPTS_MAX
from tests.risk.factories import ACTOR, book_bytes, imported, lines, register
from tests.stack import close_publisher

pytestmark = pytest.mark.django_db
SOON, LATER = timedelta(seconds=30), timedelta(minutes=11)


@pytest.fixture
def publisher() -> Iterator[None]:
    """Publish on a connection of the test's own."""
    close_publisher()
    yield
    close_publisher()


def sweep(after: timedelta = timedelta(0)) -> sweeper.Swept:
    with platform_scope():
        return sweeper.sweep(now=now() + after)


def queued() -> TrainingRun:
    book = imported(book_bytes(lines(120)))
    with platform_scope():
        return services.request_training(line_id=book.line_id, requested_by=None, actor=ACTOR, now=now())


def claimed(run: TrainingRun, *, times: int = 1) -> None:
    for _ in range(times):
        with platform_scope():
            row = TrainingRun.locked(run.id)
            if row.state == "running":
                row.requeue(now=now())
            row.claim(until=now() + timedelta(seconds=20), now=now())


def test_a_run_with_an_expired_lease_goes_back_into_the_queue() -> None:
    run = queued()
    claimed(run)
    assert sweep().run_ids == []
    assert sweep(SOON).run_ids == [run.id]
    assert sweep(SOON).run_ids == []
    with platform_scope():
        row = TrainingRun.objects.get(id=run.id)
        assert (row.state, row.lease_token, row.attempts) == ("queued", None, 1)
        assert OutboxEvent.objects.filter(subject_id=run.id, type="training.interrupted").count() == 1


def test_a_run_whose_workers_keep_falling_is_given_up() -> None:
    run = queued()
    claimed(run, times=ATTEMPTS_MAX)
    assert sweep(SOON).run_ids == []
    with platform_scope():
        row = TrainingRun.objects.get(id=run.id)
    assert row.state == "failed"
    assert f"{ATTEMPTS_MAX} times" in row.failure


def test_what_was_never_sent_is_sent_again_after_ten_minutes_and_not_sooner() -> None:
    run = queued()
    book = register(book_bytes(lines(5), packed=True), line="waiting").book
    assert sweep(SOON) == sweeper.Swept([], [])
    assert sweep(LATER) == sweeper.Swept([book.id], [run.id])
    assert sweep(LATER) == sweeper.Swept([], [])


def test_a_book_whose_reader_fell_is_read_again() -> None:
    book = register(book_bytes(lines(5))).book
    with platform_scope():
        LoanBook.locked(book.id).claim(until=now() + timedelta(seconds=20), now=now())
    assert sweep().book_ids == []
    assert sweep(SOON).book_ids == [book.id]
    with platform_scope():
        assert LoanBook.objects.get(id=book.id).lease_token is None


def test_files_that_no_open_book_waits_for_are_removed_after_a_day() -> None:
    book = register(book_bytes(lines(5))).book
    folder = Path(settings.UPLOAD_ROOT) / "books"
    orphan = folder / "incoming-left-over"
    orphan.write_bytes(b"x")
    with platform_scope():
        assert sweeper.tidy_uploads(now=now() + timedelta(hours=23)) == 0
        assert sweeper.tidy_uploads(now=now() + timedelta(hours=25)) >= 1
    assert not orphan.exists()
    assert (folder / str(book.id)).exists()
    assert os.environ["LUOPAN_HOME"] in str(folder)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("publisher")
def test_events_become_tasks_in_their_queues() -> None:
    run = queued()
    book = register(book_bytes(lines(5)), line="waiting").book
    with platform_scope():
        outbox.relay(now=now())
    for _ in range(50):
        with platform_scope():
            if not outbox.hand_over_one(now=now()):
                break
    with platform_scope():
        found = {(row.queue, str(run.id) in row.body, str(book.id) in row.body) for row in _messages()}
    assert ("training", True, False) in found
    assert ("default", False, True) in found


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("publisher")
def test_the_sweeper_sends_tasks() -> None:
    run = queued()
    claimed(run)
    with platform_scope():
        TrainingRun.locked(run.id).renew(until=now() - timedelta(seconds=1))
    tasks.sweep()
    with platform_scope():
        assert [row.queue for row in _messages()] == ["training"]


def _messages() -> list[BrokerMessage]:
    return list(BrokerMessage.objects.order_by("id"))
