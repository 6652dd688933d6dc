"""Celery tasks of loans. Each does what has become due; twice, or twice at once, does no harm."""

from celery import shared_task

from hub.clock import now
from hub.tenancy import platform_scope, tenant_scope
from partners.loans import bulk, outcomes, queries

FILES_AT_ONCE = 20


@shared_task(name="loans.apply_batches", soft_time_limit=1_800, time_limit=1_860)
def apply_batches() -> None:
    """Take the lines of files of reports that are waiting."""
    with platform_scope():
        waiting = queries.batches_waiting(limit=FILES_AT_ONCE)
    for institution_id, batch_id in waiting:
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
