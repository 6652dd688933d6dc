"""Reasons hold when they are tried: the stated best value moves the score by exactly the stated amount."""

from collections.abc import Callable

import numpy as np
import pytest

from risk.scoring.facade import Calibration, Scorer
from tests.risk import synthetic

PLAIN = Calibration()
BOTH = pytest.mark.parametrize("scorer_of", [synthetic.scorer, synthetic.narrow_scorer], ids=["best", "narrow"])


@BOTH
def test_the_first_reason_moves_the_score_by_exactly_its_amount_in_10_000_cases(
    scorer_of: Callable[[], Scorer],
) -> None:
    scorer = scorer_of()
    assert scorer.artefact.pairs
    tried = 0
    for values in synthetic.rows_of(synthetic.stressed(13_000, scorer)):
        score = scorer.row(values, PLAIN)
        for reason in scorer.reasons(score, limit=1):
            moved = scorer.row({**values, reason.feature: reason.best_value}, PLAIN)
            assert score.logit_micro - moved.logit_micro == reason.lost_micro > 0
            tried += 1
    assert tried >= 10_000


def brute_force(scorer: Scorer, values: dict[str, float | str | None]) -> dict[str, int]:
    """What each feature loses against its best common bin, found by scoring with every bin."""
    score = scorer.row(values, PLAIN)
    lost = {}
    for at, axis in enumerate(scorer.features):
        logits = [
            scorer.row({**values, axis.name: axis.value_in(index, score.bins[at])}, PLAIN).logit_micro
            for index in axis.real_bins
            if axis.share_ppm[index] >= 10_000
        ]
        lost[axis.name] = score.logit_micro - min(logits)
    return {name: micro for name, micro in lost.items() if micro > 0}


def test_reasons_are_those_that_scoring_with_every_bin_finds_and_in_order() -> None:
    scorer = synthetic.scorer()
    for values in synthetic.rows_of(synthetic.stressed(150, scorer)):
        reasons = scorer.reasons(scorer.row(values, PLAIN), limit=99)
        assert {reason.feature: reason.lost_micro for reason in reasons} == brute_force(scorer, values)
        amounts = [reason.lost_micro for reason in reasons]
        assert amounts == sorted(amounts, reverse=True)


@BOTH
@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_a_limit_cuts_the_list_and_changes_nothing_else(limit: int, scorer_of: Callable[[], Scorer]) -> None:
    scorer = scorer_of()
    for values in synthetic.rows_of(synthetic.stressed(500, scorer, seed=limit)):
        score = scorer.row(values, PLAIN)
        assert scorer.reasons(score, limit=limit) == scorer.reasons(score, limit=99)[:limit]


def test_a_best_value_lies_in_a_common_real_bin_and_can_be_stated() -> None:
    scorer = synthetic.scorer()
    axes = {axis.name: axis for axis in scorer.features}
    for values in synthetic.rows_of(synthetic.stressed(500, scorer)):
        score = scorer.row(values, PLAIN)
        for reason in scorer.reasons(score, limit=99):
            axis = axes[reason.feature]
            assert reason.best_bin in axis.real_bins
            assert axis.share_ppm[reason.best_bin] >= 10_000
            assert axis.bin_of(reason.best_value) == reason.best_bin
            assert reason.bin == score.bins[scorer.names.index(reason.feature)]
            same = reason.value == values[reason.feature]
            assert same or np.isnan(values[reason.feature])  # type: ignore[arg-type]  # only a number is unequal to itself


def test_counts_are_stated_as_whole_numbers() -> None:
    axis = next(axis for axis in synthetic.scorer().features if axis.name == "late_payments")
    for index in axis.real_bins:
        for seen_from in (0, axis.size):
            assert float(axis.value_in(index, seen_from)).is_integer()


def test_every_real_bin_of_every_feature_has_values_on_both_sides_that_fall_into_it() -> None:
    for axis in synthetic.scorer().features:
        for index in axis.real_bins:
            assert [axis.bin_of(axis.value_in(index, side)) for side in (0, axis.size)] == [index, index]
            assert axis.label(index)
        assert axis.label(0) == "missing"
