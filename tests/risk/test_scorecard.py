"""The scorecard: its classes, its weights, its points, and that it is served like any other version."""

import hashlib
from math import log

import numpy as np
import pytest

from risk.features.facade import Feature
from risk.learning.fit.frame import Frame, Labels
from risk.learning.fit.glassbox import fit_glassbox
from risk.learning.fit.metrics import auc
from risk.learning.fit.recipe import Growth, Recipe
from risk.learning.fit.scorecard import CLASSES_MAX, classed_grid, weights_of_evidence
from risk.scoring.facade import Calibration, Scorer, load_artefact
from risk.scoring.glassbox import scorecard

CARD = Recipe(learner="scorecard", bags=1)
BOX = Recipe(bags=1, growths=(Growth(leaves=4, rounds=80),))


def book(rows: int = 8_000, seed: int = 1) -> tuple[Frame, Labels]:
    """Risk rises with `debt`, falls with `income`, is least in the middle of `age_of_firm`; `noise` tells nothing."""
    rng = np.random.default_rng(seed)
    debt, income, firm, noise = rng.normal(size=(4, rows))
    homes = np.array(["own", "rent", "family", "other"], dtype=object)
    home = rng.integers(0, 4, rows)
    logit = debt - 0.7 * income + np.abs(firm) + np.array([-0.5, 0.5, 0.0, 0.5])[home] - 3
    labels = (rng.uniform(size=rows) < 1 / (1 + np.exp(-logit))).astype(np.int8)
    debt[rng.uniform(size=rows) < 0.08] = np.nan
    features = (
        Feature("debt", "number", direction=1), Feature("income", "number", direction=-1),
        Feature("firm", "number"), Feature("noise", "number"), Feature("home", "category"),
    )  # fmt: skip
    return Frame(features, {"debt": debt, "income": income, "firm": firm, "noise": noise, "home": homes[home]}), labels


def card(frame: Frame, labels: Labels, recipe: Recipe = CARD) -> Scorer:
    data = fit_glassbox(frame, labels, seed=1, recipe=recipe)
    return load_artefact(data, sha256=hashlib.sha256(data).hexdigest())


def test_the_classes_are_few_large_and_in_the_feature_s_direction() -> None:
    frame, labels = book()
    for axis in classed_grid(frame, labels):
        codes = axis.encode(frame.columns[axis.name])
        rows = np.bincount(codes, minlength=axis.codes)[1:]
        rates = np.bincount(codes, weights=labels, minlength=axis.codes)[1:] / rows
        assert len(rows) <= CLASSES_MAX
        assert rows.min() >= 0.05 * len(labels)
        if axis.direction:
            assert (axis.direction * np.diff(rates) > 0).all()
    grid = {axis.name: axis for axis in classed_grid(frame, labels)}
    assert grid["noise"].codes <= 3
    assert sorted(map(sorted, grid["home"].groups)) == [["family"], ["other", "rent"], ["own"]]


def test_weights_of_evidence_by_hand() -> None:
    labels = np.array([0] * 60 + [1] * 4 + [0] * 40 + [1] * 16, dtype=np.int8)
    codes = np.array([1] * 64 + [2] * 56, dtype=np.uint8)
    found = weights_of_evidence(codes, labels, 4)
    assert found[1] == pytest.approx(log(60.5 / 100.5) - log(4.5 / 20.5))
    assert found[2] == pytest.approx(log(40.5 / 100.5) - log(16.5 / 20.5))
    assert found[[0, 3]].tolist() == [0.0, 0.0]


def test_it_is_the_regression_over_the_weights_and_leaves_noise_out() -> None:
    frame, labels = book()
    found = card(frame, labels)
    mains = dict(zip(found.names, found.artefact.mains, strict=True))
    assert not any(mains["noise"])
    assert all(any(mains[name]) for name in ("debt", "income", "firm", "home"))
    assert found.artefact.pairs == []
    said = found.batch(frame.columns).pd(Calibration())
    assert abs(float(said.mean()) - float(labels.mean())) < 1e-4  # the regression's own balance
    assert np.diff(mains["debt"][1:]).min() > 0 > np.diff(mains["income"][1:]).max()


def test_it_ranks_unseen_people_nearly_as_the_glass_box_does() -> None:
    frame, labels = book()
    unseen, truth = book(seed=2)
    by_card = auc(truth, card(frame, labels).batch(unseen.columns).pd(Calibration()))
    by_box = auc(truth, card(frame, labels, BOX).batch(unseen.columns).pd(Calibration()))
    assert by_card > by_box - 0.02
    assert by_card > 0.75


def test_nothing_to_tell_gives_everybody_the_same() -> None:
    frame, labels = book()
    shuffled = np.random.default_rng(3).permutation(labels)
    said = card(frame, shuffled).batch(frame.columns).pd(Calibration())
    assert float(np.ptp(said)) < 0.05


def test_the_points_are_the_log_odds_to_the_rounding() -> None:
    frame, labels = book()
    found, line = card(frame, labels), Calibration(900_000, 50_000)
    points = scorecard(found, line)
    assert points is not None
    table = {(one.feature, one.label): one.points for one in points.attributes}
    for at in range(50):
        row = {name: frame.columns[name][at] for name in found.names}
        score = found.row(row, line)
        got = points.base + sum(
            table.get((axis.name, axis.label(index)), 0) for axis, index in zip(found.features, score.bins, strict=True)
        )
        odds = (1 - score.pd) / score.pd
        assert got == pytest.approx(600 + 20 * log(odds / 50) / log(2), abs=0.5 * (1 + len(found.names)))
    assert scorecard(card(frame, labels, BOX), line) is None


def test_the_same_book_gives_the_same_bytes() -> None:
    frame, labels = book(2_000)
    assert fit_glassbox(frame, labels, seed=1, recipe=CARD) == fit_glassbox(frame, labels, seed=1, recipe=CARD)
