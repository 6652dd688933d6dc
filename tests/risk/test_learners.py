"""The three learners on one footing, and the glass box on real books whose folder is told by CREDIT_BOOKS."""

import os
from pathlib import Path

import numpy as np
import pytest

from risk.features.facade import Feature
from risk.learning.evaluation import LEARNERS, Trial, folds_of, run_trials, split_at, summary
from risk.learning.fit.frame import Frame
from risk.learning.rawbook import read_book
from tests.risk import synthetic

BOOKS = Path(os.environ.get("CREDIT_BOOKS") or Path(__file__).parents[2].parent / "shared" / "data" / "credit")
needs_books = pytest.mark.skipif(
    not BOOKS.is_dir(), reason=f"the public credit books are not in {BOOKS} (set CREDIT_BOOKS)"
)


def trials(learner: str, frame: Frame, labels: np.ndarray, folds: int = 2) -> list[Trial]:
    splits = folds_of(labels, folds=folds, seed=42)
    return list(run_trials(frame, labels, splits, seed=42, learners=[learner], jobs=1))


@pytest.mark.parametrize("learner", list(LEARNERS))
def test_every_learner_finds_what_is_there(learner: str) -> None:
    frame, labels = synthetic.book()
    found = summary(trials(learner, frame.take(np.arange(3000)), labels[:3000]))
    assert 0.68 < found.auc < 0.80
    assert found.ece < 0.04


@pytest.mark.parametrize("learner", list(LEARNERS))
def test_every_learner_stands_odd_columns(learner: str) -> None:
    rng = np.random.default_rng(1)
    columns = {
        "empty": np.full(400, np.nan),
        "constant": np.ones(400),
        "huge": np.where(rng.random(400) < 0.1, np.inf, rng.normal(0, 1e300, 400)),
        "text": np.array([None if rng.random() < 0.9 else "seldom" for _ in range(400)], dtype=object),
        "only none": np.array([None] * 400, dtype=object),
    }
    kinds = {
        name: Feature(name, "number" if column.dtype.kind == "f" else "category") for name, column in columns.items()
    }
    labels = (rng.random(400) < 0.3).astype(np.int8)
    for trial in trials(learner, Frame(tuple(kinds.values()), columns), labels):
        assert np.isfinite(trial.pd).all()
        assert 0 < trial.pd.min() <= trial.pd.max() < 1


def test_folds_are_stratified_shuffled_and_by_seed() -> None:
    labels = (np.arange(1000) < 100).astype(np.int8)
    folds = folds_of(labels, folds=5, seed=42)
    assert [int(labels[test].sum()) for _, test in folds] == [20] * 5
    assert sorted(np.concatenate([test for _, test in folds]).tolist()) == list(range(1000))
    assert folds[0][1].tolist() == folds_of(labels, folds=5, seed=42)[0][1].tolist()
    assert folds[0][1].tolist() != folds_of(labels, folds=5, seed=43)[0][1].tolist()
    for wrong in (1, 101):
        with pytest.raises(ValueError, match="folds are not possible"):
            folds_of(labels, folds=wrong, seed=1)


def test_a_cut_off_belongs_to_the_tested_rows_and_undated_rows_to_none() -> None:
    labels = np.array([0, 1, 0, 1, 0], dtype=np.int8)
    train, test = split_at(labels, np.array([1.0, 2.0, 3.0, 4.0, np.nan]), cutoff=3.0)
    assert (train.tolist(), test.tolist()) == ([0, 1], [2, 3])
    with pytest.raises(ValueError, match="from the cut-off on"):
        split_at(labels, np.array([1.0, 2.0, 3.0, 4.0, 5.0]), cutoff=5.0)


@needs_books
@pytest.mark.parametrize(
    ("name", "label", "drop", "auc", "ece"),
    [
        ("taiwan_cards", "default_next_month", ("SEX", "EDUCATION", "MARRIAGE", "AGE"), 0.785, 0.03),
        ("australian", "bad", (), 0.92, 0.14),
    ],
)
def test_the_glass_box_on_the_first_fold_of_a_public_book(
    name: str, label: str, drop: tuple[str, ...], auc: float, ece: float
) -> None:
    book = read_book(BOOKS / f"{name}.csv.gz", label=label, drop=drop)
    splits = folds_of(book.labels, folds=5, seed=42)[:1]
    (trial,) = run_trials(book.frame, book.labels, splits, seed=42, learners=["glassbox"], jobs=1)
    assert trial.measures.auc >= auc
    assert trial.measures.ece <= ece


@needs_books
def test_the_glass_box_out_of_time_where_the_world_changed() -> None:
    book = read_book(
        BOOKS / "sba_smallbiz.csv.gz", label="bad", time="ApprovalDate", cutoff="2004-12-01",
        drop=["Term", "ChgOffDate", "ChgOffPrinGr"],
    )  # fmt: skip
    assert book.time is not None
    assert book.cutoff is not None
    splits = [split_at(book.labels, book.time, cutoff=book.cutoff)]
    assert (len(splits[0][0]), len(splits[0][1])) == (16_346, 5_908)
    (trial,) = run_trials(book.frame, book.labels, splits, seed=42, time=book.time, learners=["glassbox"], jobs=1)
    assert trial.measures.auc >= 0.62
