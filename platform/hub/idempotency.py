"""One effect per Idempotency-Key: the key's row and the effect commit together, so no crash can part them.

draft-ietf-httpapi-idempotency-key-header-07. While the first request runs, a second gets 409 at once and waits for
nothing. Only answers below 400 are stored: an error rolled everything back, so the same key may try again.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models

from hub.crypto import among, blind_indexes, lock_number
from hub.db.quick import New, Question, append, ask
from hub.errors import Conflict, FieldError, Invalid, Malformed
from hub.key_columns import Aged, Sealed

KEPT = timedelta(hours=72)
KEY_MAX = 255
KEY_PATTERN = rf'^("[ -~]{{1,{KEY_MAX}}}"|[!#-~]([ -~]{{0,{KEY_MAX - 2}}}[!-~])?)$'
_LOCK = "pg_try_advisory_xact_lock(%s)"
_LOOK = "(SELECT id FROM hub_idempotencykey WHERE institution_id = %s AND {})"


class KeyReused(Invalid):
    """The key came before with another payload."""

    code: ClassVar[str] = "idempotency_key_reused"
    title: ClassVar[str] = "The Idempotency-Key was used for another request"


class KeyMissing(Malformed):
    """The operation needs an Idempotency-Key."""

    code: ClassVar[str] = "idempotency_key_missing"
    title: ClassVar[str] = "An Idempotency-Key is needed"


class KeyBusy(Conflict):
    """The first request with this key is still running."""

    code: ClassVar[str] = "idempotency_key_in_use"
    title: ClassVar[str] = "The first request with this Idempotency-Key is still running"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, kept to be answered again: status, a few headers, body."""

    status: int
    headers: dict[str, str]
    body: bytes
    person_id: UUID | None = None
    replayed: bool = False


class IdempotencyKey(models.Model):
    """A settled key with its answer. The key is kept as a digest, the body sealed; a person's go when he is erased."""

    id = models.BigAutoField(primary_key=True)
    institution_id = models.UUIDField(editable=False)
    digest = models.BinaryField(editable=False)
    fingerprint = models.BinaryField(editable=False)
    status = models.PositiveSmallIntegerField(editable=False)
    headers = models.JSONField(editable=False)
    body = models.BinaryField(editable=False)
    person_id = models.UUIDField(null=True, editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["institution_id", "digest"], name="hub_idempotencykey_once"),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="hub_idempotencykey_age"),
            models.Index(
                fields=["person_id"], name="hub_idempotencykey_person", condition=models.Q(person_id__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.created_at:%Y-%m-%d}"


def read_key(header: str | None) -> str:
    """Return the key of the header, quoted or bare; `KeyMissing` or `Malformed` otherwise."""
    text = (header or "").strip()
    if text in ("", '""'):
        raise KeyMissing("Send an Idempotency-Key header, such as a UUID of your own, and the same one on a repeat.")
    if not re.match(KEY_PATTERN, text):
        raise Malformed(
            "The Idempotency-Key is not valid.",
            errors=[FieldError("", "invalid_idempotency_key", f"Use at most {KEY_MAX} printable ASCII characters.")],
        )
    return text[1:-1] if text[0] == '"' else text


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the answer to one key of a client's operation is kept, and what a repeat must match.

    `digests` are those under which it may be, more than one while the index key is rotated.
    """

    institution_id: UUID
    digests: tuple[bytes, ...]
    fingerprint: bytes

    @classmethod
    def of(cls, *, institution_id: UUID, client_id: str, operation: str, key: str, payload: bytes) -> Self:
        """Return the slot of a key; `payload` are the bytes that a repeat must match."""
        # In hexadecimal, because an index folds case and a key does not.
        digests = blind_indexes(f"idempotency|{institution_id}|{client_id}|{operation}", key.encode().hex())
        return cls(institution_id, digests, hashlib.sha256(payload).digest())

    @property
    def questions(self) -> tuple[Question, Question]:
        """What to ask, in the transaction of the effect, for `settle`."""
        return Question(_LOCK, (lock_number(self.digests),)), self._look

    @property
    def _look(self) -> Question:
        return Question(_LOOK.format(among("digest", self.digests)), (self.institution_id, *self.digests))

    def settle(self, locked: bool, known_id: int | None, *, now: datetime, effect: Callable[[], Answer]) -> Answer:
        """Run `effect` once for this key and keep its answer; on a repeat return what was kept.

        Runs inside the tenant's transaction. `KeyBusy` while the first runs, `KeyReused` with another payload.
        """
        if not locked:
            raise KeyBusy("Wait for the first answer, then repeat with the same key.", retry_after_s=1)
        # Where the first commits between the questions' snapshot and the lock, its row is not seen here; then the
        # unique constraint refuses the second row, and with it the whole second effect. Where the index key is rotated
        # the two rows may differ: the look is repeated under the lock.
        if known_id is None and len(self.digests) > 1:
            (known_id,) = ask(self._look)
        known = IdempotencyKey.objects.get(id=known_id) if known_id is not None else None
        if known is not None and known.created_at > now - KEPT:
            return self._open(known)
        if known is not None:
            known.delete()
        answer = effect()
        if answer.status < 400:
            self._keep(answer, now)
        return answer

    def _open(self, known: IdempotencyKey) -> Answer:
        if bytes(known.fingerprint) != self.fingerprint:
            raise KeyReused(detail="This Idempotency-Key came before with another payload: take a new key.")
        body = settings.SECRETS.master.open(bytes(known.body), place=_place(bytes(known.digest)))
        return Answer(known.status, known.headers, body, known.person_id, replayed=True)

    def _keep(self, answer: Answer, now: datetime) -> None:
        digest = settings.SECRETS.index.first.lift(self.digests[0])
        body = settings.SECRETS.master.seal(answer.body, place=_place(digest))
        row = {
            "institution_id": self.institution_id, "digest": digest, "fingerprint": self.fingerprint,
            "status": answer.status, "headers": answer.headers, "body": body, "person_id": answer.person_id,
            "created_at": now,
        }  # fmt: skip
        append(New(IdempotencyKey, row))


def _place(digest: bytes) -> str:
    return f"hub_idempotencykey|body|{digest.hex()}"


SEALED = (Sealed("hub_idempotencykey", "body", place=_place, told_by="digest"),)
INDEXED = (Aged("hub_idempotencykey", "digest", kept=KEPT),)


def forget_person(*, person_id: UUID) -> int:
    """Delete the kept answers about a person; returns how many."""
    return IdempotencyKey.objects.filter(person_id=person_id).delete()[0]


def forget_old(*, now: datetime) -> int:
    """Delete the keys that are past their 72 hours; platform scope; returns how many."""
    return IdempotencyKey.objects.filter(created_at__lt=now - KEPT).delete()[0]
