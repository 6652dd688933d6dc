"""Reasons of many rows at once are those of each row by itself, to the bit, in every order and at every limit."""

import numpy as np
import pytest

from risk.learning.fit.recipe import Growth, Recipe
from risk.scoring.facade import Calibration, Scorer
from tests.risk import synthetic

PLAIN = Calibration()


def compare(scorer: Scorer, rows: int, limit: int) -> int:
    frame = synthetic.stressed(rows, scorer, seed=limit)
    columns = {name: column.tolist() for name, column in frame.columns.items()}
    batch = scorer.batch(frame.columns, contributions=True)
    count = 0
    for values, found in zip(synthetic.rows_of(frame), scorer.batch_reasons(columns, batch, limit=limit), strict=True):
        alone = scorer.reasons(scorer.row(values, PLAIN), limit=limit)
        assert repr(found) == repr(alone)  # by their texts: NaN is unequal to itself
        count += len(found)
    return count


@pytest.mark.parametrize("limit", [1, 4, 99])
def test_many_rows_have_the_reasons_of_each_row(limit: int) -> None:
    scorer = synthetic.scorer()
    assert any(len(best.partners) > 1 for best in scorer._reasoner.best)
    assert compare(scorer, 4_000, min(limit, len(scorer.names))) >= 4_000


def test_many_rows_have_the_reasons_of_each_row_against_those_who_pass_narrowly() -> None:
    assert compare(synthetic.narrow_scorer(), 2_000, 4) >= 2_000


@pytest.mark.parametrize("pairs", [0, 1, 2])
def test_with_no_pair_and_with_few(pairs: int) -> None:
    scorer = synthetic.scorer(Recipe(bags=1, pairs=pairs, growths=(Growth(leaves=4, rounds=30),)))
    assert compare(scorer, 1_500, 4) > 1_500


def test_absent_features_are_missing_in_both() -> None:
    scorer = synthetic.scorer()
    columns: dict[str, list[float | str | None]] = {
        "income": [9000.0, None, 1e9], "housing": ["rent", "never seen", None]
    }  # fmt: skip
    batch = scorer.batch(columns, contributions=True)
    found = list(scorer.batch_reasons(columns, batch))
    for at, reasons in enumerate(found):
        row = {name: column[at] for name, column in columns.items()}
        assert reasons == scorer.reasons(scorer.row(row, PLAIN))


def test_reasons_need_the_contributions() -> None:
    scorer = synthetic.scorer()
    with pytest.raises(ValueError, match="contributions"):
        scorer.rank(scorer.batch({"income": np.array([1.0])}))
