"""One row with all contributions and exact reasons, against scikit-learn's probability with SHAP values.

Run as `python -m tests.benchmarks.scorer`. 30 features; the peer is histogram boosting with 300 trees of 31 leaves,
ours 30 main and 20 pair tables fitted on the same rows. One thread, interleaved, medians of several runs.
"""

import hashlib
import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
import shap
from sklearn.ensemble import HistGradientBoostingClassifier

from risk.features.facade import Feature
from risk.learning.fit.frame import Frame
from risk.learning.fit.glassbox import fit_glassbox
from risk.learning.fit.recipe import Growth, Recipe
from risk.scoring.facade import Calibration, Scorer, load_artefact
from tests.benchmarks.common import interleave, median, percentile, print_line

FEATURES = 30
PAIRS = 20
ROWS = 20_000
RUNS = 7
ROUNDS = 30
BURST = 10


def make_book() -> tuple[np.ndarray, np.ndarray]:
    """Rows of 30 numbers, a tenth missing in every third column, and labels that depend on pairs too."""
    rng = np.random.default_rng(7)
    rows = rng.normal(size=(ROWS, FEATURES))
    logits = rows @ rng.normal(scale=0.3, size=FEATURES) - 1.5
    for i, j in rng.integers(0, FEATURES, (25, 2)):
        logits += 0.3 * np.sin(rows[:, i]) * rows[:, j]
    labels = (rng.random(ROWS) < 1 / (1 + np.exp(-logits))).astype(np.int8)
    rows[:, ::3][rng.random((ROWS, FEATURES // 3)) < 0.1] = np.nan
    return rows, labels


def fit_scorer(rows: np.ndarray, labels: np.ndarray) -> Scorer:
    """The glass box of the book, loaded as it is served."""
    names = [f"feature_{at:02d}" for at in range(FEATURES)]
    frame = Frame(tuple(Feature(name, "number") for name in names), dict(zip(names, rows.T.copy(), strict=True)))
    recipe = Recipe(pairs=PAIRS, growths=(Growth(leaves=8, rounds=300),))
    data = fit_glassbox(frame, labels, seed=1, recipe=recipe)
    return load_artefact(data, sha256=hashlib.sha256(data).hexdigest())


def main() -> None:
    """Fit both, measure, print."""
    rows, labels = make_book()
    scorer = fit_scorer(rows, labels)
    if (len(scorer.features), len(scorer.artefact.pairs)) != (FEATURES, PAIRS):
        sys.exit("The glass box has not the size that is measured.")
    peer = HistGradientBoostingClassifier(max_iter=300, max_leaf_nodes=31, early_stopping=False, random_state=1)
    peer.fit(rows, labels)
    explainer = shap.TreeExplainer(peer)
    given = [dict(zip(scorer.names, row, strict=True)) for row in rows[: ROUNDS * BURST].tolist()]
    calibration = Calibration(slope_micro=980_000, intercept_micro=12_000)

    def ours(number: int) -> object:
        score = scorer.row(given[number], calibration)
        return score.pd_12m, scorer.reasons(score, limit=4)

    def sklearn_shap(number: int) -> object:
        row = rows[number : number + 1]
        return peer.predict_proba(row), explainer.shap_values(row)

    def score_only(number: int) -> object:
        return scorer.row(given[number], calibration)

    paths = {"ours": ours, "sklearn_shap": sklearn_shap, "score_only": score_only}
    runs = [interleave(paths, rounds=ROUNDS, burst=BURST) for _ in range(RUNS + 1)][1:]
    middle = {name: [median(run[name]) for run in runs] for name in paths}
    ratios = [peer_ms / ours_ms for peer_ms, ours_ms in zip(middle["sklearn_shap"], middle["ours"], strict=True)]
    all_ours = [value for run in runs for value in run["ours"]]
    print_line(
        "scorer",
        1000 * median(middle["ours"]),
        "us/row with contributions and reasons",
        ratios={"sklearn_shap": round(median(ratios), 1)},
        p50_ms=round(percentile(all_ours, 0.5), 4),
        p99_ms=round(percentile(all_ours, 0.99), 4),
        runs=RUNS,
        score_us=round(1000 * median(middle["score_only"]), 1),
        sklearn_shap_ms=round(median(middle["sklearn_shap"]), 3),
    )


if __name__ == "__main__":
    main()
