"""The seals of the audit: rows are appended freely, then sealed in batches by one sealer into a chain of hashes.

A seal holds the id and the SHA-256 of each of its rows, and its own hash goes over them and over the seal before it.
Each head of the chain is signed (Ed25519) with a key outside the database and exported to a file outside it, so what
even the owner of the tables rewrites, removes or cuts off is named by `manage.py verify_audit`.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, models

from hub.audit import AuditRow
from hub.seal_file import Head, SealFile

ROWS_MAX = 2_000  # in one seal
DIGEST = 32
_LEAF = 16 + DIGEST
_SEALER_LOCK = 0x6C756F70_02
START = bytes(DIGEST)  # what the first seal follows

# Every column but the seal's number. Texts of PostgreSQL's own, the same in every session.
_CONTENT = """jsonb_build_array(id, extract(epoch FROM at), institution_id, actor_kind, actor_id, action, subject_type,
  subject_id, details, request_id)::text"""
_TAKE = f"""
WITH taken AS (
  UPDATE hub_auditrow SET seal_number = %s WHERE id IN (
    SELECT id FROM hub_auditrow WHERE seal_number IS NULL ORDER BY id LIMIT {ROWS_MAX})
  RETURNING id, sha256(convert_to({_CONTENT}, 'UTF8')) AS digest)
SELECT string_agg(uuid_send(id) || digest, '' ORDER BY id) FROM taken"""  # nosec
_READ = f"SELECT id, {_CONTENT} FROM hub_auditrow WHERE seal_number = %s"  # nosec


class AuditSeal(models.Model):
    """One link of the chain. `leaves`: for each row, by id, its 16 bytes of id and 32 of SHA-256."""

    number = models.BigIntegerField(primary_key=True, editable=False)
    sealed_at = models.DateTimeField(editable=False)
    leaves = models.BinaryField(editable=False)
    previous = models.BinaryField(editable=False)
    hash = models.BinaryField(editable=False)

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"seal {self.number}"

    @classmethod
    def close(cls, leaves: bytes, *, after: "AuditSeal | None", now: datetime) -> "AuditSeal":
        """Insert the next link, over its rows."""
        seal = cls(
            number=after.number + 1 if after else 1, sealed_at=now, leaves=leaves,
            previous=after.hash if after else START,
        )  # fmt: skip
        seal.hash = seal.computed()
        seal.save(force_insert=True)
        return seal

    def computed(self) -> bytes:
        """Return the hash that its columns make."""
        head = f"luopan audit seal|{self.number}|{self.sealed_at.timestamp():.6f}|".encode()
        return hashlib.sha256(head + bytes(self.previous) + bytes(self.leaves)).digest()

    def digests(self) -> dict[UUID, bytes]:
        """Return the digest of each of its rows."""
        packed = bytes(self.leaves)
        parts = (packed[at : at + _LEAF] for at in range(0, len(packed), _LEAF))
        return {UUID(bytes=part[:16]): part[16:] for part in parts}


@dataclass(frozen=True, slots=True)
class Tail:
    """The rows that are not sealed yet, and the age of the oldest in seconds (0 where there is none)."""

    rows: int
    age_s: float


def seal_batch(*, now: datetime) -> Head | None:
    """Seal what is committed and unsealed, at most `ROWS_MAX` rows. Platform scope. None where nothing is to be done.

    One sealer at a time: another one's run finds the lock taken and does nothing.
    """
    if not _alone():
        return None
    last = AuditSeal.objects.first()
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [last.number + 1 if last else 1])
        leaves: bytes | None = cursor.fetchone()[0]
    return head_of(AuditSeal.close(leaves, after=last, now=now)) if leaves else None


def head_of(seal: AuditSeal) -> Head:
    """Return what is exported of a seal."""
    packed = bytes(seal.leaves)
    first, last = (UUID(bytes=packed[at : at + 16]) for at in (0, len(packed) - _LEAF))
    return Head(seal.number, seal.sealed_at, bytes(seal.hash).hex(), len(packed) // _LEAF, first, last)


def last_head() -> Head | None:
    """Return the head of the chain, None before the first seal. Platform scope."""
    last = AuditSeal.objects.first()
    return head_of(last) if last else None


def export(file: SealFile, key: Ed25519PrivateKey) -> None:
    """Append to the file the heads that it lacks, signed. Platform scope; one sealer at a time does it."""
    if not _alone():
        return
    last = file.last_number()
    while seals := list(AuditSeal.objects.filter(number__gt=last).order_by("number")[:100]):
        file.append([head_of(seal) for seal in seals], key)
        last = seals[-1].number


def _alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_SEALER_LOCK])
        return bool(cursor.fetchone()[0])


def tail(*, now: datetime) -> Tail:
    """Return what waits for a seal. Platform scope."""
    found = AuditRow.objects.filter(seal_number=None).aggregate(rows=models.Count("id"), oldest=models.Min("at"))
    age_s = (now - found["oldest"]).total_seconds() if found["oldest"] else 0.0
    return Tail(found["rows"], max(age_s, 0.0))


def stored_digests(number: int) -> dict[UUID, bytes]:
    """Return the digests of the rows that say they are sealed under a number, as they are now. Platform scope."""
    with connection.cursor() as cursor:
        cursor.execute(_READ, [number])
        return {row_id: hashlib.sha256(content.encode()).digest() for row_id, content in cursor.fetchall()}


def seals() -> Iterator[AuditSeal]:
    """Go through the chain from its start. Platform scope."""
    return AuditSeal.objects.order_by("number").iterator(chunk_size=100)
