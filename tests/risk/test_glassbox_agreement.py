"""One row and many rows score to the same bits, and the parts of a score add up to it."""

import numpy as np
import pytest

from risk.scoring.facade import Calibration, InputError
from tests.risk import synthetic

PLAIN = Calibration()


def test_row_and_batch_agree_in_every_bit_of_100_000_rows() -> None:
    scorer = synthetic.scorer()
    frame = synthetic.stressed(100_000, scorer)
    calibration = Calibration(slope_micro=1_234_567, intercept_micro=-89_012)
    batch = scorer.batch(frame.columns)
    scores = [scorer.row(values, calibration) for values in synthetic.rows_of(frame)]
    assert [score.logit_micro for score in scores] == batch.logits.tolist()
    assert [score.pd for score in scores] == batch.pd(calibration).tolist()
    assert len(set(batch.logits.tolist())) > 10_000


def test_contributions_add_up_to_the_logit_and_are_the_same_by_row_and_by_batch() -> None:
    scorer = synthetic.scorer()
    frame = synthetic.stressed(3000, scorer)
    batch = scorer.batch(frame.columns, contributions=True)
    assert batch.mains is not None
    assert batch.pairs is not None
    assert batch.pairs.shape[1] == len(scorer.artefact.pairs) > 0
    added = scorer.intercept_micro + batch.mains.sum(axis=1) + batch.pairs.sum(axis=1)
    assert added.tolist() == batch.logits.tolist()
    for number, values in enumerate(synthetic.rows_of(frame)):
        score = scorer.row(values, PLAIN)
        assert (score.mains, score.pairs) == (batch.mains[number].tolist(), batch.pairs[number].tolist())
        terms = scorer.terms(score)
        assert scorer.intercept_micro + sum(term.micro for term in terms) == score.logit_micro
    assert [len(term.features) for term in terms] == [1] * 6 + [2] * len(scorer.artefact.pairs)


def test_the_size_of_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = synthetic.scorer()
    frame = synthetic.stressed(1001, scorer)
    whole = scorer.batch(frame.columns, contributions=True)
    monkeypatch.setattr("risk.scoring.glassbox.scorer.CHUNK_ROWS", 100)
    parts = scorer.batch(frame.columns, contributions=True)
    for left, right in ((whole.logits, parts.logits), (whole.mains, parts.mains), (whole.pairs, parts.pairs)):
        assert left is not None
        assert right is not None
        assert np.array_equal(left, right)


def test_an_absent_name_none_and_nan_are_all_missing() -> None:
    scorer = synthetic.scorer()
    full = synthetic.rows_of(synthetic.book()[0])[0]
    for name in scorer.names:
        absent = {key: value for key, value in full.items() if key != name}
        found = {scorer.row(values, PLAIN).logit_micro for values in
                 (absent, {**full, name: None}, {**full, name: float("nan")})}  # fmt: skip
        assert len(found) == 1
    lists = {name: [value, None, float("nan")] for name, value in full.items()}
    assert len(set(scorer.batch(lists).logits[1:].tolist())) == 1
    without = {name: column for name, column in synthetic.book()[0].columns.items() if name != "income"}
    missing = {**synthetic.book()[0].columns, "income": np.full(6000, np.nan)}
    assert np.array_equal(scorer.batch(without).logits, scorer.batch(missing).logits)


@pytest.mark.parametrize(
    ("name", "value"), [("income", "12"), ("income", 10**400), ("housing", 2), ("housing", ["own"])]
)
def test_a_value_of_a_wrong_type_is_refused_by_row_and_by_batch(name: str, value: object) -> None:
    scorer = synthetic.scorer()
    with pytest.raises(InputError, match=name):
        scorer.row({name: value}, PLAIN)  # type: ignore[dict-item]  # the wrong type is the point
    column = np.empty(1, dtype=object)
    column[0] = value
    with pytest.raises(InputError, match=name):
        scorer.batch({name: column})


def test_columns_of_different_length_and_none_at_all_are_refused() -> None:
    scorer = synthetic.scorer()
    for columns in ({}, {"other": [1.0]}, {"income": [1.0], "balance": [1.0, 2.0]}):
        with pytest.raises(InputError, match="columns of one length"):
            scorer.batch(columns)


def test_calibration_is_exact_and_keeps_the_order() -> None:
    line = Calibration(slope_micro=500_000, intercept_micro=7)
    assert [line.apply(logit) for logit in (-3, -2, -1, 0, 1, 2, 3)] == [6, 6, 7, 7, 8, 8, 9]
    with pytest.raises(ValueError, match="positive"):
        Calibration(slope_micro=0)
    scorer = synthetic.scorer()
    score = scorer.row({}, Calibration(slope_micro=1_000_000, intercept_micro=10**12))
    assert (score.pd, score.pd_12m) == (1.0, "1.000000")
    score = scorer.row({}, Calibration(slope_micro=1_000_000, intercept_micro=-(10**12)))
    assert score.pd_12m == "0.000000"
    assert 0 < score.pd < 1e-300
