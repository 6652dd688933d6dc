"""Periodic work of the borrowers' way."""

from celery import shared_task

from acquisition.journey import services
from hub.clock import now
from hub.tenancy import platform_scope


@shared_task(name="journey.forget_code_counts")
def forget_code_counts() -> None:
    """Delete the counts of one-time codes of days that are over."""
    with platform_scope():
        services.forget_code_counts(now=now())
