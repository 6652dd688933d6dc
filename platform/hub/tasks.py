"""The kernel's periodic tasks. Each does what has become due; twice, or twice at once, does no harm."""

from celery import shared_task
from django.conf import settings

from hub import dpop, idempotency, outbox, sealing
from hub.clock import now
from hub.invariant_report import InvariantReport
from hub.seal_file import SealFile
from hub.tenancy import platform_scope

RELAYS_MAX = 40  # in one task: what has piled up while the broker was away is placed within seconds


@shared_task(name="hub.relay_outbox")
def relay_outbox() -> None:
    """Give positions to committed events, then hand them to their subscribers."""
    for _ in range(RELAYS_MAX):
        with platform_scope():
            if outbox.relay(now=now()) < outbox.RELAYED_AT_ONCE:
                break
    # One transaction each: a subscriber that fails takes nobody else's effect with it.
    for _ in range(200):
        with platform_scope():
            if not outbox.hand_over_one(now=now()):
                break


@shared_task(name="hub.seal_audit")
def seal_audit() -> None:
    """Seal the audit rows that are not sealed yet, batch by batch, and export each head."""
    for _ in range(50):
        with platform_scope():
            sealed = sealing.seal_batch(now=now())
        with platform_scope():
            sealing.export(SealFile(settings.SEALS), settings.SECRETS.seal)
        if sealed is None:
            break


@shared_task(name="hub.check_invariants")
def check_invariants() -> None:
    """See whether everything holds that must always hold; what does not is an error in the log and in the console."""
    with platform_scope():
        InvariantReport.renew(now=now())


@shared_task(name="hub.forget_idempotency_keys")
def forget_idempotency_keys() -> None:
    """Delete the Idempotency-Keys that are past their time."""
    with platform_scope():
        idempotency.forget_old(now=now())


@shared_task(name="hub.forget_used_proofs")
def forget_used_proofs() -> None:
    """Delete the used DPoP proofs that are past their time."""
    with platform_scope():
        dpop.forget_used_proofs(now=now())
