"""The sweeper: finds books and trainings that nobody is at, and files that nobody waits for."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from hub import outbox
from hub.audit import system_actor
from hub.events import TrainingInterrupted
from hub.leases import stale
from risk.learning import storage
from risk.learning.models import LoanBook, TrainingRun
from risk.learning.run_models import ATTEMPTS_MAX
from risk.learning.services import end_training

RESEND_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Swept:
    """For which books and runs a task must be sent."""

    book_ids: list[UUID]
    run_ids: list[UUID]


def sweep(*, now: datetime) -> Swept:
    """Find work that nobody is at: expired leases at once, what waits without a task after ten minutes."""
    with transaction.atomic():
        return Swept(_sweep_books(now), _sweep_runs(now))


def _sweep_books(now: datetime) -> list[UUID]:
    waiting = LoanBook.objects.select_for_update(skip_locked=True, of=("self",)).filter(finished_at=None)
    found = list(waiting.filter(lease_until__lt=now)) + list(waiting.filter(stale(age=RESEND_AFTER, now=now)))
    books = {book.id: book for book in found}
    for book in books.values():
        book.release(now=now)
    return list(books)


def _sweep_runs(now: datetime) -> list[UUID]:
    runs = TrainingRun.objects.select_for_update(skip_locked=True, of=("self",))
    expired = list(runs.filter(state="running", lease_until__lt=now))
    for run in expired:
        _put_back(run, now)
    unsent = list(runs.filter(stale(age=RESEND_AFTER, now=now), state="queued"))
    for run in unsent:
        run.remind(now=now)
    return [run.id for run in [*expired, *unsent] if run.is_open]


def _put_back(run: TrainingRun, now: datetime) -> None:
    actor = system_actor("learning.sweeper")
    if run.attempts >= ATTEMPTS_MAX:
        run.fail(f"Its worker was gone {run.attempts} times: it was given up.", now=now)
        end_training(run, failure=run.failure, actor=actor, now=now)
        return
    run.requeue(now=now)
    event = TrainingInterrupted(run.id, run.institution_id, line_id=run.line_id, attempt=run.attempts)
    outbox.publish(event, actor=actor, now=now)


def tidy_uploads(*, now: datetime) -> int:
    """Remove files that no open book waits for any more; returns how many."""
    wanted = {str(book_id) for book_id in LoanBook.objects.filter(finished_at=None).values_list("id", flat=True)}
    gone = [path for path in storage.BOOKS.abandoned(now=now) if path.name not in wanted]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)
