"""Choices inside a training set: on its latest part where time is known, and never with held-back rows in hand."""

import numpy as np
import pytest

from risk.features.facade import Feature
from risk.learning.fit.choice import best_pairs, best_rounds, held_back_splits
from risk.learning.fit.frame import Frame
from risk.learning.fit.glassbox import fit_bag, fit_glassbox, prepare
from risk.learning.fit.grid import encode, make_grid
from risk.learning.fit.recipe import Growth, Recipe, recipe_for
from tests.risk import synthetic

TRIED = Recipe(bags=1, growths=(Growth(leaves=4), Growth(leaves=8)), max_rounds=80)


def test_with_time_the_latest_rows_are_held_back_whatever_their_place() -> None:
    time = np.random.default_rng(1).permutation(1000).astype(np.float64)
    labels = (np.arange(1000) % 2).astype(np.int8)
    ((fit, check),) = held_back_splits(labels, features=5, seed=1, held_back=0.25, time=time)
    assert sorted(time[check]) == list(range(750, 1000))
    assert len(fit) == 750


def test_rows_of_one_moment_are_not_split() -> None:
    time = np.repeat([1.0, 2.0, 3.0], [50, 30, 20])
    labels = (np.arange(100) % 2).astype(np.int8)
    ((fit, check),) = held_back_splits(labels, features=5, seed=1, held_back=0.25, time=time)
    assert (set(time[fit]), set(time[check])) == ({1.0}, {2.0, 3.0})


def test_a_missing_time_is_refused() -> None:
    with pytest.raises(ValueError, match="time is missing"):
        held_back_splits(
            np.array([0, 1], dtype=np.int8), features=1, seed=1, held_back=0.5, time=np.array([1.0, np.nan])
        )


def test_without_time_small_books_are_folded_and_large_ones_split_once() -> None:
    small, large = (np.random.default_rng(1).random(rows) < 0.2 for rows in (1000, 30_000))
    splits = held_back_splits(small.astype(np.int8), features=5, seed=1, held_back=0.25, time=None)
    assert sorted(np.concatenate([check for _, check in splits]).tolist()) == list(range(1000))
    ((fit, check),) = held_back_splits(large.astype(np.int8), features=5, seed=1, held_back=0.25, time=None)
    assert (len(fit), len(check)) == (22_500, 7_500)
    assert not set(fit) & set(check)
    wide = held_back_splits(small.astype(np.int8), features=400, seed=1, held_back=0.25, time=None)
    assert [(len(fit), len(check)) for fit, check in wide] == [(750, 250)]


def test_too_few_bads_hold_nothing_back_and_still_fit() -> None:
    frame, labels = synthetic.book()
    few = np.r_[np.flatnonzero(labels == 0)[:50], np.flatnonzero(labels == 1)[:2]]
    assert held_back_splits(labels[few], features=5, seed=1, held_back=0.25, time=None) == []
    plan = prepare(frame.take(few), labels[few], seed=1, recipe=TRIED)
    assert (plan.growth.rounds, plan.since) == (100, None)


def test_rounds_are_those_of_the_least_mean_loss_or_fewer_within_the_slack() -> None:
    curves = [np.array([9.0, 5.0, 4.01, 4.0, 6.0]), np.array([9.0, 5.0, 4.01, 4.0])]
    assert best_rounds(curves) == (3, 4.0)
    assert best_rounds(curves, slack=0.01) == (2, 4.0)
    assert best_rounds([np.array([1.0, 2.0, 3.0])]) == (1, 1.0)


def changed_world(rows: int = 12_000) -> tuple[Frame, np.ndarray, np.ndarray]:
    """A book whose second half obeys other rules than its first, with days."""
    rng = np.random.default_rng(4)
    days = np.sort(rng.integers(700_000, 701_000, rows)).astype(np.float64)
    values = rng.normal(size=(rows, 3))
    early = days < 700_500
    logit = -1 + np.where(early, 1.5, -1.5) * values[:, 0] + values[:, 1]
    labels = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.int8)
    features = tuple(Feature(name, "number") for name in "abc")
    return Frame(features, dict(zip("abc", values.T.copy(), strict=True))), labels, days


def test_old_rows_are_left_out_where_the_world_has_changed_and_kept_where_not() -> None:
    frame, labels, days = changed_world()
    plan = prepare(frame, labels, seed=1, recipe=TRIED, time=days)
    assert plan.since is not None
    assert plan.since >= 700_450
    assert plan.rows == int((days >= plan.since).sum())
    shuffled = np.random.default_rng(1).permutation(days)
    assert prepare(frame, labels, seed=1, recipe=TRIED, time=shuffled).rows > plan.rows


def test_a_plan_that_leaves_out_rows_needs_their_times() -> None:
    frame, labels, days = changed_world()
    plan = prepare(frame, labels, seed=1, recipe=TRIED, time=days)
    with pytest.raises(ValueError, match="times"):
        fit_bag(frame, labels, plan, 0)
    assert fit_bag(frame, labels, plan, 0, time=days).boxes


def test_the_order_of_rows_with_a_time_changes_no_choice() -> None:
    frame, labels, days = changed_world()
    order = np.random.default_rng(2).permutation(len(days))
    plan = prepare(frame, labels, seed=1, recipe=TRIED, time=days)
    turned = prepare(frame.take(order), labels[order], seed=1, recipe=TRIED, time=days[order])
    assert (turned.since, turned.growth.leaves, turned.grid) == (plan.since, plan.growth.leaves, plan.grid)


def test_pairs_that_matter_are_found_among_many() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(size=(8000, 32))
    both, either = (values[:, 3] > 0) & (values[:, 17] > 0), (values[:, 8] > 0) ^ (values[:, 9] > 1)
    logit = -1 + values[:, 0] + 2.0 * both + 1.5 * either
    labels = (rng.random(8000) < 1 / (1 + np.exp(-logit))).astype(np.int8)
    names = [f"f{number}" for number in range(32)]
    frame = Frame(tuple(Feature(name, "number") for name in names), dict(zip(names, values.T.copy(), strict=True)))
    codes = encode(make_grid(frame, labels, bins=64), frame)
    assert best_pairs(codes, labels, 2) == [(3, 17), (8, 9)]
    scorer = synthetic.load(
        fit_glassbox(frame, labels, seed=1, recipe=Recipe(bags=1, pairs=5, growths=(Growth(rounds=60),)))
    )
    found = {(pair.i, pair.j) for pair in scorer.artefact.pairs}
    assert {(3, 17), (8, 9)} <= found
    assert len(found) <= 5


def test_a_recipe_follows_the_size_of_the_book() -> None:
    assert recipe_for(1000, 20).growths[0].leaves == 2
    assert recipe_for(30_000, 20) == Recipe()
    assert recipe_for(100_000, 60).bags < Recipe().bags
