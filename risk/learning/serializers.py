"""What the endpoints of loan books and jobs answer."""

from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

import msgspec

from risk.learning.models import BookProblem, LoanBook, TrainingRun

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
_JOB_STATES = {"registered": "queued", "reading": "running", "read": "done", "refused": "failed"}


class ProblemAnswer(msgspec.Struct):
    """What is wrong with a column of a line (the header is line 1); `column` is null for the whole line."""

    line: int
    column: str | None
    code: str
    detail: str


class ProblemPage(msgspec.Struct):
    """Some of the problems, in the order of the file; `next` is the address of more, or null."""

    items: list[ProblemAnswer]
    next: str | None


class BookAnswer(msgspec.Struct):
    """A loan book. Of its `lines`, `rows` are in the label ledger and `damaged_lines` are not."""

    id: UUID
    state: Literal["registered", "reading", "read", "refused"]
    line: str
    name: str
    file_sha256: str
    mapping_sha256: str
    percent: int
    lines: int | None
    lines_done: int
    rows: int
    bads: int
    damaged_lines: int
    refusal: str
    created_at: datetime
    finished_at: datetime | None
    trainings: list[UUID]
    problems: ProblemPage


class JobAnswer(msgspec.Struct):
    """Long work: `loan_book` is its reading, `training` a fit. `version_id` is what a training made."""

    id: UUID
    kind: Literal["loan_book", "training"]
    state: JobState
    percent: int
    step: str
    failure: str
    loan_book_id: UUID | None
    version_id: UUID | None
    created_at: datetime
    finished_at: datetime | None


def problem_answer(problem: BookProblem) -> ProblemAnswer:
    """Return a problem as the API shows it."""
    return ProblemAnswer(problem.line_no, problem.column or None, problem.code, problem.detail)


def book_answer(book: LoanBook, *, trainings: list[UUID], problems: ProblemPage) -> BookAnswer:
    """Return a book as the API shows it."""
    return BookAnswer(
        id=book.id,
        state=cast(Literal["registered", "reading", "read", "refused"], book.state),
        line=book.line.name,
        name=str(book.mapping_json["book"]),
        file_sha256=book.file_sha256,
        mapping_sha256=book.mapping_sha256,
        percent=book.percent,
        lines=book.lines,
        lines_done=book.lines_done,
        rows=book.rows,
        bads=book.bads,
        damaged_lines=book.damaged_lines,
        refusal=book.refusal,
        created_at=book.created_at,
        finished_at=book.finished_at,
        trainings=trainings,
        problems=problems,
    )


def job_answer(job: LoanBook | TrainingRun) -> JobAnswer:
    """Return long work as a job."""
    return _job_of_book(job) if isinstance(job, LoanBook) else _job_of_run(job)


def _job_of_book(book: LoanBook) -> JobAnswer:
    return JobAnswer(
        id=book.id,
        kind="loan_book",
        state=cast(JobState, _JOB_STATES[book.state]),
        percent=book.percent,
        step=f"{book.lines_done} of {book.lines} lines" if book.lines else "Waiting for a reader",
        failure=book.refusal,
        loan_book_id=book.id,
        version_id=None,
        created_at=book.created_at,
        finished_at=book.finished_at,
    )


def _job_of_run(run: TrainingRun) -> JobAnswer:
    return JobAnswer(
        id=run.id,
        kind="training",
        state=cast(JobState, run.state),
        percent=run.percent,
        step=run.step,
        failure=run.failure,
        loan_book_id=None,
        version_id=run.version_id,
        created_at=run.created_at,
        finished_at=run.finished_at,
    )


_MAPPING = """\
format: luopan.mapping/1
book: Personal loans
purpose: consumer
jurisdiction: HK
currency: HKD
source: Exported from the loan system.
label: {definition: 90 days late within a year, version: 1, window_months: 12}
as_of: 2026-06-30
columns:
  account: {role: reference}
  opened: {role: time}
  monthly_income: {role: feature, type: number, unit: HKD, direction: -1, known: at_scoring, min: 0}
  outcome: {role: label, bad: [charged_off], good: [repaid]}
"""
_BOOK = "account,opened,monthly_income,outcome\nA1,2024-01-15,18000,repaid\nA2,2024-02-15,9000,charged_off\n"
UPLOAD: dict[str, Any] = {
    "multipart/form-data": {
        "example": {"file": _BOOK, "mapping": _MAPPING, "line": "harbour", "rows": 2},
        "schema": {
            "type": "object",
            "required": ["file", "mapping", "line"],
            "additionalProperties": False,
            "properties": {
                "file": {"type": "string", "format": "binary", "description": "CSV with a header, plain or gzip."},
                "mapping": {
                    "type": "string",
                    "description": "What each column is, in YAML or JSON (luopan.mapping/1).",
                },
                "line": {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$", "maxLength": 60},
                "rows": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 2**31,
                    "description": "Control total: lines below the header.",
                },
                "sha256": {"type": "string", "pattern": "^[0-9a-fA-F]{64}$", "description": "Control total."},
                "sums": {"type": "string", "description": 'Control totals of columns: {"amount": "12345.67"}.'},
                "train": {"type": "boolean", "default": False, "description": "Train the line once it is read."},
            },
        },
    }
}
_ID = "019ab2f0-5b1e-7c3a-9f00-3f6f0b7d5a21"
JOB_EXAMPLE: dict[str, Any] = {
    "id": _ID,
    "kind": "loan_book",
    "state": "running",
    "percent": 40,
    "step": "12000 of 30000 lines",
    "failure": "",
    "loan_book_id": _ID,
    "version_id": None,
    "created_at": "2026-11-23T02:00:00Z",
    "finished_at": None,
}
BOOK_EXAMPLE: dict[str, Any] = {
    "id": _ID,
    "state": "read",
    "line": "consumer",
    "name": "Personal loans 2022 to 2023",
    "file_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "mapping_sha256": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
    "percent": 100,
    "lines": 30000,
    "lines_done": 30000,
    "rows": 29999,
    "bads": 2512,
    "damaged_lines": 1,
    "refusal": "",
    "created_at": "2026-11-23T02:00:00Z",
    "finished_at": "2026-11-23T02:00:08Z",
    "trainings": ["019ab2f0-7a00-7c3a-9f00-3f6f0b7d5a22"],
    "problems": {
        "items": [
            {
                "line": 4711,
                "column": "monthly_income",
                "code": "not_a_number",
                "detail": "Write digits with a point, such as 1234.5, without separators.",
            }
        ],
        "next": None,
    },
}
