"""Sealed fields, blind indexes, erasure."""

from uuid import uuid4

import pytest
from django.db import IntegrityError

from hub import audit, erasure, idempotency
from hub.clock import now
from hub.crypto import DataKey, SealBroken, blind_index
from hub.db.quick import ask
from hub.errors import Erased, NotFound
from hub.models import IdempotencyKey, OutboxEvent
from hub.tenancy import platform_scope, tenant_scope

ACTOR = audit.system_actor("test")
pytestmark = pytest.mark.django_db


def person(reference: str = "x") -> DataKey:
    with tenant_scope(BANK):
        return DataKey.objects.for_reference(institution_id=BANK, kind=DataKey.PERSON, reference=reference)


BANK = uuid4()


def test_what_is_sealed_opens_in_its_place_only() -> None:
    key = person()
    sealed = key.seal(b"secret", place="t|c|1")
    assert b"secret" not in sealed
    assert key.open(sealed, place="t|c|1") == b"secret"
    with pytest.raises(SealBroken):
        key.open(sealed, place="t|c|2")
    with pytest.raises(SealBroken):
        person("y").open(sealed, place="t|c|1")


@pytest.mark.parametrize("at", range(0, 34, 3))
def test_one_changed_bit_is_noticed(at: int) -> None:
    key = person()
    sealed = bytearray(key.seal(b"secret", place="p"))
    sealed[at] ^= 1
    with pytest.raises(SealBroken):
        key.open(bytes(sealed), place="p")


def test_the_same_reference_is_the_same_person() -> None:
    assert person(" Ａbc\u200b ").id == person("abc").id
    assert person("abc").id != person("abd").id


def test_blind_indexes_of_two_purposes_have_nothing_in_common() -> None:
    assert blind_index("a", "x") != blind_index("b", "x")
    assert len(blind_index("a", "x")) == 32


def test_erasure_destroys_the_key_and_the_kept_answers() -> None:
    key = person()
    sealed = key.seal(b"secret", place="p")
    with tenant_scope(BANK):
        slot = idempotency.Slot.of(institution_id=BANK, client_id="c", operation="o", key="k", payload=b"")
        answer = idempotency.Answer(201, {}, b"body", person_id=key.id)
        slot.settle(*ask(*slot.questions), now=now(), effect=lambda: answer)
    for _ in range(2):
        with platform_scope():
            erasure.erase_person(person_id=key.id, actor=ACTOR, now=now())
    with pytest.raises(Erased):
        person().open(sealed, place="p")
    with platform_scope():
        assert IdempotencyKey.objects.count() == 0
        assert OutboxEvent.objects.filter(type="person.erased").count() == 1


def test_nobody_is_erased_who_is_not_there() -> None:
    with platform_scope(), pytest.raises(NotFound):
        erasure.erase_person(person_id=uuid4(), actor=ACTOR, now=now())


def test_the_database_refuses_half_an_erasure() -> None:
    key = person()
    with pytest.raises(IntegrityError, match="hub_datakey_erased_has_no_key"), platform_scope():
        DataKey.objects.filter(id=key.id).update(wrapped=None)
