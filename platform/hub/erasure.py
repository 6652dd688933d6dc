"""A person's right to be forgotten: the keys are destroyed, the kept answers go, the deed stays in the audit."""

from datetime import datetime
from uuid import UUID

from hub import idempotency, outbox
from hub.audit import Actor
from hub.crypto import DataKey
from hub.errors import NotFound
from hub.events import PersonErased


def erase_person(*, person_id: UUID, actor: Actor, now: datetime) -> None:
    """Destroy a person's keys. Safe to repeat; `NotFound` where there is no such person."""
    person = DataKey.objects.select_for_update().filter(id=person_id, kind=DataKey.PERSON).first()
    if person is None:
        raise NotFound("There is no such person.")
    if person.erased_at is not None:
        return
    person.erase(now=now)
    idempotency.forget_person(person_id=person.id)
    outbox.publish(PersonErased(person.id, person.institution_id), actor=actor, now=now)
