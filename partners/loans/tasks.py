"""Celery tasks of loans. Each does what has become due; twice, or twice at once, does no harm."""

from uuid import UUID

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded

from hub.clock import now
from hub.tenancy import platform_scope, tenant_scope
from partners.loans import bulk, outcomes, queries

FILES_AT_ONCE = 20


@shared_task(name="loans.apply_batches", soft_time_limit=1_800, time_limit=1_860)
def apply_batches() -> None:
    """Take the lines of files of reports that are waiting. A file that cannot be taken keeps no other one waiting."""
    with platform_scope():
        waiting = queries.batches_waiting(limit=FILES_AT_ONCE)
    stuck: list[Exception] = []
    for institution_id, batch_id in waiting:
        try:
            _apply(institution_id, batch_id)
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:  # noqa: BLE001 - raised below, once the others have had their turn
            stuck.append(error)
    if stuck:
        raise ExceptionGroup("files of reports that cannot be taken", stuck)


def _apply(institution_id: UUID, batch_id: UUID) -> None:
    with tenant_scope(institution_id):
        moment = now(institution_id)
    bulk.apply_batch(institution_id=institution_id, batch_id=batch_id, now=moment)


@shared_task(name="loans.mature_outcomes")
def mature_outcomes() -> None:
    """Look at loans whose windows have closed: the live ones by our clock, those of sandboxes by theirs."""
    with platform_scope():
        outcomes.mature_outcomes(now=now())
        sandboxes = queries.sandboxes_in_review()
    for institution_id in sandboxes:
        with platform_scope():
            outcomes.mature_outcomes(now=now(institution_id), institution_id=institution_id)
