"""How good a training is on loans that it did not see, and the straight line that makes its logits probabilities.

With dates the last quarter of the loans is tested (out of time); without, a stratified quarter of large books
and five folds of small ones.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from risk.learning.assembly import TrainingSet
from risk.learning.evaluation import folds_of, split_at
from risk.learning.fit.frame import Labels, Rows
from risk.learning.fit.glassbox import fit_glassbox
from risk.learning.fit.metrics import mean_of, measure, reliability, roc
from risk.learning.fit.recipe import Recipe
from risk.scoring.facade import Calibration, load_artefact

REPORT_FORMAT = "luopan.validation/1"
TESTED_SHARE = 0.25
ONE_SPLIT_ROWS = 20_000
FOLDS = 5
TEST_CLASS_ROWS_MIN = 20
BARS = 30
MICRO = 1_000_000
# Of the slope and of the intercept (logits) of a calibration, before anything was seen.
PRIOR_DEVIATION = 0.15

Logits = NDArray[np.int64]
Split = tuple[Rows, Rows]


@dataclass(frozen=True, slots=True)
class Plan:
    """How a training is checked: `kind` is out_of_time, held_out or folds; `cutoff` the first tested day."""

    kind: str
    splits: list[Split]
    cutoff: date | None = None


def plan_checks(found: TrainingSet, *, seed: int) -> Plan:
    """The splits by which a training set is checked: the same set and seed give the same."""
    if found.time is not None:
        cutoff = float(np.quantile(found.time, 1 - TESTED_SHARE, method="higher"))
        split = _in_time(found.labels, found.time, cutoff)
        if split is not None:
            return Plan("out_of_time", [split], date.fromordinal(int(cutoff)))
    if len(found.labels) >= ONE_SPLIT_ROWS:
        return Plan("held_out", folds_of(found.labels, folds=round(1 / TESTED_SHARE), seed=seed)[:1])
    return Plan("folds", folds_of(found.labels, folds=FOLDS, seed=seed))


def _in_time(labels: Labels, time: NDArray[np.float64], cutoff: float) -> Split | None:
    try:
        split = split_at(labels, time, cutoff=cutoff)
    except ValueError:
        return None
    least = min(int(np.bincount(labels[part], minlength=2).min()) for part in split)
    return split if least >= TEST_CLASS_ROWS_MIN else None


def held_out_logits(found: TrainingSet, split: Split, *, seed: int, recipe: Recipe) -> Logits:
    """Micro-logits of the tested rows by a model that was fitted on the others."""
    train, test = split
    time = None if found.time is None else found.time[train]
    data = fit_glassbox(found.frame.take(train), found.labels[train], seed=seed, recipe=recipe, time=time)
    scorer = load_artefact(data, sha256=hashlib.sha256(data).hexdigest())
    return scorer.batch(found.frame.take(test).columns).logits


def calibration_of(logits: Logits, labels: Labels) -> Calibration:
    """The likeliest line given held-out rows (Platt 1999) and a normal prior around the identity, by Newton's method.

    The prior keeps few rows from moving it: without it, a few dozen bads move the level by a fifth in the mean, more
    than a model that is not calibrated at all is off. Left at the identity where it would turn the order round.
    """
    design = np.column_stack([logits / MICRO, np.ones(len(logits))])
    identity = np.array([1.0, 0.0])
    line, prior = identity, np.eye(2) / PRIOR_DEVIATION**2
    for _ in range(50):
        pd = 1 / (1 + np.exp(-np.clip(design @ line, -700, 700)))
        curvature = (design * (pd * (1 - pd))[:, None]).T @ design
        try:
            step = np.linalg.solve(curvature + prior, design.T @ (labels - pd) - prior @ (line - identity))
        except np.linalg.LinAlgError:
            return Calibration()
        line = line + step
        if float(np.abs(step).max()) < 1e-9:
            break
    slope, intercept = (float(part) for part in line)
    if not (isfinite(slope) and isfinite(intercept) and 0.05 < slope < 20 and abs(intercept) < 10):
        return Calibration()
    return Calibration(slope_micro=round(slope * MICRO), intercept_micro=round(intercept * MICRO))


def report_of(
    found: TrainingSet, plan: Plan, logits: Sequence[Logits], calibration: Calibration, *, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The validation report as JSON values, with some `facts` more.

    `measures` are the mean over the splits, before calibration.
    """
    parts = [found.labels[test] for _, test in plan.splits]
    raw = [probabilities(part, Calibration()) for part in logits]
    labels, served = np.concatenate(parts), probabilities(np.concatenate(logits), calibration)
    return {
        "format": REPORT_FORMAT,
        "kind": plan.kind,
        "cutoff": plan.cutoff.isoformat() if plan.cutoff else None,
        "splits": len(plan.splits),
        "rows": len(found.labels),
        "bads": int(found.labels.sum()),
        "tested_rows": len(labels),
        "tested_bads": int(labels.sum()),
        "immature_left_out": found.immature,
        "repeated_left_out": found.repeated,
        "measures": asdict(mean_of([measure(part, pd) for part, pd in zip(parts, raw, strict=True)])),
        "calibrated": asdict(measure(labels, served)),
        "calibration": {"slope_micro": calibration.slope_micro, "intercept_micro": calibration.intercept_micro},
        "roc": [[point.false_positive, point.true_positive] for point in roc(labels, served)],
        "reliability": [asdict(point) for point in reliability(labels, served)],
        "histogram": _histogram(labels, served),
        **facts,
    }


def probabilities(logits: Logits, calibration: Calibration) -> NDArray[np.float64]:
    """Probabilities of default of micro-logits, calibrated; the last bits may differ from those that are served."""
    line = (calibration.slope_micro / MICRO * logits + calibration.intercept_micro) / MICRO
    return 1 / (1 + np.exp(-np.clip(line, -30, 30)))


def _histogram(labels: Labels, pd: NDArray[np.float64]) -> dict[str, list[Any]]:
    """Goods and bads by logit of the served probability, in bars of equal width."""
    score = np.log(pd / (1 - pd))
    edges = np.linspace(score.min(), score.max() + 1e-9, BARS + 1)
    counts = [np.histogram(score[labels == value], bins=edges)[0].tolist() for value in (0, 1)]
    return {"edges": [round(float(edge), 4) for edge in edges], "goods": counts[0], "bads": counts[1]}
