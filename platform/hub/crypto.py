"""Sealed fields: AES-256-GCM under a data key per person (or book), the data keys wrapped by the master key.

To erase a person is to destroy the data key: what it sealed, backups included, can be read by nobody.
"""

import hmac
import os
import unicodedata
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import models

from hub.clock import now
from hub.db.quick import Part, append, fetch
from hub.errors import Erased
from hub.ids import uuid7

_FORMAT = b"\x01"
_NONCE = 12
_BY_REFERENCE = "institution_id IS NOT DISTINCT FROM %s AND kind = %s AND reference_index = %s"


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
        index = blind_index(f"{kind}|{institution_id or ''}", reference)
        return Part(DataKey, _BY_REFERENCE, (institution_id, kind, index))

    def first_or_new(self, found: "list[DataKey]", part: Part) -> "DataKey":
        """Return the key that was fetched for `part`, or make it."""
        return found[0] if found else self._make(*part.params)

    def _make(self, institution_id: UUID | None, kind: str, index: bytes) -> "DataKey":
        key = DataKey(id=uuid7(), institution_id=institution_id, kind=kind, reference_index=index)
        key._plain = os.urandom(32)
        key.wrapped = wrap(key._plain, key.id)
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
        return self._plain or open_sealed(settings.SECRETS.master, bytes(self.wrapped), place=_wrapping(self.id))


def wrap(key: bytes, key_id: UUID) -> bytes:
    """Seal a data key under the master key."""
    return seal(settings.SECRETS.master, key, place=_wrapping(key_id))


def _wrapping(key_id: UUID) -> str:
    return f"hub_datakey|wrapped|{key_id}"


def seal(key: bytes, plain: bytes, *, place: str) -> bytes:
    """Encrypt with AES-256-GCM; `place` is authenticated, not stored. Layout: format byte, nonce, ciphertext, tag."""
    nonce = os.urandom(_NONCE)
    return _FORMAT + nonce + AESGCM(key).encrypt(nonce, plain, place.encode())


def open_sealed(key: bytes, sealed: bytes, *, place: str) -> bytes:
    """Decrypt; `SealBroken` where the text, the key or the place is another one."""
    if sealed[:1] != _FORMAT:
        raise SealBroken("unknown format of a sealed field")
    try:
        return AESGCM(key).decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], place.encode())
    except InvalidTag as error:
        raise SealBroken("a sealed field was changed, moved, or belongs to another key") from error


class SealBroken(Exception):
    """A sealed field does not open: it was changed, moved, or the master key is another one."""


def blind_index(purpose: str, value: str) -> bytes:
    """Return HMAC-SHA256 of the normalised value (NFKC, no invisible or outer white space, case folded), 32 bytes.

    Equal values give equal indexes within one `purpose`, so that a sealed value can be found and not read.
    """
    message = purpose.encode() + b"\0" + _normal(value).strip().casefold().encode()
    return hmac.digest(settings.SECRETS.index, message, "sha256")


def _normal(value: str) -> str:
    if value.isascii() and value.isprintable():
        return value  # is its own normal form, and by far the most frequent
    return "".join(c for c in unicodedata.normalize("NFKC", value) if unicodedata.category(c) not in ("Cf", "Cc"))
