"""What the console draws of a watched line: figures over time, calibration, ranking, features, fairness, alerts."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from hub import figures
from hub.figures import Bin, Range
from hub.records import Part
from risk.monitoring import queries
from risk.monitoring.models import Figure, MonitoringRun

NIGHTS_SHOWN = 60
_OVER_TIME = ("psi", "approval_rate", "auc", "calibration", "differing")
_NAMES = dict(Figure.METRICS)
Drawn = tuple[figures.Figure, str]  # with its caption
_SOURCES = {
    "decisions": "decisions of the last 30 days", "outcomes": "loans that turned out", "new book": "loan books that it "
    "has not learned from", "learned book": "loan books that it has learned from",
}  # fmt: skip


def parts_of_line(line_id: UUID, owner_id: UUID | None) -> list[Part]:
    """The sections about monitoring on a line's page: of the platform's whole line, or of its owner's."""
    run = queries.newest_run(line_id=line_id)
    if run is None:
        return [Part("Watched every night", "monitoring/none.html", {})]
    found = list(queries.figures_of(run, institution_id=owner_id))
    return [
        Part("Alerts", "monitoring/alerts.html", {"run": run, "alerts": queries.open_alerts(line_id=line_id)}),
        Part("Over time", "monitoring/time.html", {"figures": _over_time(line_id, owner_id, found)}),
        Part("Calibration and ranking", "monitoring/quality.html", _quality(found)),
        Part("Who comes", "monitoring/features.html", {"rows": _features(found)}),
        Part("Fairness", "monitoring/fairness.html", _fairness(found)),
        Part("By institution", "monitoring/institutions.html", {"rows": _institutions(run)}),
    ]


def table(found: Iterable[Figure]) -> list[dict[str, Any]]:
    """Rows for the template of figures."""
    return [
        {
            "name": _NAMES[one.metric], "segment": one.segment, "value": f"{one.value:.3f}",
            "interval": _interval(one), "limits": _limits(one), "rows": one.rows, "bads": one.bads,
            "basis": one.basis, "source": _SOURCES[one.source], "beyond": one.beyond,
        }
        for one in found
    ]  # fmt: skip


def _interval(one: Figure) -> str:
    return "" if one.lower is None or one.upper is None else f"{one.lower:.3f} to {one.upper:.3f}"


def _limits(one: Figure) -> str:
    shown = [f"{limit:.2f}" for limit in (one.limit_low, one.limit_high) if limit is not None]
    if one.limit_low is not None and one.limit_high is not None:
        return " to ".join(shown)
    return f"at least {shown[0]}" if one.limit_low is not None else f"at most {shown[0]}" if shown else "none"


def _over_time(line_id: UUID, owner_id: UUID | None, found: Sequence[Figure]) -> list[Drawn]:
    rows = queries.over_time(line_id=line_id, institution_id=owner_id, metrics=_OVER_TIME, runs=NIGHTS_SHOWN)
    drawn = []
    for metric in _OVER_TIME:
        points = [(day.isoformat(), value) for day, name, value in rows if name == metric]
        newest = next((one for one in found if one.metric == metric and not one.segment_kind), None)
        limits = [one for one in (newest.limit_low, newest.limit_high) if one is not None] if newest else []
        if points:
            drawn.append((figures.series(points, title=_NAMES[metric], limits=limits), _NAMES[metric]))
    return drawn


def _quality(found: Sequence[Figure]) -> dict[str, Any]:
    metrics = (
        "calibration", "slope", "intercept", "auc", "glass_cost", "differing", "overridden", "approval_rate", "psi",
    )  # fmt: skip
    wanted = [one for one in found if one.metric in metrics and one.segment_kind != "vintage"]
    drawn = [
        (figures.reliability(_bins(one), title=title), title)
        for one in wanted
        if one.details.get("reliability") and (title := f"Reliability: {_SOURCES[one.source]}")
    ]
    vintages = [_range(one, one.segment) for one in found if one.segment_kind == "vintage"]
    if vintages:
        title = "AUC by month of opening"
        drawn.append((figures.intervals(vintages, title=title), title))
    return {"figures": drawn, "rows": table(wanted)}


def _bins(one: Figure) -> list[Bin]:
    return [Bin(part["predicted"], part["observed"], part["rows"]) for part in one.details["reliability"]]


def _range(one: Figure, label: str) -> Range:
    lower, upper = (one.value if end is None else end for end in (one.lower, one.upper))
    return Range(label, one.value, lower, upper)


def _features(found: Sequence[Figure]) -> list[dict[str, Any]]:
    rows = sorted((one for one in found if one.metric == "csi"), key=lambda one: -one.value)
    return [
        {**shown, "trained": one.details.get("missing_trained", 0) * 100, "now": one.details.get("missing", 0) * 100}
        for one, shown in zip(rows, table(rows), strict=True)
    ]


def _fairness(found: Sequence[Figure]) -> dict[str, Any]:
    rows = [one for one in found if one.metric in ("impact_ratio", "mean_difference")]
    drawn = []
    for metric, ideal in (("impact_ratio", 1.0), ("mean_difference", 0.0)):
        for source in ("new book", "learned book"):
            mine = [_range(one, one.segment) for one in rows if (one.metric, one.source) == (metric, source)]
            if mine:
                title = f"{_NAMES[metric]}: {_SOURCES[source]}"
                drawn.append((figures.intervals(mine, title=title, ideal=ideal), title))
    return {"figures": drawn, "rows": table(rows), "alternatives": [_alternative(one) for one in found
                                                                    if one.metric == "alternative"]}  # fmt: skip


def _alternative(one: Figure) -> dict[str, Any]:
    steps = one.details["steps"]
    return {
        "groups": one.segment, "source": _SOURCES[one.source], "basis": one.basis,
        "cut": f"{one.details['pd_below']:.0%}", "before": f"{one.details['before']:.3f}",
        "steps": [
            {"without": ", ".join(step["without"]), "ratio": f"{step['impact_ratio']:.3f}",
             "lost": f"{step['auc_lost']:.4f}", "most": f"{step['auc_lost_at_most']:.4f}"} for step in steps
        ],
    }  # fmt: skip


def _institutions(run: MonitoringRun) -> list[dict[str, Any]]:
    wanted = ("psi", "approval_rate", "auc", "calibration", "differing")
    others = run.figures.filter(segment_kind="", metric__in=wanted).exclude(institution_id=run.institution_id)
    return [
        {**shown, "institution_id": one.institution_id}
        for one, shown in zip(others, table(others), strict=True)
        if one.institution_id is not None
    ]
