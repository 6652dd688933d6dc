"""Verifies the audit against its seals and exported heads: each row edited, removed or cut off is named."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

import msgspec
from django.db.models import Exists, OuterRef

from hub import sealing
from hub.audit import AuditRow
from hub.seal_file import Head, SealFile
from hub.sealing import AuditSeal

NAMED_MAX = 1_000  # faults that are told one by one
EXPORTED_S = 2.0  # so long after its seal a head must be in the file


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was sealed; `row_id` is None where a seal or the export is meant."""

    kind: str
    sentence: str
    row_id: UUID | None = None


def verify(file: SealFile) -> Iterator[Fault]:
    """Go through the chain and the exported heads, while others go on sealing. Platform scope."""
    exported, faults = _exported(file)
    yield from faults
    before: AuditSeal | None = None
    newer = []
    for seal in sealing.seals():
        yield from _link(seal, before)
        if seal.number in exported:
            yield from _against_export(seal, exported.pop(seal.number))
        else:
            newer.append(seal)
        yield from _rows(seal)
        before = seal
    yield from _cut_off(exported.values())
    yield from _newer(newer, file)
    yield from _stray(before.number if before else 0)


def _newer(seals: list[AuditSeal], file: SealFile) -> Iterator[Fault]:
    """Look at seals whose heads were not in the file when it was read: the sealer puts them there a moment later."""
    deadline_s = time.monotonic() + EXPORTED_S
    exported, _ = _exported(file) if seals else ({}, [])
    while any(seal.number not in exported for seal in seals) and time.monotonic() < deadline_s:
        time.sleep(0.1)
        exported, _ = _exported(file)
    for seal in seals:
        yield from _against_export(seal, exported.get(seal.number))


def _exported(file: SealFile) -> tuple[dict[int, Head], list[Fault]]:
    heads: dict[int, Head] = {}
    faults: list[Fault] = []
    try:
        for line, signed in file.read():
            number = line.head.number
            if not signed:
                faults.append(Fault("bad_signature", f"The exported head {number} is not signed by a known key."))
            elif heads.setdefault(number, line.head) != line.head:
                faults.append(Fault("two_heads", f"Two different heads were exported as number {number}."))
    except msgspec.DecodeError:
        faults.append(Fault("bad_export", f"A line of the exported heads, after number {max(heads, default=0)}, "
                                          "cannot be read."))  # fmt: skip
    if heads and sorted(heads) != list(range(1, max(heads) + 1)):
        faults.append(Fault("export_gap", "The exported heads have a gap: lines were removed."))
    return heads, faults


def _link(seal: AuditSeal, before: AuditSeal | None) -> Iterator[Fault]:
    expected = before.number + 1 if before else 1
    if seal.number != expected:
        yield Fault("seal_missing", f"Seals {expected} to {seal.number - 1} were removed.")
    elif bytes(seal.previous) != (bytes(before.hash) if before else sealing.START):
        yield Fault("chain_broken", f"Seal {seal.number} does not follow from the one before it.")
    if seal.computed() != bytes(seal.hash):
        yield Fault("seal_edited", f"Seal {seal.number} was edited: its hash is not that of its content.")


def _against_export(seal: AuditSeal, head: Head | None) -> Iterator[Fault]:
    if head is None:
        yield Fault("not_exported", f"Seal {seal.number} has no signed head outside the database.")
    elif head.hash != bytes(seal.hash).hex():
        yield Fault(
            "seal_replaced",
            f"Seal {seal.number}, over the audit rows {head.first_row} to {head.last_row}, is not the one whose signed "
            "head was exported.",
        )


def _rows(seal: AuditSeal) -> Iterator[Fault]:
    sealed, stored = seal.digests(), sealing.stored_digests(seal.number)
    for row_id in sealed.keys() - stored.keys():
        yield Fault("row_removed", f"Audit row {row_id} of seal {seal.number} was removed.", row_id)
    for row_id in stored.keys() - sealed.keys():
        yield Fault("row_added", f"Audit row {row_id} was put under seal {seal.number} afterwards.", row_id)
    for row_id in sealed.keys() & stored.keys():
        if sealed[row_id] != stored[row_id]:
            yield Fault("row_edited", f"Audit row {row_id} of seal {seal.number} was edited.", row_id)


def _cut_off(heads: Iterable[Head]) -> Iterator[Fault]:
    for head in sorted(heads, key=lambda head: head.number):
        yield Fault(
            "cut_off",
            f"Seal {head.number} of {head.sealed_at:%Y-%m-%d %H:%M:%S} UTC was cut off, with {head.rows} audit rows: "
            f"{head.first_row} to {head.last_row}.",
            head.first_row,
        )


def _stray(last: int) -> Iterator[Fault]:
    # A seal and its rows commit together: what was sealed since the seals were read has its seal, in one statement.
    sealed = AuditSeal.objects.filter(number=OuterRef("seal_number"))
    found = AuditRow.objects.filter(~Exists(sealed), seal_number__gt=last)
    for row_id in found.order_by("id").values_list("id", flat=True)[:NAMED_MAX]:
        yield Fault("seal_missing", f"Audit row {row_id} says it is sealed, but its seal is gone.", row_id)
