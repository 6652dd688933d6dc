"""Sealed fields: AES-256-GCM under a data key per person (or book), the data keys wrapped by the master key.

To erase a person is to destroy the data key: what it sealed, backups included, can be read by nobody.
"""

import os
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models

from hub.clock import now
from hub.db.quick import Part, Question, append, ask, fetch, made, run
from hub.errors import Erased
from hub.ids import uuid7
from hub.key_columns import Indexed, Sealed
from hub.keyrings import SealBroken, open_sealed, seal

_BY_REFERENCE = "institution_id IS NOT DISTINCT FROM %s AND kind = %s AND "
__all__ = ["DataKey", "SealBroken", "among", "blind_index", "blind_indexes", "lock_number", "meet", "meet_all"]


class DataKeyManager(models.Manager["DataKey"]):
    """Finds and makes data keys."""

    def for_reference(self, *, institution_id: UUID | None, kind: str, reference: str) -> "DataKey":
        """Return the key of a person (or book) by the institution's own reference; it is made at first use.

        Of two that meet at the first use one gets an IntegrityError at the end of its transaction: try it again.
        """
        part = self.by_reference(institution_id=institution_id, kind=kind, reference=reference)
        return self.first_or_new(fetch(part), part)

    def by_reference(self, *, institution_id: UUID | None, kind: str, reference: str) -> Part:
        """Return what to fetch for `first_or_new`."""
        forms = blind_indexes(f"{kind}|{institution_id or ''}", reference)
        return Part(DataKey, _BY_REFERENCE + among("reference_index", forms), (institution_id, kind, *forms))

    def first_or_new(self, found: "list[DataKey]", part: Part) -> "DataKey":
        """Return the key that was fetched for `part`, or make it."""
        institution_id, kind, *forms = part.params
        if not found and meet(tuple(forms)):
            found = fetch(part)
        return found[0] if found else self._make(institution_id, kind, written(tuple(forms)))

    def _make(self, institution_id: UUID | None, kind: str, index: bytes) -> "DataKey":
        key_id, plain = uuid7(), os.urandom(32)
        row = {
            "id": key_id, "institution_id": institution_id, "kind": kind, "reference_index": index,
            "wrapped": wrap(plain, key_id), "created_at": now(), "erased_at": None,
        }  # fmt: skip
        key = made(DataKey, row)
        key._plain = plain
        append(key)
        return key


class DataKey(models.Model):
    """The wrapped key of one person, one book, or one loan's label; without it nothing sealed under it can be read."""

    PERSON: ClassVar[str] = "person"
    BOOK: ClassVar[str] = "book"
    LABEL: ClassVar[str] = "label"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(null=True, editable=False)
    kind = models.CharField(max_length=10)
    reference_index = models.BinaryField(editable=False)
    wrapped = models.BinaryField(null=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    erased_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[DataKeyManager] = DataKeyManager()
    _plain: bytes | None = None  # of a key just made

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "institution_id", "kind", "reference_index", name="hub_datakey_reference", nulls_distinct=False
            ),
            models.CheckConstraint(
                name="hub_datakey_erased_has_no_key",
                condition=models.Q(wrapped__isnull=True, erased_at__isnull=False)
                | models.Q(wrapped__isnull=False, erased_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    def seal(self, plain: bytes, *, place: str) -> bytes:
        """Encrypt for one `place` ("table|column|row id"): moved elsewhere, it no longer opens. `Erased` if gone."""
        return seal(self._key(), plain, place=place)

    def open(self, sealed: bytes, *, place: str) -> bytes:
        """Decrypt what `seal` made for the same place; `Erased` where the key was destroyed."""
        return open_sealed(self._key(), sealed, place=place)

    def erase(self, *, now: datetime) -> None:
        """Destroy the key. Safe to repeat."""
        if self.erased_at is None:
            self.wrapped, self.erased_at = None, now
            self.save(update_fields=["wrapped", "erased_at"])

    def _key(self) -> bytes:
        if self.wrapped is None:
            raise Erased()
        return self._plain or unwrap(bytes(self.wrapped), self.id)


def _wrapping(key_id: UUID | str) -> str:
    return f"hub_datakey|wrapped|{key_id}"


SEALED = (Sealed("hub_datakey", "wrapped", place=_wrapping),)
INDEXED = (Indexed("hub_datakey", "reference_index"),)


def wrap(key: bytes, key_id: UUID | str) -> bytes:
    """Seal a data key under the master key."""
    return settings.SECRETS.master.seal(key, place=_wrapping(key_id))


def unwrap(wrapped: bytes, key_id: UUID | str) -> bytes:
    """Open a data key."""
    return settings.SECRETS.master.open(wrapped, place=_wrapping(key_id))


def blind_index(purpose: str, value: str) -> bytes:
    """Return HMAC-SHA256 of the normalised value (NFKC, no invisible or outer white space, case folded).

    Equal values give equal indexes within one `purpose`, so that a sealed value can be found and not read. For rows
    that are written; those that are there may stand under any of `blind_indexes`.
    """
    return settings.SECRETS.index.first.of(_message(purpose, value))


def blind_indexes(purpose: str, value: str) -> tuple[bytes, ...]:
    """Return every index to look for: one, and while the index key is rotated one for each key that is known."""
    return settings.SECRETS.index.forms(_message(purpose, value))


def blind_indexes_of(purpose: str, values: Iterable[str]) -> list[tuple[bytes, ...]]:
    """Return `blind_indexes` of many values."""
    prefix = purpose.encode() + b"\0"
    messages = [prefix + _normal(value).strip().casefold().encode() for value in values]
    return settings.SECRETS.index.forms_of(messages)


def written(forms: tuple[bytes, ...]) -> bytes:
    """Return the one of a value's forms that rows are written under."""
    return forms[0] if len(forms) == 1 else settings.SECRETS.index.first.lift(forms[0])


def among(column: str, forms: tuple[bytes, ...]) -> str:
    """Return the condition that a column holds one of these indexes, with %s for each."""
    return f"{column} = %s" if len(forms) == 1 else f"{column} IN ({', '.join(['%s'] * len(forms))})"


def meet(forms: tuple[bytes, ...]) -> bool:
    """While the index key is rotated, keep others from adding a row of this value; True means: look for it once more.

    Two processes may write under two keys then, and no unique constraint sees that these are one value.
    """
    if len(forms) > 1:
        ask(Question("pg_advisory_xact_lock(%s) IS NULL", (lock_number(forms),)))
    return len(forms) > 1


def meet_all(values: Iterable[tuple[bytes, ...]]) -> None:
    """Do as `meet` for the forms of many values, whoever does so in the same order; look for them afterwards."""
    if several := sorted({lock_number(forms) for forms in values if len(forms) > 1}):
        run("SELECT pg_advisory_xact_lock(one) IS NULL FROM unnest(%s::bigint[]) one", (several,))


def lock_number(forms: tuple[bytes, ...]) -> int:
    """Return 64 bits of a value's index, the same for all who know its forms."""
    return int.from_bytes(forms[0][-8:], signed=True)


def _message(purpose: str, value: str) -> bytes:
    return purpose.encode() + b"\0" + _normal(value).strip().casefold().encode()


def _normal(value: str) -> str:
    if value.isascii() and value.isprintable():
        return value  # is its own normal form, and by far the most frequent
    return "".join(c for c in unicodedata.normalize("NFKC", value) if unicodedata.category(c) not in ("Cf", "Cc"))
