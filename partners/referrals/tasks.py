"""Periodic work of `referrals`. Twice, or twice at once, does no harm."""

from celery import shared_task

from hub.clock import now
from hub.tenancy import platform_scope
from partners.referrals import endings, queries


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
