"""Celery tasks of learning. Each may run twice, and twice at once: the leases on the rows see to it."""

from contextlib import suppress
from uuid import UUID

import structlog
from celery import shared_task

from hub.audit import system_actor
from hub.clock import now
from hub.leases import Busy, LeaseLost
from hub.tenancy import platform_scope
from risk.learning import reading, retraining, sweeper

TRAINING_LIMIT_S = 5 * 3600
log = structlog.get_logger(__name__)


@shared_task(name="learning.read_book")
def read_book(book_id: str) -> None:
    """Read a registered book into the label ledger."""
    with suppress(Busy, LeaseLost):  # somebody else is at it
        book = reading.read_book(
            book_id=UUID(book_id), scope=platform_scope, clock=now, actor=system_actor("learning.read_book")
        )
        log.info("book_ended", book=book_id, state=book.state, rows=book.rows, damaged=book.damaged_lines)


@shared_task(
    name="learning.train", queue="training", soft_time_limit=TRAINING_LIMIT_S, time_limit=TRAINING_LIMIT_S + 300
)
def train(run_id: str) -> None:
    """Carry out a queued training."""
    from risk.learning import training  # here, so that processes which never train do without scikit-learn

    with suppress(Busy, LeaseLost):  # somebody else is at it, or it was cancelled
        run = training.train(run_id=UUID(run_id), scope=platform_scope, clock=now, actor=system_actor("learning.train"))
        log.info("training_ended", run=run_id, state=run.state, attempts=run.attempts)


@shared_task(name="learning.sweep")
def sweep() -> None:
    """Send tasks for books and trainings that nobody is at."""
    with platform_scope():
        found = sweeper.sweep(now=now())
        for book_id in found.book_ids:
            read_book.delay_on_commit(str(book_id))
        for run_id in found.run_ids:
            train.delay_on_commit(str(run_id))


@shared_task(name="learning.retrain")
def retrain() -> None:
    """Queue the trainings that are due."""
    with platform_scope():
        runs = retraining.request_due_trainings(now=now())
    log.info("trainings_due", runs=len(runs))


@shared_task(name="learning.tidy_uploads")
def tidy_uploads() -> None:
    """Remove files of books that nobody waits for."""
    with platform_scope():
        sweeper.tidy_uploads(now=now())
