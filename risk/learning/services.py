"""What is done with loan books and trainings, each in one transaction; the long work is in `reading` and `training`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.db import IntegrityError, transaction

from hub import outbox
from hub.audit import Actor
from hub.crypto import DataKey
from hub.errors import Conflict, FieldError, Invalid
from hub.events import BookRegistered, TrainingFinished, TrainingRequested
from hub.ids import uuid7
from hub.uploads import Upload
from risk.features.facade import HeaderError, Mapping, MappingError, read_mapping
from risk.learning import queries, storage
from risk.learning.book_file import BookFileError, reader_for
from risk.learning.fit.recipe import Recipe
from risk.learning.models import LoanBook, TrainingCheckpoint, TrainingRun
from risk.scoring import facade as scoring

DEFAULT_SEED = 42


class ControlTotals(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the sender counted: lines below the header, SHA-256 of the file as sent (hex), sums of number columns."""

    rows: int | None = None
    sha256: str | None = None
    sums: dict[str, Decimal] = {}


@dataclass(frozen=True, slots=True)
class Registered:
    """A book, and whether this call made it (else the same file and mapping came before)."""

    book: LoanBook
    made: bool


def register_book(
    *,
    chunks: Iterable[bytes],
    mapping_text: bytes,
    line_name: str,
    institution_id: UUID | None,
    actor: Actor,
    now: datetime,
    totals: ControlTotals | None = None,
    train_when_read: bool = False,
) -> Registered:
    """Take a book in: its file to disk, its row into the database, where it waits to be read.

    The same file and mapping for the same line again changes nothing. `Invalid` names what is wrong with the mapping,
    the header or the digest; `TooLarge`, `Unavailable` come from the disk, `Conflict` from the line's purpose.
    """
    mapping = _checked_mapping(mapping_text)
    totals = _checked_totals(totals or ControlTotals(), mapping)
    upload = storage.receive(chunks)
    try:
        _check_file(upload, mapping, totals)
        with transaction.atomic():
            line = scoring.ensure_line(
                name=line_name, institution_id=institution_id, purpose=mapping.purpose,
                jurisdiction=mapping.jurisdiction, actor=actor, now=now,
            )  # fmt: skip
            facts: dict[str, Any] = {
                "institution_id": institution_id, "line_id": line.id, "file_sha256": upload.sha256,
                "mapping_sha256": mapping.sha256,
            }  # fmt: skip
            known = queries.same_book(**facts)
            if known is not None:
                return Registered(known, made=False)
            more = {"totals": msgspec.to_builtins(totals), "train_when_read": train_when_read, "created_at": now}
            return _keep(upload, mapping, {**facts, **more}, actor=actor, now=now)
    finally:
        upload.discard()


def _keep(upload: Upload, mapping: Mapping, fields: dict[str, Any], *, actor: Actor, now: datetime) -> Registered:
    book_id, institution_id = uuid7(), fields["institution_id"]
    key = DataKey.objects.for_reference(institution_id=institution_id, kind=DataKey.BOOK, reference=str(book_id))
    try:
        with transaction.atomic():
            book = LoanBook.register(
                id=book_id, key=key, file_bytes=upload.size, mapping_json=msgspec.to_builtins(mapping), **fields
            )
    except IntegrityError:  # the same book came in at the same moment
        raise Conflict("The same book is just being handed in: ask again in a moment.", retry_after_s=1) from None
    outbox.publish(BookRegistered(book.id, institution_id, line_id=book.line_id), actor=actor, now=now)
    upload.settle(book.id)
    return Registered(book, made=True)


def _checked_mapping(text: bytes) -> Mapping:
    try:
        return read_mapping(text)
    except MappingError as error:
        faults = [
            FieldError("/mapping" + "".join(f"/{_escaped(key)}" for key in fault.path), "bad_mapping", str(fault))
            for fault in error.faults
        ]
        raise Invalid(faults, "The mapping cannot be used.") from error


def _checked_totals(totals: ControlTotals, mapping: Mapping) -> ControlTotals:
    numbers = {column.column for column in mapping.kept_columns if column.type == "number"}
    faults = [
        FieldError(f"/sums/{_escaped(name)}", "no_number_column", "Sum a column that is mapped as a number.")
        for name in totals.sums
        if name not in numbers
    ]
    if faults:
        raise Invalid(faults, "The control totals cannot be checked.")
    return totals


def _check_file(upload: Upload, mapping: Mapping, totals: ControlTotals) -> None:
    if totals.sha256 is not None and totals.sha256.strip().lower() != upload.sha256:
        remedy = f"The file that came has the SHA-256 {upload.sha256}: send it again."
        raise Invalid([FieldError("/sha256", "digest_differs", remedy)], "The file is not the one announced.")
    try:
        reader_for(upload.path, mapping)
    except BookFileError as error:
        raise Invalid([FieldError("/file", "unreadable_file", str(error))], str(error)) from error
    except HeaderError as error:
        faults = [FieldError("/mapping/columns", "header_differs", sentence) for sentence in error.sentences()]
        raise Invalid(faults, str(error)) from error


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


# --- trainings --------------------------------------------------------------------------------------------------------


def checked_recipe(recipe: dict[str, Any] | None) -> dict[str, Any]:
    """The recipe as it is kept: only what differs from the defaults. `Invalid` names what is wrong with it."""
    try:
        msgspec.convert(recipe or {}, Recipe)
    except msgspec.ValidationError as error:
        known = ", ".join(Recipe.__struct_fields__)
        raise Invalid([FieldError("/recipe", "bad_recipe", f"{error}. A recipe has {known}.")]) from error
    return recipe or {}


def request_training(
    *,
    line_id: UUID,
    requested_by: UUID | None,
    actor: Actor,
    now: datetime,
    seed: int = DEFAULT_SEED,
    recipe: dict[str, Any] | None = None,
    as_of: date | None = None,
) -> TrainingRun:
    """Queue a training of a line; one that waits already with the same settings is returned instead.

    With `as_of` it learns from what was known on that day; without, from all that is in the label ledger.

    `NotFound` for an unknown line; `Conflict` where one with other settings waits, or nothing is there to learn from.
    """
    kept = checked_recipe(recipe)
    if not 0 <= seed < 2**31:
        raise Invalid([FieldError("/seed", "bad_seed", "Write a whole number from 0 to 2147483647.")])
    line = scoring.get_line(line_id=line_id)
    with transaction.atomic():
        waiting = queries.waiting_run(line_id=line_id)
        if waiting is not None and (waiting.seed, waiting.recipe, waiting.as_of) == (seed, kept, as_of):
            return waiting
        if waiting is not None:
            raise Conflict("A training of this line with other settings waits already: let it run, or cancel it.")
        if not queries.read_books(line_id=line_id):
            raise Conflict(f"The line {line.name} has no book that is fully read: import one first.")
        run = TrainingRun.enqueue(
            institution_id=line.institution_id, line_id=line_id, seed=seed, recipe=kept, as_of=as_of,
            requested_by=requested_by, created_at=now,
        )  # fmt: skip
        outbox.publish(TrainingRequested(run.id, run.institution_id, line_id=line_id), actor=actor, now=now)
    return run


def resume_or_request_training(
    *,
    line_id: UUID,
    requested_by: UUID | None,
    actor: Actor,
    now: datetime,
    seed: int = DEFAULT_SEED,
    recipe: dict[str, Any] | None = None,
    as_of: date | None = None,
) -> TrainingRun:
    """Return the unfinished training of these settings, or queue one; errors as of `request_training`."""
    run = queries.open_run(line_id=line_id, seed=seed, recipe=checked_recipe(recipe), as_of=as_of)
    return run or request_training(
        line_id=line_id, requested_by=requested_by, actor=actor, now=now, seed=seed, recipe=recipe, as_of=as_of
    )


def cancel_training(*, run_id: UUID, actor: Actor, now: datetime) -> TrainingRun:
    """Stop a training that waits or runs; its worker notices before its next write. `Conflict` once it ended."""
    with transaction.atomic():
        run = TrainingRun.locked(run_id)
        run.cancel(now=now)
        end_training(run, failure="It was cancelled.", actor=actor, now=now)
    return run


def end_training(run: TrainingRun, *, failure: str, actor: Actor, now: datetime) -> None:
    """Tell the end of a run, in the transaction that set it; what was fitted on the way is deleted."""
    TrainingCheckpoint.forget(run)
    outbox.publish(
        TrainingFinished(
            run.id, run.institution_id, line_id=run.line_id, version_id=run.version_id, failure=failure[:500]
        ),
        actor=actor,
        now=now,
    )
