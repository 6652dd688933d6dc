"""The model versions in use, by REST: which ones score the institution's customers, and how they were validated."""

from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from django.urls import path
from msgspec import Struct
from rest_framework.request import Request

from hub.api import Reply, Resource, endpoint
from hub.lists import page
from risk.scoring import monitored
from risk.scoring.models import ModelVersion

Owner = Literal["platform", "institution"]


class ValidationAnswer(Struct, frozen=True):
    """How a version was checked on loans that it had not seen; measures as decimal strings, null where none was taken.

    `kind` is out_of_time (the newest loans, from `cutoff`), held_out or folds.
    """

    kind: str | None
    cutoff: str | None
    rows: int | None
    tested_rows: int | None
    tested_bads: int | None
    auc: str | None
    ks: str | None
    brier: str | None
    log_loss: str | None
    ece: str | None


class ModelInUseAnswer(Struct, frozen=True):
    """A champion: the platform's own or the institution's. `since` is when it last became one."""

    id: UUID
    model_line: str
    number: int
    owner: Owner
    purpose: Literal["consumer", "sole_trader", "small_business"]
    jurisdiction: str
    sha256: str
    since: datetime | None
    created_at: datetime
    validation: ValidationAnswer


class ModelPage(Struct, frozen=True):
    """Some of the versions in use, the oldest first; `next` is the address of more, or null."""

    items: list[ModelInUseAnswer]
    next: str | None


MEASURES = ("auc", "ks", "brier", "log_loss", "ece")
MODEL_EXAMPLE: dict[str, Any] = {
    "id": "019ab1c2-0000-7000-8000-000000000001",
    "model_line": "consumer",
    "number": 3,
    "owner": "platform",
    "purpose": "consumer",
    "jurisdiction": "HK",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "since": "2026-10-01T08:00:00+00:00",
    "created_at": "2026-09-28T08:00:00+00:00",
    "validation": {
        "kind": "out_of_time", "cutoff": "2025-06-01", "rows": 120000, "tested_rows": 30000, "tested_bads": 2110,
        "auc": "0.782114", "ks": "0.431870", "brier": "0.058211", "log_loss": "0.214007", "ece": "0.004102",
    },
}  # fmt: skip


def validation_answer(report: dict[str, Any]) -> ValidationAnswer:
    """Return the gist of a validation report; what a report lacks is null."""
    measures = report.get("calibrated") or {}
    facts = [report.get(name) for name in ("kind", "cutoff", "rows", "tested_rows", "tested_bads")]
    shown = [f"{measures[name]:.6f}" if name in measures else None for name in MEASURES]
    return ValidationAnswer(*facts, *shown)


def model_answer(row: ModelVersion) -> ModelInUseAnswer:
    """Return a version as the API shows it."""
    line = row.line
    return ModelInUseAnswer(
        id=row.id, model_line=line.name, number=row.number,
        owner="institution" if line.institution_id else "platform",
        purpose=cast(Literal["consumer", "sole_trader", "small_business"], line.purpose),
        jurisdiction=line.jurisdiction, sha256=row.sha256, since=getattr(row, "since", None),
        created_at=row.created_at, validation=validation_answer(row.report),
    )  # fmt: skip


class Models(Resource):
    """The model versions in use."""

    @endpoint(
        scope="institution:read", answer=ModelPage, examples={"response": {"items": [MODEL_EXAMPLE], "next": None}}
    )
    def get(self, request: Request) -> Reply:
        """List the versions that score: champions of the platform's lines and of the institution's own.

        How each does on the institution's own book stands in its passport.
        """
        return page(request, monitored.versions().filter(state="champion"), model_answer)


urlpatterns = [path("models", Models.as_view(), name="models")]
