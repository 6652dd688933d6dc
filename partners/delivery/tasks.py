"""The motor of the webhooks. Facts lie in the rows, so each run, or two at once, does what is due then."""

import time
from functools import cache

from celery import shared_task

from hub.clock import now
from hub.tenancy import platform_scope
from partners.delivery.feed import feed
from partners.delivery.sending import send_due
from partners.delivery.transport import HttpTransport

RUN_S = 60.0


@shared_task(name="delivery.deliver", queue="delivery", soft_time_limit=120, time_limit=150)
def deliver() -> None:
    """Make deliveries of new events, and send what is due until nothing is, or for a minute."""
    begun = time.monotonic()
    while _feed() and time.monotonic() - begun < RUN_S:
        pass
    while time.monotonic() - begun < RUN_S and send_due(scope=platform_scope, clock=now, transport=_transport()):
        pass


@cache
def _transport() -> HttpTransport:
    return HttpTransport()


def _feed() -> int:
    with platform_scope():
        return feed(now=now())
