"""What the endpoints of files of people answer: their state as JSON, their results as NDJSON."""

import json
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

import msgspec

from risk.scoring.batch_models import BatchLine, ScoreBatch
from risk.scoring.glassbox import Reason
from risk.scoring.serializers import ReasonAnswer, reason_answer
from risk.scoring.services import Scored

_ID = "019ab2f0-5b1e-7c3a-9f00-3f6f0b7d5b22"
_DECISION = "019ab2f0-5b1e-7c3a-9f00-3f6f0b7d5a11"
_RESULTS = f"/api/v1/score-batches/{_ID}/results"


class ScoreBatchAnswer(msgspec.Struct, frozen=True):
    """A file of people. Of its `lines` (line feeds) `lines_done` are done: `scored` or with `problems`, or empty."""

    id: UUID
    state: Literal["received", "scoring", "done", "failed"]
    format: Literal["ndjson", "csv"]
    sha256: str
    model_id: UUID
    percent: int
    lines: int
    lines_done: int
    scored: int
    problems: int
    failure: str
    results: str
    created_at: datetime
    finished_at: datetime | None


class ProblemAnswer(msgspec.Struct, frozen=True):
    """What is wrong with a line; `pointer` is empty where it is the whole line."""

    pointer: str
    code: str
    detail: str


class ScoredLine(msgspec.Struct, frozen=True):
    """A line that has a decision record, which is read and replayed like any other score."""

    line: int
    decision_id: UUID
    pd_12m: str
    grade: str
    recommended_action: str
    reasons: list[ReasonAnswer]


class RefusedLine(msgspec.Struct, frozen=True):
    """A line that has none, or whose person was erased since."""

    line: int
    problems: list[ProblemAnswer]


def batch_answer(batch: ScoreBatch) -> ScoreBatchAnswer:
    """Return a file as the API shows it."""
    return ScoreBatchAnswer(
        id=batch.id,
        state=cast(Literal["received", "scoring", "done", "failed"], batch.state),
        format=cast(Literal["ndjson", "csv"], batch.format),
        sha256=batch.sha256,
        model_id=batch.version_id,
        percent=batch.percent,
        lines=batch.lines,
        lines_done=batch.lines_done,
        scored=batch.scored,
        problems=batch.problems,
        failure=batch.failure,
        results=f"/api/v1/score-batches/{batch.id}/results",
        created_at=batch.created_at,
        finished_at=batch.finished_at,
    )


def result_line(line: BatchLine, scored: Scored | None) -> ScoredLine | RefusedLine:
    """Return what became of a line; `scored` is its decision, opened, None where that is erased."""
    if line.problems is not None:
        return RefusedLine(line.line_no, msgspec.json.decode(bytes(line.problems), type=list[ProblemAnswer]))
    if scored is None:
        return RefusedLine(line.line_no, [ProblemAnswer("", "erased", "This person was erased.")])
    row, reasons = scored.decision, scored.sealed.reasons
    return ScoredLine(
        line.line_no, row.id, str(row.pd_12m), row.grade, row.action,
        [reason_answer(rank, reason) for rank, reason in enumerate(reasons, start=1)],
    )  # fmt: skip


def result_text(lines: list[ScoredLine | RefusedLine]) -> bytes:
    """Return lines of NDJSON."""
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


BATCH_EXAMPLE: dict[str, Any] = {
    "id": _ID,
    "state": "received",
    "format": "csv",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "model_id": "019ab1c2-0000-7000-8000-000000000001",
    "percent": 0,
    "lines": 120001,
    "lines_done": 0,
    "scored": 0,
    "problems": 0,
    "failure": "",
    "results": _RESULTS,
    "created_at": "2026-11-23T02:00:00Z",
    "finished_at": None,
}
DONE_EXAMPLE = BATCH_EXAMPLE | {
    "state": "done",
    "percent": 100,
    "lines_done": 120001,
    "scored": 119999,
    "problems": 1,
    "finished_at": "2026-11-23T02:00:20Z",
}
_REASON = Reason("card_utilisation", 91.5, 9, 12.0, 2, 1_204_311)
RESULTS_EXAMPLE = result_text(
    [
        ScoredLine(2, UUID(_DECISION), "0.084213", "C", "approve", [reason_answer(1, _REASON)]),
        RefusedLine(3, [ProblemAnswer("/features/monthly_income", "wrong_type", "Feature 'monthly_income' takes…")]),
    ]
).decode()
UPLOAD: dict[str, Any] = {
    "multipart/form-data": {
        "example": {
            "file": json.dumps(
                {
                    "person_reference": "customer-4711",
                    "consent": {
                        "reference": "consent-2026-000815",
                        "text_version": "2026-01",
                        "given_at": "2026-01-20T09:30:00+08:00",
                    },
                    "features": {"monthly_income": 18000, "housing": "rent"},
                }
            )
            + "\n",
            "model_line": "consumer",
            "format": "ndjson",
            "count": 1,
        },
        "schema": {
            "type": "object",
            "required": ["file", "model_line", "format"],
            "additionalProperties": False,
            "properties": {
                "file": {
                    "type": "string",
                    "format": "binary",
                    "description": "A person a line, as of POST /scores without its model line; each line ends with a "
                    "line feed. A CSV names its columns in the first line, with points: person_reference, "
                    "consent.reference, consent.text_version, consent.given_at, consent.expires_at, features.<name>.",
                },
                "model_line": {"type": "string", "pattern": "^[-a-zA-Z0-9_]{1,60}$"},
                "format": {"type": "string", "enum": ["ndjson", "csv"]},
                "count": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 2**31,
                    "description": "Control total: line feeds in the file, that of a CSV's header included.",
                },
                "sha256": {"type": "string", "pattern": "^[0-9a-fA-F]{64}$", "description": "Control total."},
            },
        },
    }
}
