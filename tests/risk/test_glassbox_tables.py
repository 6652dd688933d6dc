"""The integer tables give what the fitted boosting models give."""

import numpy as np
import pytest

from risk.learning.fit.boxes import baseline, boxes, model_input
from risk.learning.fit.frame import Frame
from risk.learning.fit.glassbox import CompileError, check_tables, combine, fit_bag, fit_model, prepare
from risk.learning.fit.grid import encode
from risk.learning.fit.recipe import Growth, Plan, Recipe
from risk.learning.fit.tables import add_up
from risk.scoring.facade import Calibration
from tests.risk import synthetic


def fitted(recipe: Recipe) -> tuple[Plan, list[object], bytes]:
    frame, labels = synthetic.book()
    plan = prepare(frame, labels, seed=5, recipe=recipe)
    codes = encode(plan.grid, frame)
    models = [fit_model(codes, labels, plan, number) for number in range(recipe.bags)]
    return plan, models, combine(plan, [fit_bag(frame, labels, plan, number) for number in range(recipe.bags)])


def model_pd(plan: Plan, models: list[object], frame: Frame) -> np.ndarray:
    values = model_input(encode(plan.grid, frame))
    logits: np.ndarray = np.mean([model.decision_function(values) for model in models], axis=0)  # type: ignore[attr-defined]
    return np.asarray(1 / (1 + np.exp(-logits)))


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(bags=3, growths=(Growth(leaves=8, rounds=150),)),
        Recipe(bags=1, growths=(Growth(leaves=31, rounds=80),), monotone=True),
        Recipe(bags=2, growths=(Growth(leaves=6, rounds=80),), all_pairs_below=2, pairs=3, row_share=0.7, bins=12),
    ],
    ids=["all pairs", "monotone", "three pairs"],
)
def test_tables_agree_with_the_models_under_missing_unseen_and_huge_values(recipe: Recipe) -> None:
    plan, models, data = fitted(recipe)
    scorer = synthetic.load(data)
    frame = synthetic.stressed(30_000, scorer)
    said, served = model_pd(plan, models, frame), scorer.batch(frame.columns).pd(Calibration())
    assert float(np.abs(said - served).max()) <= 1e-5
    assert len(scorer.artefact.pairs) <= len(plan.pairs)
    assert served.std() > 0.05


def test_tables_that_differ_from_the_model_are_found() -> None:
    plan, models, _ = fitted(synthetic.QUICK)
    leaves = list(boxes(models[0], plan.sizes))
    start = baseline(models[0])
    check_tables(add_up(leaves, baseline=start, sizes=plan.sizes), models[0], plan)
    sides, value = leaves[7]
    for spoilt in (leaves[1:], [*leaves[:7], (sides, value + 1e-6), *leaves[8:]]):
        with pytest.raises(CompileError):
            check_tables(add_up(spoilt, baseline=start, sizes=plan.sizes), models[0], plan)


def test_mains_are_average_effects_and_pairs_have_none() -> None:
    scorer = synthetic.scorer()
    shares = [np.array(axis.share_ppm) / sum(axis.share_ppm) for axis in scorer.features]
    for main, share in zip(scorer.artefact.mains, shares, strict=True):
        assert abs(np.array(main) @ share) < 5
    for pair in scorer.artefact.pairs:
        table = np.array(pair.table)
        assert np.abs(table @ shares[pair.j]).max() < 5
        assert np.abs(shares[pair.i] @ table).max() < 5


def test_an_unknown_category_scores_as_a_missing_one() -> None:
    scorer = synthetic.scorer()
    rare = {"housing": "a boat"}
    assert scorer.row(rare, Calibration()).logit_micro == scorer.row({}, Calibration()).logit_micro
    assert scorer.row(rare, Calibration()).bins != scorer.row({}, Calibration()).bins
