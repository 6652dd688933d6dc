"""What the console draws of versions and decision records: numbers and figures, ready for the templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from hub import audit, figures
from hub.audit import Actor
from hub.figures import Bin, Step
from risk.scoring import gates, services
from risk.scoring.affordability import Ability, view_of
from risk.scoring.computing import compute
from risk.scoring.flows import VERSION
from risk.scoring.glassbox import Scorecard, Scorer, Term, scorecard
from risk.scoring.glassbox.axis import Axis
from risk.scoring.models import Decision, ModelVersion, PolicyShift

MICRO = 1_000_000
STEPS_MAX = 12
MEASURES = {
    "auc": ("AUC", "How often a bad loan scores worse than a good one: .5 is chance, 1 is perfect."),
    "ks": ("KS", "The greatest gap between the two distributions of the score."),
    "brier": ("Brier", "The mean squared error of the probabilities; smaller is better."),
    "log_loss": ("Log loss", "How surprising the outcomes were; smaller is better."),
    "ece": ("ECE", "The mean gap between predicted and observed rates in 15 bins; smaller is better."),
}
_KINDS = {
    "out_of_time": "on the newest quarter of the loans, which it did not see",
    "held_out": "on a quarter of the loans, which it did not see",
    "folds": "on each fifth of the loans by a model that saw the other four",
}
_DIRECTIONS = {1: "more is riskier", -1: "more is safer", 0: "free"}


def validation(version: ModelVersion) -> dict[str, Any]:
    """Return the context of the validation part: measures, figures and facts of the report."""
    report: Mapping[str, Any] = version.report
    served: Mapping[str, float] = report.get("calibrated") or report.get("measures") or {}
    return {
        "measures": [(*MEASURES[name], f"{served[name]:.4f}") for name in MEASURES if name in served],
        "how": validation_kind(report),
        "report": report,
        "figures": _report_figures(report, served),
    }


def validation_kind(report: Mapping[str, Any]) -> str:
    """Return on which loans a version was tested, in words; empty where the report does not say."""
    return _KINDS.get(report.get("kind") or "", "")


def _report_figures(report: Mapping[str, Any], served: Mapping[str, float]) -> list[tuple[figures.Figure, str]]:
    drawn = []
    if points := report.get("roc"):
        about = f"Area under the curve {served.get('auc', 0):.4f}."
        title = "ROC curve"
        labels = {"x_label": "Good loans flagged", "y_label": "Bad loans flagged"}
        curve = figures.curve([(x, y) for x, y in points], title=title, about=about, **labels)
        drawn.append((curve, "Bad loans found against good loans flagged, for every cut-off."))
    if bins := report.get("reliability"):
        points = [Bin(one["predicted"], one["observed"], one["rows"]) for one in bins]
        drawn.append((figures.reliability(points, title="Calibration"), "On the diagonal the probabilities are true."))
    if shape := report.get("histogram"):
        counts = [good + bad for good, bad in zip(shape["goods"], shape["bads"], strict=True)]
        bars = figures.histogram(shape["edges"], counts, title="Scores", x_label="Log-odds of default")
        drawn.append((bars, "How the tested loans spread over the scores."))
    return drawn


@dataclass(frozen=True, slots=True)
class FeatureLine:
    """One feature of a version in the table of features; `weight` is its mean absolute effect in log-odds."""

    name: str
    kind: str
    direction: str
    bins: int
    missing_percent: float
    weight: float


def features(version: ModelVersion) -> list[FeatureLine]:
    """Return the features of a version, the weightiest first; loads the artefact."""
    scorer = services.scorer_of(version)
    directions = {one["name"]: one.get("direction", 0) for one in version.report.get("features", [])}
    lines = [
        _feature_line(axis, main, directions.get(axis.name, 0))
        for axis, main in zip(scorer.features, scorer.artefact.mains, strict=True)
    ]
    return sorted(lines, key=lambda line: (-line.weight, line.name))


def _feature_line(axis: Axis, main: Sequence[int], direction: int) -> FeatureLine:
    shares = [ppm / MICRO for ppm in axis.share_ppm]
    weight = sum(share * abs(micro) for share, micro in zip(shares, main, strict=False)) / MICRO
    kind = type(axis).__name__.removesuffix("Axis").lower()
    return FeatureLine(axis.name, kind, _DIRECTIONS[direction], len(main) - 2, 100 * shares[0], weight)


def points(version: ModelVersion) -> Scorecard | None:
    """Return a version's points, where it is one that points can tell."""
    return scorecard(services.scorer_of(version), version.calibration)


def decision(row: Decision, *, actor: Actor, now: datetime) -> dict[str, Any]:
    """Return the context of an opened decision record, and write into the audit who looked. `Erased` if gone."""
    opened = services.open_decision(row)
    scorer = services.scorer_of(row.version)
    score = compute(scorer, opened.sealed.features, row.version.calibration)
    audit.record(
        actor=actor, action="decision.viewed", subject_type="decision", subject_id=row.id,
        institution_id=row.institution_id, now=now,
    )  # fmt: skip
    reasons = opened.sealed.reasons
    return {
        "waterfall": _waterfall(scorer, scorer.terms(score), opened.sealed.features),
        "calibrated": f"{row.version.calibration.apply(score.logit_micro) / MICRO:+.2f}",
        "pd": f"{score.pd:.2%}",
        "reasons": [
            (one.feature, _shown(one.value), _shown(one.best_value), one.lost_micro / MICRO) for one in reasons
        ],
        "features": [(name, _shown(value)) for name, value in sorted(opened.sealed.features.items())],
        "affordability": _affordability(opened.sealed.affordability),
        "evidence": opened.sealed.evidence,
    }


def _affordability(ability: Ability | None) -> list[tuple[str, object]]:
    if ability is None:
        return []
    shown = msgspec.structs.asdict(view_of(ability))
    return [(name.replace("_", " "), "unknown" if value is None else value) for name, value in shown.items()]


def _waterfall(scorer: Scorer, terms: Sequence[Term], values: Mapping[str, Any]) -> figures.Figure:
    moved = sorted((term for term in terms if term.micro), key=lambda term: (-abs(term.micro), term.features))
    steps = [Step(_label(term, values), term.micro / MICRO) for term in moved[:STEPS_MAX]]
    if rest := moved[STEPS_MAX:]:
        steps.append(Step(f"{len(rest)} smaller ones", sum(term.micro for term in rest) / MICRO))
    title = "How this score came about"
    return figures.waterfall(scorer.intercept_micro / MICRO, steps, title=title, unit="log-odds of default")


def _label(term: Term, values: Mapping[str, Any]) -> str:
    if len(term.features) > 1:
        return " × ".join(term.features)
    return f"{term.features[0]} = {_shown(values.get(term.features[0]))}"


def _shown(value: float | str | None) -> str:
    if value is None:
        return "missing"
    return f"{value:,.6g}" if isinstance(value, float | int) else value


def approvals(version: ModelVersion) -> list[tuple[str, datetime, str]]:
    """Return who approved a version, when, and with which waiver."""
    return [(str(one.user_id), one.at, one.waiver) for one in version.approvals.order_by("at")]


def history(version: ModelVersion) -> list[tuple[datetime, str]]:
    """Return when the version became champion, and how."""
    rows = version.promotions.order_by("at")
    return [(one.at, "put back" if one.rolled_back else "promoted") for one in rows]


def shifts(version: ModelVersion, *, now: datetime) -> dict[str, Any]:
    """Return the context of what a version would change, or would have changed, under the live credit policies."""
    waiting = gates.gates(version, now=now) if version.state == VERSION.first else []
    return {"shifts": PolicyShift.visible(version.id), "gates": waiting}
