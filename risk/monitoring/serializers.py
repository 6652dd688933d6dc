"""What the passport of a model version tells."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Literal, cast
from uuid import UUID

from msgspec import Struct

from risk.monitoring.models import Figure, MonitoringRun
from risk.scoring.facade import ModelView, Scorer

_MEASURES = ("auc", "ks", "brier", "log_loss", "ece")
Segment = Literal["", "grade", "channel", "feature", "vintage", "group"]


class PassportFeature(Struct, frozen=True):
    """A feature that the version reads. `direction` 1: more is riskier, -1: more is safer, 0: free."""

    name: str
    kind: Literal["number", "category"]
    unit: str
    direction: int


class PassportFigure(Struct, frozen=True):
    """One figure of the institution's own decisions, loans or books, as decimal strings, with its 95 % interval.

    `segment_kind` and `segment` say of which part it is, empty for the whole; `basis` on what basis group data stand
    (collected, voluntary, estimated). `beyond`: it is outside its limits by more than chance explains.
    """

    metric: str
    segment_kind: Segment
    segment: str
    source: Literal["decisions", "outcomes", "new book", "learned book"]
    basis: Literal["", "collected", "voluntary", "estimated"]
    value: str
    lower: str | None
    upper: str | None
    rows: int
    bads: int | None
    limit_low: str | None
    limit_high: str | None
    beyond: bool


class OwnBook(Struct, frozen=True):
    """How the version does on the institution's own book, as of the end of `day` (UTC)."""

    day: date
    figures: list[PassportFigure]


class PassportAnswer(Struct, frozen=True):
    """A model version that scores (`champion`) or scored (`retired`), and what is known of it.

    `measures` are those of the validation, on loans that it had not seen. `own_book` is null until the first night
    that the version was watched.
    """

    id: UUID
    model_line: str
    number: int
    state: Literal["champion", "retired"]
    owner: Literal["platform", "institution"]
    purpose: str
    jurisdiction: str
    sha256: str
    since: datetime | None
    validated: str | None
    tested_rows: int | None
    tested_bads: int | None
    measures: dict[str, str]
    features: list[PassportFeature]
    own_book: OwnBook | None


def passport_answer(
    model: ModelView, scorer: Scorer, run: MonitoringRun | None, figures: Iterable[Figure]
) -> PassportAnswer:
    """Return the passport; `run` is the newest that watched this version."""
    measures = model.report.get("calibrated") or {}
    features = [
        PassportFeature(axis.name, "category" if axis.size - 1 not in axis.real_bins else "number", axis.unit,
                        axis.direction)
        for axis in scorer.features
    ]  # fmt: skip
    return PassportAnswer(
        id=model.version_id, model_line=model.line_name, number=model.number,
        state=cast(Literal["champion", "retired"], model.state),
        owner="institution" if model.institution_id else "platform", purpose=model.purpose,
        jurisdiction=model.jurisdiction, sha256=model.sha256, since=model.since, validated=model.report.get("kind"),
        tested_rows=model.report.get("tested_rows"), tested_bads=model.report.get("tested_bads"),
        measures={name: _text(measures[name]) for name in _MEASURES if name in measures}, features=features,
        own_book=OwnBook(run.day, [_figure(one) for one in figures]) if run else None,
    )  # fmt: skip


def _figure(one: Figure) -> PassportFigure:
    plain = ("metric", "segment_kind", "segment", "source", "basis", "rows", "bads", "beyond")
    told: dict[str, Any] = {name: getattr(one, name) for name in plain}
    for name in ("value", "lower", "upper", "limit_low", "limit_high"):
        number = getattr(one, name)
        told[name] = None if number is None else _text(number)
    return PassportFigure(**told)


def _text(number: float) -> str:
    return f"{number:.6f}"


PASSPORT_EXAMPLE: dict[str, Any] = {
    "id": "019ab1c2-0000-7000-8000-000000000001",
    "model_line": "consumer",
    "number": 3,
    "state": "champion",
    "owner": "platform",
    "purpose": "consumer",
    "jurisdiction": "HK",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "since": "2026-10-01T08:00:00+00:00",
    "validated": "out_of_time",
    "tested_rows": 30000,
    "tested_bads": 2110,
    "measures": {"auc": "0.782114", "ks": "0.431870"},
    "features": [{"name": "monthly_income", "kind": "number", "unit": "HKD", "direction": -1}],
    "own_book": {
        "day": "2026-11-22",
        "figures": [
            {
                "metric": "calibration", "segment_kind": "", "segment": "", "source": "outcomes", "basis": "",
                "value": "1.042000", "lower": "0.911000", "upper": "1.187000", "rows": 3120, "bads": 214,
                "limit_low": "0.800000", "limit_high": "1.250000", "beyond": False,
            }
        ],
    },
}  # fmt: skip
