"""Periodic work of `institutions`."""

from celery import shared_task

from hub.clock import now
from hub.tenancy import platform_scope
from partners.institutions import services


@shared_task(name="institutions.forget_expired")
def forget_expired() -> None:
    """Delete expired access tokens and used assertions."""
    with platform_scope():
        services.forget_expired(now=now())
