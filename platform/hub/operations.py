"""What operators do to the machinery: try a parked hand-over or a parked message again."""

from datetime import datetime

from django.db import transaction

from hub import audit, enlist
from hub.audit import Actor
from hub.broker_models import BrokerDead
from hub.errors import Conflict, NotFound
from hub.outbox import InboxEntry


@transaction.atomic
def try_again(*, entry_id: int, actor: Actor, now: datetime) -> None:
    """Let a parked inbox entry be handed over again, from the first attempt on. `Conflict` where it is not parked."""
    entry = InboxEntry.objects.select_for_update().filter(id=entry_id).first()
    if entry is None:
        raise NotFound("There is no such inbox entry.")
    if entry.state != InboxEntry.PARKED:
        raise Conflict(f"This entry is {entry.state}: only a parked one can be tried again.")
    entry.wait(now=now)
    audit.record(
        actor=actor, action="inbox.tried_again", subject_type="inbox_entry", subject_id=str(entry_id), now=now,
        details={"subscriber": entry.subscriber, "event_id": str(entry.event_id)},
    )  # fmt: skip


@transaction.atomic
def send_again(*, message_id: int, actor: Actor, now: datetime) -> None:
    """Put a dead message back into its queue, to be delivered with fresh attempts."""
    dead = BrokerDead._default_manager.filter(id=message_id).first()
    # Deleted first: of two who try at once only one gets a row to send.
    if dead is None or not BrokerDead._default_manager.filter(id=message_id).delete()[0]:
        raise NotFound("There is no such message: somebody may have sent it again already.")
    enlist.joined((dead.queue, dead.body, None))
    audit.record(
        actor=actor, action="message.sent_again", subject_type="broker_message", subject_id=str(message_id), now=now,
        details={"queue": dead.queue},
    )  # fmt: skip
