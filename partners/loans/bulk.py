"""Files of reports: received whole or not at all, then taken line by line, each line with the effect of one report.

With control totals (count, sum, SHA-256) a file that differs from them in any is refused, and nothing of it is taken.
Without them a file that was cut off gives exactly its good lines. Either may be sent again: known lines do nothing.
"""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from hub import outbox
from hub.audit import Actor
from hub.errors import DomainError, FieldError, Invalid, NotFound, TooLarge
from hub.events import PerformanceBatchRecorded, PerformanceReceived
from hub.ids import uuid7
from hub.tenancy import tenant_scope
from partners.loans import lines, queries, services
from partners.loans.lines import Line
from partners.loans.models import BatchProblem, Loan, PerformanceBatch, PerformanceReport
from partners.loans.shapes import NewReport

FILE_BYTES_MAX = 20_000_000
LINES_MAX = 200_000
CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class ControlTotals:
    """What the sender says of a file: its lines (the header of a CSV not counted), the sum of `amount`, its digest."""

    count: int | None = None
    sum: Decimal | None = None
    sha256: str | None = None


@transaction.atomic
def receive(
    *, institution_id: UUID, content: bytes, format_: str, totals: ControlTotals, actor: Actor, now: datetime
) -> PerformanceBatch:
    """Keep a file of reports until its lines are taken. Tenant scope.

    `Invalid` where a control total differs or the file as a whole cannot be read: then nothing of it is kept.
    `TooLarge` over 20 MB or 200,000 lines.
    """
    if len(content) > FILE_BYTES_MAX:
        raise TooLarge(f"A file of reports has at most {FILE_BYTES_MAX // 1_000_000} MB: split it.")
    sha256 = hashlib.sha256(content).hexdigest()
    count = _checked_count(content, format_)
    _check_totals(content, format_, totals, count, sha256)
    batch = PerformanceBatch.receive(
        batch_id=uuid7(), institution_id=institution_id, format=format_, sha256=sha256, content=content, lines=count,
        actor_kind=actor.kind, actor_id=actor.id, created_at=now,
    )  # fmt: skip
    received = PerformanceReceived(batch.id, institution_id, lines=count, sha256=sha256)
    outbox.publish(received, actor=actor, now=now)
    return batch


def _checked_count(content: bytes, format_: str) -> int:
    if content.count(b"\n") > LINES_MAX + 1:  # before anything is made of each, empty ones included
        raise _too_many_lines()
    if format_ == "csv":
        lines.header_of(content)
    count = len(lines.lines_of(content, format_))
    if count == 0:
        raise Invalid([FieldError("/file", "empty", "The file has no line with a report.")])
    if count > LINES_MAX:
        raise _too_many_lines()
    return count


def _too_many_lines() -> TooLarge:
    return TooLarge(f"A file of reports has at most {LINES_MAX:,} lines: split it.")


def _check_totals(content: bytes, format_: str, totals: ControlTotals, count: int, sha256: str) -> None:
    remedy = "It differs from the file, of which nothing was taken: send the whole file again."
    faults = []
    if totals.sha256 is not None and totals.sha256.lower() != sha256:
        faults.append(FieldError("/sha256", "control_total", remedy))
    if totals.count is not None and totals.count != count:
        faults.append(FieldError("/count", "control_total", remedy))
    if totals.sum is not None and totals.sum != lines.sum_of_amounts(content, format_):
        faults.append(FieldError("/sum", "control_total", remedy))
    if faults:
        raise Invalid(faults)


@dataclass(slots=True)
class _Taken:
    """What some lines of a file came to."""

    rows: list[PerformanceReport] = field(default_factory=list)
    unchanged: int = 0
    refused: list[tuple[Line, DomainError]] = field(default_factory=list)


def apply_batch(*, institution_id: UUID, batch_id: UUID, now: datetime) -> None:
    """Take the lines of a file that are not taken yet, a thousand in each transaction.

    Opens the institution's scope itself. Safe to run again and twice at once: the file's row is locked.
    """
    going_on = True
    while going_on:
        with tenant_scope(institution_id):
            batch = queries.locked_batch(batch_id)
            going_on = batch is not None and _take_some(batch, now)


def _take_some(batch: PerformanceBatch, now: datetime) -> bool:
    """Take up to a thousand lines of a locked file; False once that were the last ones."""
    text, first = batch.text, batch.position
    some = lines.lines_of(text, batch.format)[first : first + CHUNK]
    taken = _take(batch, some, lines.header_of(text) if batch.format == "csv" else [], now)
    BatchProblem.append([problem for line, error in taken.refused for problem in _problems(batch, line, error, now)])
    batch.advance(recorded=len(taken.rows), unchanged=taken.unchanged, problems=len(taken.refused))
    payload = PerformanceBatchRecorded(
        batch.id, batch.institution_id, first_line=some[0].number, last_line=some[-1].number,
        recorded=len(taken.rows), unchanged=taken.unchanged, problems=len(taken.refused),
        digest=hashlib.sha256("".join(row.digest for row in taken.rows).encode()).hexdigest(),
    )  # fmt: skip
    outbox.publish(payload, actor=Actor(batch.actor_kind, batch.actor_id), now=now)
    if batch.position == batch.lines:
        batch.finish(now=now)
    return batch.finished_at is None


def _take(batch: PerformanceBatch, some: list[Line], header: list[str], now: datetime) -> _Taken:
    taken = _Taken()
    read: list[tuple[Line, UUID, NewReport]] = []
    for line in some:
        try:
            read.append((line, *lines.read(line, header)))
        except DomainError as error:
            taken.refused.append((line, error))
    loans = queries.locked_loans({loan_id for _, loan_id, _ in read})
    known = queries.known_digests({(loan_id, new.sequence) for _, loan_id, new in read})
    for line, loan_id, new in read:
        _take_line(taken, line, loans.get(loan_id), new, known, batch)
    PerformanceReport.append(taken.rows)
    _tell(taken.rows, loans, Actor(batch.actor_kind, batch.actor_id), now)
    return taken


def _take_line(
    taken: _Taken, line: Line, loan: Loan | None, new: NewReport, known: dict[tuple[UUID, int], str],
    batch: PerformanceBatch,
) -> None:  # fmt: skip
    try:
        if loan is None:
            raise NotFound("There is no such loan.")
        # Judged by the moment it came in, whenever its turn comes.
        row = services.make_row(loan, new, now=batch.created_at, batch=batch)
        before = known.get((loan.id, new.sequence))
        if before not in (None, row.digest):
            raise services.sequence_used()
    except DomainError as error:
        taken.refused.append((line, error))
        return
    if before is not None:
        taken.unchanged += 1
        return
    known[loan.id, new.sequence] = row.digest
    taken.rows.append(row)


def _tell(rows: list[PerformanceReport], loans: dict[UUID, Loan], actor: Actor, now: datetime) -> None:
    by_loan: dict[UUID, list[PerformanceReport]] = defaultdict(list)
    for row in rows:
        by_loan[row.loan_id].append(row)
    if by_loan:
        services.take_in([loans[loan_id] for loan_id in by_loan], by_loan, actor=actor, now=now)


def _problems(batch: PerformanceBatch, line: Line, error: DomainError, now: datetime) -> list[BatchProblem]:
    faults = error.errors or (FieldError("", error.code, error.detail),)
    return [
        BatchProblem(
            institution_id=batch.institution_id, batch=batch, line_no=line.number, field=fault.pointer[:60],
            code=fault.code, detail=fault.detail[:300], created_at=now,
        )
        for fault in faults
    ]  # fmt: skip
