"""Background work of `referrals`. Twice, or twice at once, does no harm."""

from contextlib import suppress
from uuid import UUID

import structlog
from celery import shared_task

from hub.audit import system_actor
from hub.clock import now
from hub.leases import Busy, LeaseLost
from hub.tenancy import platform_scope
from partners.referrals import endings, queries, replaying

REPLAY_LIMIT_S = 1800
log = structlog.get_logger(__name__)


@shared_task(name="referrals.expire_due")
def expire_due() -> None:
    """End what is past its time: in the live world, and in each sandbox by its own clock."""
    with platform_scope():
        worlds = queries.worlds_with_live_referrals()
    for world in worlds:
        while True:
            with platform_scope():
                ended = endings.expire_due(sandbox_id=world, now=now(world))
            if ended < endings.AT_ONCE:
                break


@shared_task(name="referrals.replay_policies", soft_time_limit=REPLAY_LIMIT_S, time_limit=REPLAY_LIMIT_S + 60)
def replay_policies(replay_id: str) -> None:
    """Ask the live credit policies what a challenger would change."""
    with suppress(Busy, LeaseLost):  # somebody else is at it
        row = replaying.replay_policies(
            replay_id=UUID(replay_id), scope=platform_scope, clock=now, actor=system_actor("referrals.replay_policies")
        )
        log.info("policy_replay_ended", replay=replay_id, applications=row.applications, failure=row.failure)


@shared_task(name="referrals.sweep_replays")
def sweep_replays() -> None:
    """Send tasks for replays that nobody is at."""
    with platform_scope():
        for replay_id in replaying.sweep_replays(now=now()):
            replay_policies.delay_on_commit(str(replay_id))
