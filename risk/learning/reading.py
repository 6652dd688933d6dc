"""Reads a book into the label ledger, a batch of lines in each transaction: killed at any moment it goes on from there.

Every batch commits its rows, its problems, the new position, one audit row and one event together, under the row's
lock and the reader's token. So each line comes in once, whoever reads and however often it is begun again.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import islice
from uuid import UUID

import msgspec

from hub import outbox
from hub.audit import Actor
from hub.crypto import blind_index
from hub.errors import Conflict
from hub.events import BookBatchImported, BookImported, BookRefused
from risk.features.facade import HeaderError, Mapping, Row, RowReader
from risk.learning import services, storage
from risk.learning.book_file import BookFileError, Line, Scan, lines_of, reader_for, scan
from risk.learning.book_models import months_after
from risk.learning.models import BookProblem, LabelEntry, LoanBook

LEASE = timedelta(seconds=15)
BATCH_LINES = 2_000

Scope = Callable[[], AbstractContextManager[None]]
Clock = Callable[[], datetime]
Progress = Callable[[LoanBook], None]


@dataclass(frozen=True, slots=True)
class _Reader:
    """One reader at one book: its token is checked before each write."""

    book_id: UUID
    token: UUID
    scope: Scope
    clock: Clock
    actor: Actor
    progress: Progress

    def held(self) -> LoanBook:
        """The locked row. Raises LeaseLost once somebody else has it."""
        book = LoanBook.locked(self.book_id)
        book.check_lease(self.token)
        return book

    def pulse(self) -> None:
        """Hold the book for longer."""
        with self.scope():
            self.held().hold(until=self.clock() + LEASE)


@dataclass(slots=True)
class _Batch:
    """Lines on their way into one transaction."""

    first: Line
    last: Line
    lines: int
    digest: str
    entries: list[LabelEntry] = field(default_factory=list)
    problems: list[BookProblem] = field(default_factory=list)
    damaged: int = 0


def read_book(
    *, book_id: UUID, scope: Scope, clock: Clock, actor: Actor, progress: Progress = lambda _: None
) -> LoanBook:
    """Read a book to its end and return it, `read` or `refused`; one that ended before is returned as it is.

    `scope` opens a transaction that may write it. Raises Busy while another reader holds it, LeaseLost where one took
    it over.
    """
    with scope():
        book = LoanBook.locked(book_id)
        if not book.is_open:
            return book
        token = book.claim(until=clock() + LEASE, now=clock())
    reader = _Reader(book_id, token, scope, clock, actor, progress)
    try:
        return _read_all(reader, book)
    except BookFileError as error:
        return _refuse(reader, str(error))
    except HeaderError as error:
        return _refuse(reader, " ".join(error.sentences()))


def _read_all(reader: _Reader, book: LoanBook) -> LoanBook:
    mapping, path = book.mapping, storage.BOOKS.path_of(book.id)
    rows = reader_for(path, mapping)
    if book.lines is None:
        totals = msgspec.convert(book.totals, services.ControlTotals, strict=False)
        found = scan(path, mapping, sum_columns=tuple(totals.sums), pulse=reader.pulse)
        _check_totals(found, totals)
        with reader.scope():
            book = reader.held()
            book.note_size(plain_bytes=found.plain_bytes, lines=found.lines, header_bytes=found.header_bytes)
    for batch in _batches(book, mapping, rows):
        with reader.scope():
            book = _commit(reader, batch)
        reader.progress(book)
    if book.is_open:
        raise BookFileError("The file is not as it was at the first look: hand it in again.")
    storage.BOOKS.remove(book.id)
    return book


def _check_totals(found: Scan, totals: services.ControlTotals) -> None:
    if totals.rows is not None and totals.rows != found.filled:
        raise BookFileError(
            f"The control total says {totals.rows} lines, the file has {found.filled}: nothing was taken."
        )
    for column, wanted in totals.sums.items():
        if wanted != found.sums[column]:
            raise BookFileError(f"The control total of {column} differs from the file's sum: nothing was taken.")


def _batches(book: LoanBook, mapping: Mapping, rows: RowReader) -> Iterator[_Batch]:
    lines = lines_of(storage.BOOKS.path_of(book.id), start=book.position_bytes, number=book.lines_done + 2)
    while part := list(islice(lines, BATCH_LINES)):
        digest = hashlib.sha256(b"\n".join(line.raw for line in part)).hexdigest()
        batch = _Batch(part[0], part[-1], len(part), digest)
        for line in part:
            if line.raw.strip():
                _take(book, mapping, line, rows, batch)
        yield batch


def _take(book: LoanBook, mapping: Mapping, line: Line, rows: RowReader, batch: _Batch) -> None:
    found = rows.read(line.raw)
    if isinstance(found, Row):
        batch.entries.append(_entry(book, mapping, line.number, found))
        return
    batch.damaged += 1
    batch.problems += [
        BookProblem(
            institution_id=book.institution_id, book=book, line_no=line.number, column=problem.column,
            code=problem.code, detail=problem.detail,
        )
        for problem in found
    ]  # fmt: skip


def _entry(book: LoanBook, mapping: Mapping, line_no: int, row: Row) -> LabelEntry:
    label = mapping.label
    plain = msgspec.json.encode(row.values)
    purpose = f"account|{book.institution_id or ''}"
    return LabelEntry(
        institution_id=book.institution_id,
        book=book,
        line_no=line_no,
        reference_index=blind_index(purpose, row.reference) if row.reference else None,
        is_bad=row.is_bad,
        definition_version=label.version,
        window_months=label.window_months,
        opened_on=row.day,
        matures_on=_maturity(row.day, label.window_months),
        observed_on=mapping.as_of or book.created_at.date(),
        sealed=book.key.seal(plain, place=LabelEntry.place(book.id, line_no)),
    )


def _maturity(day: date | None, window_months: int | None) -> date | None:
    return months_after(day, window_months) if day and window_months else None


def _commit(reader: _Reader, batch: _Batch) -> LoanBook:
    book = reader.held()
    LabelEntry.append(batch.entries)
    BookProblem.append(batch.problems)
    book.advance(
        position_bytes=batch.last.end, lines=batch.lines, rows=len(batch.entries),
        bads=sum(entry.is_bad for entry in batch.entries), damaged_lines=batch.damaged,
        lease_until=reader.clock() + LEASE,
    )  # fmt: skip
    event = BookBatchImported(
        book.id, book.institution_id, first_line=batch.first.number, last_line=batch.last.number,
        rows=len(batch.entries), problems=len(batch.problems), digest=batch.digest,
    )  # fmt: skip
    outbox.publish(event, actor=reader.actor, now=reader.clock())
    if book.lines_done == book.lines:
        _finish(book, reader)
    return book


def _finish(book: LoanBook, reader: _Reader) -> None:
    now = reader.clock()
    if not book.rows:
        reason = f"None of its {book.damaged_lines} lines could be taken: the problems name what is wrong with each."
        _end_refused(book, reason, reader)
        return
    book.finish(now=now)
    event = BookImported(
        book.id, book.institution_id, line_id=book.line_id, rows=book.rows, problems=book.damaged_lines
    )
    outbox.publish(event, actor=reader.actor, now=now)
    if book.train_when_read:
        _ask_for_training(book, reader.actor, now)


def _ask_for_training(book: LoanBook, actor: Actor, now: datetime) -> None:
    # One with other settings may wait already: it will learn from this book too, its books are fixed as it starts.
    with suppress(Conflict):
        services.request_training(line_id=book.line_id, requested_by=None, actor=actor, now=now)


def _refuse(reader: _Reader, reason: str) -> LoanBook:
    with reader.scope():
        book = reader.held()
        _end_refused(book, reason, reader)
    storage.BOOKS.remove(book.id)
    reader.progress(book)
    return book


def _end_refused(book: LoanBook, reason: str, reader: _Reader) -> None:
    now = reader.clock()
    book.refuse(reason, now=now)
    event = BookRefused(book.id, book.institution_id, line_id=book.line_id, reason=book.refusal)
    outbox.publish(event, actor=reader.actor, now=now)
