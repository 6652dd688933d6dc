"""One row with all contributions and exact reasons, against probabilities with explanations of others.

Run as `python -m tests.benchmarks.scorer`. 30 features; the peer is histogram boosting with 300 trees of 31 leaves,
ours 30 main and 20 pair tables fitted on the same rows. `sklearn_shap`: its probability and SHAP values; `onnx_shap`:
the probability by ONNX Runtime; `lightgbm_contrib`: LightGBM of the same size, probability and contributions. One
thread, interleaved, medians of several runs. Then the same for many rows at once (contributions, no reasons; SHAP of a
sample), and the artefact's size and loading time.
"""

import hashlib
import os
import sys
import time
from collections.abc import Callable

os.environ["OMP_NUM_THREADS"] = "1"

import lightgbm
import msgspec
import numpy as np
import onnxruntime
import shap
from skl2onnx import to_onnx
from sklearn.ensemble import HistGradientBoostingClassifier

from risk.features.facade import Feature
from risk.learning.fit.frame import Frame
from risk.learning.fit.glassbox import fit_glassbox
from risk.learning.fit.recipe import Growth, Recipe
from risk.scoring.facade import Calibration, Scorer, load_artefact
from tests.benchmarks.common import interleave, median, percentile, print_line

FEATURES = 30
PAIRS = 20
TREES, LEAVES = 300, 31
ROWS = 20_000
RUNS = 7
ROUNDS = 30
BURST = 10
BATCH_ROWS = int(os.environ.get("BENCH_BATCH_ROWS", "1000000"))
BATCH_PART = 100_000
BATCH_ROUNDS = 3
SHAP_ROWS = 300


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


def measure_batch(
    scorer: Scorer, peer: HistGradientBoostingClassifier, explainer: shap.TreeExplainer, rows: np.ndarray
) -> dict[str, float]:
    """Seconds a row: ours with contributions, the peer's probabilities, the peer's SHAP values (of a sample)."""
    parts = [rows[np.arange(start, start + BATCH_PART) % len(rows)] for start in range(0, BATCH_ROWS, BATCH_PART)]
    columns = [dict(zip(scorer.names, np.ascontiguousarray(part.T), strict=True)) for part in parts]

    def ours() -> None:
        for part in columns:
            scorer.batch(part, contributions=True)

    def sklearn() -> None:
        for part in parts:
            peer.predict_proba(part)

    def a_row(act: Callable[[], object], count: int) -> float:
        began = time.perf_counter()
        act()
        return (time.perf_counter() - began) / count

    total = BATCH_PART * len(parts)
    taken: dict[str, list[float]] = {"ours": [], "sklearn": [], "shap": []}
    for _ in range(BATCH_ROUNDS):
        taken["ours"].append(a_row(ours, total))
        taken["sklearn"].append(a_row(sklearn, total))
        taken["shap"].append(a_row(lambda: explainer.shap_values(rows[:SHAP_ROWS]), SHAP_ROWS))
    return {name: median(values) for name, values in taken.items()}


def mismatches(scorer: Scorer, given: list[dict[str, float]], calibration: Calibration) -> int:
    """Rows whose logit or reasons are not the same alone and among others."""
    columns = {name: [row[name] for row in given] for name in scorer.names}
    batch = scorer.batch(columns, contributions=True)
    alone = [scorer.row(row, calibration) for row in given]
    found = zip(alone, batch.logits.tolist(), scorer.batch_reasons(columns, batch), strict=True)
    return sum(one.logit_micro != logit or repr(scorer.reasons(one)) != repr(reasons) for one, logit, reasons in found)


def make_onnx(peer: HistGradientBoostingClassifier, rows: np.ndarray) -> Callable[[np.ndarray], object]:
    """The peer's probabilities by ONNX Runtime, one thread."""
    model = to_onnx(peer, rows[:1].astype(np.float32), options={"zipmap": False})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda row: session.run(None, {name: row.astype(np.float32)})


def make_lightgbm(rows: np.ndarray, labels: np.ndarray) -> lightgbm.Booster:
    """A peer of the same size."""
    settings = {"objective": "binary", "num_leaves": LEAVES, "num_threads": 1, "seed": 1, "verbose": -1}
    return lightgbm.train(settings, lightgbm.Dataset(rows, labels), num_boost_round=TREES)


def make_peers(
    peer: HistGradientBoostingClassifier, explainer: shap.TreeExplainer, rows: np.ndarray, labels: np.ndarray
) -> dict[str, Callable[[int], object]]:
    """What explains row `number`, by the ratio that it gives."""
    onnx, booster = make_onnx(peer, rows), make_lightgbm(rows, labels)

    def sklearn_shap(number: int) -> object:
        row = rows[number : number + 1]
        return peer.predict_proba(row), explainer.shap_values(row)

    def onnx_shap(number: int) -> object:
        row = rows[number : number + 1]
        return onnx(row), explainer.shap_values(row)

    def lightgbm_contrib(number: int) -> object:
        row = rows[number : number + 1]
        return booster.predict(row, num_threads=1), booster.predict(row, num_threads=1, pred_contrib=True)

    return {"sklearn_shap": sklearn_shap, "onnx_shap": onnx_shap, "lightgbm_contrib": lightgbm_contrib}


def loading_ms(data: bytes) -> float:
    """How long the artefact takes to load."""
    taken = []
    for _ in range(RUNS):
        began = time.perf_counter()
        load_artefact(data, sha256=hashlib.sha256(data).hexdigest())
        taken.append(1000 * (time.perf_counter() - began))
    return median(taken)


def main() -> None:
    """Fit all, measure, print."""
    rows, labels = make_book()
    scorer = fit_scorer(rows, labels)
    if (len(scorer.features), len(scorer.artefact.pairs)) != (FEATURES, PAIRS):
        sys.exit("The glass box has not the size that is measured.")
    peer = HistGradientBoostingClassifier(max_iter=TREES, max_leaf_nodes=LEAVES, early_stopping=False, random_state=1)
    peer.fit(rows, labels)
    explainer = shap.TreeExplainer(peer)
    given = [dict(zip(scorer.names, row, strict=True)) for row in rows[: ROUNDS * BURST].tolist()]
    calibration = Calibration(slope_micro=980_000, intercept_micro=12_000)

    def ours(number: int) -> object:
        score = scorer.row(given[number], calibration)
        return score.pd_12m, scorer.reasons(score, limit=4)

    def score_only(number: int) -> object:
        return scorer.row(given[number], calibration)

    peers = make_peers(peer, explainer, rows, labels)
    paths = {"ours": ours, **peers, "score_only": score_only}
    runs = [interleave(paths, rounds=ROUNDS, burst=BURST) for _ in range(RUNS + 1)][1:]
    middle = {name: [median(run[name]) for run in runs] for name in paths}
    many = measure_batch(scorer, peer, explainer, rows)
    ratios = {
        name: round(median([theirs / mine for theirs, mine in zip(middle[name], middle["ours"], strict=True)]), 1)
        for name in peers
    }
    ratios |= {f"batch_{name}": round(many[name] / many["ours"], 2) for name in many if name != "ours"}
    data, all_ours = msgspec.json.encode(scorer.artefact), [value for run in runs for value in run["ours"]]
    print_line(
        "scorer", 1000 * median(middle["ours"]), "us/row with contributions and reasons", ratios=ratios,
        batch_rows_per_s=round(1 / many["ours"]), mismatches=mismatches(scorer, given, calibration),
        artefact_bytes=len(data), load_ms=round(loading_ms(data), 2), p50_ms=round(percentile(all_ours, 0.5), 4),
        p99_ms=round(percentile(all_ours, 0.99), 4), runs=RUNS, score_us=round(1000 * median(middle["score_only"]), 1),
        sklearn_shap_ms=round(median(middle["sklearn_shap"]), 3),
    )  # fmt: skip


if __name__ == "__main__":
    main()
