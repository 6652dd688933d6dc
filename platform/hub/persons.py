"""The data keys of many persons at once: found, or made at first use, in one statement each. Ids are texts here."""

import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from hub.crypto import DataKey, blind_indexes_of, unwrap, wrap, written
from hub.db.columns import blobs, insert_columns, select, uuids
from hub.ids import uuid7_texts
from hub.keyrings import seal

_KNOWN = """SELECT id::text, reference_index, wrapped FROM hub_datakey
WHERE institution_id = %s AND kind = 'person' AND reference_index = ANY(%s)"""
Forms = tuple[bytes, ...]


def references(institution_id: UUID, given: Iterable[str]) -> list[Forms]:
    """Return the indexes that each of these references of an institution may stand under."""
    return blind_indexes_of(f"{DataKey.PERSON}|{institution_id}", given)


class Person:
    """One person's key in hand. `is_new`: its row is still to be written; `erased`: nothing can be sealed any more."""

    __slots__ = ("_plain", "erased", "id", "index", "is_new", "wrapped")

    def __init__(self, person_id: str, index: bytes, wrapped: bytes | None, plain: bytes | None = None) -> None:
        self.id, self.index, self.wrapped, self._plain = person_id, index, wrapped, plain
        self.is_new, self.erased = plain is not None, wrapped is None

    def seal(self, plain: bytes, *, place: str) -> bytes:
        """Encrypt for one place, as `DataKey.seal`. Not of an erased person."""
        if self._plain is None:
            assert self.wrapped is not None
            self._plain = unwrap(self.wrapped, self.id)
        return seal(self._plain, plain, place=place)


def find_or_make(institution_id: UUID, given: Sequence[Forms]) -> list[Person]:
    """Return the person of each reference; for those not known a key is made, and not yet written. Tenant scope.

    Equal references give one object.
    """
    looked_for = blobs(list({form for forms in given for form in forms}))
    known = {
        bytes(index): Person(person_id, bytes(index), None if wrapped is None else bytes(wrapped))
        for person_id, index, wrapped in select(_KNOWN, (institution_id, looked_for))
    }
    spare = _made(len(given))
    found = []
    for forms in given:
        person = known.get(forms[0]) or next((known[form] for form in forms[1:] if form in known), None)
        if person is None:
            person_id, plain = spare.pop()
            person = Person(person_id, written(forms), wrap(plain, person_id), plain)
            known.update(dict.fromkeys(forms, person))
        found.append(person)
    return found


def _made(count: int) -> list[tuple[str, bytes]]:
    noise = os.urandom(32 * count)
    ids = uuid7_texts(count)
    return [(one, noise[at : at + 32]) for one, at in zip(ids, range(0, 32 * count, 32), strict=True)][::-1]


def write_new(institution_id: UUID, people: Iterable[Person], *, now: datetime) -> None:
    """Write the keys that are new; IntegrityError where somebody made one meanwhile: begin the transaction anew."""
    new = [person for person in dict.fromkeys(people) if person.is_new]
    if new:
        cells = {
            "id": uuids([person.id for person in new]),
            "reference_index": blobs([person.index for person in new]),
            "wrapped": blobs([person.wrapped or b"" for person in new]),
        }
        insert_columns(
            DataKey, cells, institution_id=institution_id, kind=DataKey.PERSON, created_at=now, erased_at=None
        )
