"""Where a recipe asks for it, a score never falls while a feature moves into the direction of risk."""

import numpy as np
import pytest

from risk.learning.fit.recipe import Growth, Recipe
from risk.learning.fit.tables import IntegerTables, made_monotone
from risk.scoring.facade import Scorer
from tests.risk import synthetic

FREE = Recipe(bags=2, growths=(Growth(leaves=8, rounds=150, l2=0.1),), monotone=False)
HELD = Recipe(bags=2, growths=(Growth(leaves=8, rounds=150, l2=0.1),))


def falls(scorer: Scorer) -> int:
    """Steps against the direction, over sweeps of every constrained feature through all its bins."""
    rows = synthetic.stressed(400, scorer)
    found = 0
    for axis in scorer.features:
        if axis.direction:
            steps = [axis.value_in(index, 0) for index in axis.real_bins]
            swept = [
                scorer.batch({**rows.columns, axis.name: np.full(rows.rows, value, dtype=np.float64)}).logits
                for value in steps
            ]
            found += int((axis.direction * np.diff(swept, axis=0) < 0).sum())
    return found


def test_a_held_book_has_no_step_against_a_direction_and_a_free_one_has() -> None:
    assert falls(synthetic.scorer(HELD)) == 0
    assert falls(synthetic.scorer(FREE)) > 100


def test_pairs_of_constrained_features_are_kept() -> None:
    pairs = {(pair.i, pair.j) for pair in synthetic.scorer(HELD).artefact.pairs}
    assert (0, 1) in pairs


def test_what_rounding_broke_is_mended_and_more_than_that_is_refused() -> None:
    pair = np.zeros((5, 3), dtype=np.int64)
    pair[3, 1] = -1
    tables = IntegerTables(0, [np.array([9, 1, 2, 2, 3]), np.array([0, 0, 0])], {(0, 1): pair})
    mended = made_monotone(tables, [1, 0])
    assert mended.mains[0].tolist() == [9, 1, 2, 3, 4]
    broken = IntegerTables(0, [np.array([9, 500, 2, 2, 3]), np.array([0, 0, 0])], {(0, 1): pair})
    with pytest.raises(ValueError, match="monotone"):
        made_monotone(broken, [1, 0])
