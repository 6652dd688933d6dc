"""The motor of the webhooks. Facts lie in the rows, so each run, or two at once, does what is due then."""

import time
from functools import cache

from celery import shared_task

from hub.clock import now
from hub.tenancy import platform_scope
from partners.delivery.feed import feed
from partners.delivery.sending import Sender
from partners.delivery.transport import HttpTransport

RUN_S = 60.0
FEED_S = 0.2  # how often it looks for new events meanwhile
FEED_MAX = 500


@shared_task(name="delivery.deliver", queue="delivery", soft_time_limit=120, time_limit=150)
def deliver() -> None:
    """Make deliveries of new events and send what is due, until nothing is, or for a minute."""
    until_s = time.monotonic() + RUN_S
    look_again_s = 0.0
    with Sender(scope=platform_scope, clock=now, transport=_transport(), until_s=until_s) as sender:
        while True:
            more = False
            if look_again_s <= time.monotonic() <= until_s:
                more = _feed() == FEED_MAX
                look_again_s = time.monotonic() + (0 if more else FEED_S)
            if not (sender.step() or more):
                break


@cache
def _transport() -> HttpTransport:
    return HttpTransport()


def _feed() -> int:
    with platform_scope():
        return feed(now=now(), limit=FEED_MAX)
