"""Celery tasks of monitoring. Each may run twice, and twice at once: a day of a line is computed once."""

from contextlib import suppress
from datetime import date, timedelta
from uuid import UUID

import structlog
from celery import shared_task

from hub.audit import system_actor
from hub.clock import now
from hub.leases import Busy, LeaseLost
from hub.tenancy import platform_scope
from risk.monitoring import services

log = structlog.get_logger(__name__)


@shared_task(name="monitoring.watch")
def watch() -> None:
    """Send a task for each line whose figures of yesterday (UTC) are not there yet.

    A night that no worker lived through is not made up for: each day's figures look back over weeks.
    """
    yesterday = now().date() - timedelta(days=1)
    with platform_scope():
        for line_id in services.lines_due(day=yesterday):
            watch_line.delay_on_commit(str(line_id), yesterday.isoformat())


@shared_task(
    name="monitoring.watch_line", queue="training", soft_time_limit=services.LIMIT_S, time_limit=services.LIMIT_S + 60
)
def watch_line(line_id: str, day: str) -> None:
    """Compute the figures of a line as of the end of a day."""
    with suppress(Busy, LeaseLost):  # somebody else is at it
        run = services.watch_line(
            line_id=UUID(line_id), day=date.fromisoformat(day), scope=platform_scope, clock=now,
            actor=system_actor("monitoring.watch_line"),
        )  # fmt: skip
        log.info("line_watched", line=line_id, day=day, run=str(run.id) if run else None)
