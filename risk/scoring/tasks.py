"""Celery tasks of scoring. Each may run twice, and twice at once: the leases on the rows see to it."""

from contextlib import suppress
from uuid import UUID

import structlog
from celery import shared_task

from hub.audit import system_actor
from hub.clock import now
from hub.leases import Busy, LeaseLost
from hub.tenancy import platform_scope
from risk.scoring import batch_scoring, batches, pins, query_watch, registry, shadowing

SCORING_LIMIT_S = 3 * 3600
WATCH_LIMIT_S = 1800
log = structlog.get_logger(__name__)


@shared_task(name="scoring.score_batch", soft_time_limit=SCORING_LIMIT_S, time_limit=SCORING_LIMIT_S + 60)
def score_batch(institution_id: str, batch_id: str) -> None:
    """Score a file of people."""
    with suppress(Busy, LeaseLost):  # somebody else is at it
        batch = batch_scoring.score_batch(institution_id=UUID(institution_id), batch_id=UUID(batch_id), clock=now)
        log.info("score_batch_ended", batch=batch_id, state=batch.state, scored=batch.scored, problems=batch.problems)


@shared_task(name="scoring.sweep_batches")
def sweep_batches() -> None:
    """Send tasks for files that nobody is at."""
    with platform_scope():
        for institution_id, batch_id in batches.sweep(now=now()):
            score_batch.delay_on_commit(str(institution_id), str(batch_id))


@shared_task(name="scoring.tidy_batches")
def tidy_batches() -> None:
    """Remove files that nobody waits for."""
    with platform_scope():
        batches.tidy_uploads(now=now())


@shared_task(name="scoring.keep_dates")
def keep_dates() -> None:
    """Promote announced versions on their day, end pins on theirs."""
    actor = system_actor("scoring.keep_dates")
    with platform_scope():
        promoted = registry.promote_due(actor=actor, now=now())
        pins.keep_dates(actor=actor, now=now())
    if promoted:
        log.info("versions_promoted", versions=[str(one) for one in promoted])


@shared_task(name="scoring.watch_queries", soft_time_limit=WATCH_LIMIT_S, time_limit=WATCH_LIMIT_S + 60)
def watch_queries() -> None:
    """Look who asks as if he were after a model, each in a transaction of its own."""
    with platform_scope():
        found = query_watch.askers(now=now())
    for asker in found:
        with platform_scope():
            query_watch.watch_asker(asker, now=now())


@shared_task(name="scoring.score_beside")
def score_beside() -> None:
    """Let challengers score what was decided since."""
    with platform_scope():
        open_ones = shadowing.open_shadows()
    for version_id in open_ones:
        with suppress(Busy, LeaseLost):  # somebody else is at it
            shadowing.score_beside(version_id=version_id, scope=platform_scope, clock=now)
