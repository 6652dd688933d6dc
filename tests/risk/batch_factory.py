"""Files of people to be scored, for tests: the small champion of `registry_factory`, and lines that it takes."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from hub.audit import Actor, client_actor
from hub.clock import now
from hub.tenancy import tenant_scope
from risk.scoring import batches
from risk.scoring.batch_models import BatchLine, ScoreBatch
from risk.scoring.batch_scoring import score_batch

BANK = uuid4()
ACTOR: Actor = client_actor("bank-1")
HOUSING = ("own", "rent", "family")


def line(number: int, **changes: Any) -> dict[str, Any]:
    """A line as NDJSON has it; `changes` replace parts of it."""
    consent = {"reference": f"c-{number}", "text_version": "2026-01", "given_at": "2026-01-05T09:00:00+08:00"}
    features = {"income": 5_000.0 + 100 * number, "utilisation": number % 100 + 0.25, "housing": HOUSING[number % 3]}
    return {"person_reference": f"p-{number}", "consent": consent, "features": features, **changes}


def ndjson(lines: Sequence[Any]) -> bytes:
    """Lines as a file; a text stands for itself."""
    return b"".join((one if isinstance(one, str) else json.dumps(one)).encode() + b"\n" for one in lines)


def as_csv(lines: Sequence[dict[str, Any]]) -> bytes:
    """The same as a CSV with all columns."""
    parts = ("reference", "text_version", "given_at", "expires_at")
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n").writerow
    names = ("income", "utilisation", "housing")
    write(["person_reference", *(f"consent.{part}" for part in parts), *(f"features.{name}" for name in names)])
    for one in lines:
        cells = [one["consent"].get(part, "") for part in parts] + [one["features"].get(name, "") for name in names]
        write([one["person_reference"], *cells])
    return text.getvalue().encode()


def hand_in(
    content: bytes, format_: str = "ndjson", *, bank: UUID = BANK, line_name: str = "consumer", **totals: Any
) -> ScoreBatch:
    """Take a file in."""
    with tenant_scope(bank):
        return batches.receive(
            institution_id=bank, line_name=line_name, chunks=[content], format_=format_,
            totals=batches.ControlTotals(**totals), actor=ACTOR, now=now(),
        )  # fmt: skip


def scored(content: bytes, format_: str = "ndjson", *, bank: UUID = BANK) -> ScoreBatch:
    """Take a file in and score it to its end."""
    return score_batch(institution_id=bank, batch_id=hand_in(content, format_, bank=bank).id, clock=now)


def results(batch: ScoreBatch) -> list[BatchLine]:
    """What became of its lines, in their order."""
    with tenant_scope(batch.institution_id):
        return list(BatchLine.objects.filter(batch_id=batch.id).order_by("line_no"))
