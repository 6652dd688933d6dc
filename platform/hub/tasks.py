"""The kernel's periodic tasks. Each does what has become due; twice, or twice at once, does no harm."""

from celery import shared_task

from hub import idempotency, outbox
from hub.clock import now
from hub.tenancy import platform_scope


@shared_task(name="hub.relay_outbox")
def relay_outbox() -> None:
    """Give positions to committed events, then hand them to their subscribers."""
    with platform_scope():
        outbox.relay(now=now())
    # One transaction each: a subscriber that fails takes nobody else's effect with it.
    for _ in range(200):
        with platform_scope():
            if not outbox.hand_over_one(now=now()):
                break


@shared_task(name="hub.forget_idempotency_keys")
def forget_idempotency_keys() -> None:
    """Delete the Idempotency-Keys that are past their time."""
    with platform_scope():
        idempotency.forget_old(now=now())
