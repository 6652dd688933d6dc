"""Columns that tell the outcome are found by how they behave, and strong columns that foretell it are left alone."""

import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from risk.features.facade import Feature
from risk.learning.fit.frame import Floats, Frame, Labels
from risk.learning.fit.leaks import find_leaks
from risk.learning.rawbook import read_book
from tests.risk import synthetic
from tests.risk.factories import HEADER, MAPPING, book_bytes, imported, lines
from tests.risk.test_training import request, train

BOOKS = Path(os.environ.get("CREDIT_BOOKS") or Path(__file__).parents[2].parent / "shared" / "data" / "credit")
needs_books = pytest.mark.skipif(not BOOKS.is_dir(), reason=f"the public books are not in {BOOKS} (set CREDIT_BOOKS)")
Rng = np.random.Generator
Marks = NDArray[np.bool_]
# What is written down when a loan has ended, or goes on ending: made of the label by an outcome's own ways.
PLANTS: dict[str, Callable[[Marks, Rng], Any]] = {
    "the label itself": lambda bad, rng: bad,
    "the label with a tenth of mistakes": lambda bad, rng: bad ^ drawn(bad, rng, 0.1),
    "recovered of most": lambda bad, rng: np.where(bad & drawn(bad, rng, 0.6), rng.lognormal(6, 1, bad.size), 0),
    "recovered of some": lambda bad, rng: np.where(bad & drawn(bad, rng, 0.2), rng.lognormal(6, 1, bad.size), 0),
    "the day of a write-off": lambda bad, rng: np.where(
        bad & drawn(bad, rng, 0.8), rng.normal(1e3, 99, bad.size), np.nan
    ),
    "the share repaid": lambda bad, rng: np.where(bad, rng.uniform(0, 0.95, bad.size), rng.normal(1, 0.05, bad.size)),
    "days late at the end": lambda bad, rng: rng.gamma(np.where(bad, 3, 0.3), np.where(bad, 40, 20)).round(),
    "months it lived": lambda bad, rng: np.where(bad, rng.integers(3, 36, bad.size), 36),
    "a term that was cut": lambda bad, rng: np.where(
        bad, rng.integers(3, 61, bad.size), 12 * rng.integers(1, 6, bad.size)
    ),
    "calls of the collectors": lambda bad, rng: rng.poisson(np.where(bad, 6, 1)),
    "what is open at the end": lambda bad, rng: np.where(bad | drawn(bad, rng, 0.1), rng.lognormal(8, 1, bad.size), 0),
}


def drawn(bad: Marks, rng: Rng, share: float) -> Marks:
    """Which rows fall into a share of all."""
    return rng.random(bad.size) < share


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


def planted(frame: Frame, **columns: Any) -> Frame:
    features = tuple(Feature(name, "number") for name in columns)
    values: dict[str, Floats] = {name: np.asarray(column, dtype=np.float64) for name, column in columns.items()}
    return Frame((*frame.features, *features), {**frame.columns, **values})


def shuffled(frame: Frame, seed: int) -> tuple[Frame, dict[str, str]]:
    """The columns in another order and under names that tell nothing; the old name by the new one."""
    order = np.random.default_rng(seed).permutation(len(frame.features))
    was = {f"c{number}": frame.features[at].name for number, at in enumerate(order)}
    kinds = {one.name: one.kind for one in frame.features}
    features = tuple(Feature(new, kinds[old]) for new, old in was.items())
    return Frame(features, {new: frame.columns[old] for new, old in was.items()}), was


@pytest.mark.parametrize("kind", PLANTS)
def test_what_was_written_after_the_outcome_is_found_and_nothing_else(kind: str) -> None:
    frame, labels = synthetic.book(3000)
    values = PLANTS[kind](labels == 1, np.random.default_rng(5))
    found = find_leaks(planted(frame, told=values), labels)
    assert list(found) == ["told"], found
    assert found["told"].sentence.endswith(".")


def test_a_book_without_leaks_has_none() -> None:
    frame, labels = synthetic.book(3000)
    assert find_leaks(frame, labels) == {}


def test_a_strong_column_that_foretells_is_none() -> None:
    frame, labels = synthetic.book(3000)
    rng = np.random.default_rng(2)
    strong = rng.normal(np.where(labels == 1, 0.9, 0), 1)
    assert find_leaks(planted(frame, bureau=strong), labels) == {}


def test_copies_do_not_hide_each_other() -> None:
    frame, labels = synthetic.book(3000)
    rng = np.random.default_rng(6)
    twins = {f"copy_{at}": (labels == 1) ^ (rng.random(len(labels)) < 0.08) for at in range(2)}
    assert set(find_leaks(planted(frame, **twins), labels)) == set(twins)


def test_a_book_that_is_too_small_tells_nothing() -> None:
    frame, labels = synthetic.book(3000)
    few = np.flatnonzero(labels == 1)[:12]
    rows = np.concatenate([few, np.flatnonzero(labels == 0)[:200]])
    assert find_leaks(planted(frame, told=labels).take(rows), labels[rows]) == {}


def public(name: str, label: str) -> tuple[Frame, Labels]:
    book = read_book(BOOKS / f"{name}.csv.gz", label=label)
    return book.frame, book.labels


@needs_books
@pytest.mark.parametrize(
    ("name", "label"), [("lendingclub_2007_2011", "bad"), ("taiwan_cards", "default_next_month"), ("german", "bad")]
)
def test_no_column_of_an_honest_public_book_is_refused(name: str, label: str) -> None:
    assert find_leaks(*public(name, label)) == {}


@needs_books
def test_the_leaks_of_the_business_loans_are_found_under_any_name() -> None:
    frame, labels = public("sba_smallbiz", "bad")
    renamed, was = shuffled(frame, seed=3)
    assert {was[name] for name in find_leaks(renamed, labels)} == {"Term", "ChgOffDate", "ChgOffPrinGr"}


def leaky(*, vouched: bytes = b"") -> tuple[bytes, bytes]:
    """A book with the days late at the end, and a mapping that says they are known when somebody is scored."""
    rows = [f"{line},{(number % 90) + 91 if line.endswith('charged_off') else number % 40}"
            for number, line in enumerate(lines(400))]  # fmt: skip
    column = b"  days_late: {role: feature, type: number, unit: days, known: at_scoring" + vouched + b"}\n"
    return book_bytes(rows, header=f"{HEADER},days_late"), MAPPING + column


@pytest.mark.django_db
def test_a_training_refuses_to_learn_from_it() -> None:
    content, mapping = leaky()
    run = train(request(imported(content, mapping=mapping)).id)
    assert run.state == "failed"
    assert "days_late" in run.failure
    assert "`known: later`" in run.failure


@pytest.mark.django_db
def test_a_training_goes_on_where_somebody_vouches_for_the_column() -> None:
    content, mapping = leaky(vouched=b", vouched: Taken from the bureau on the day of the application.")
    assert train(request(imported(content, mapping=mapping)).id).state == "done"


def evaluated(path: Path, *words: str) -> list[dict[str, Any]]:
    out = io.StringIO()
    call_command("evaluate_book", str(path), "--label", "outcome", *words, stdout=out, stderr=io.StringIO())
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_evaluate_book_prints_them_and_learns_without_them(tmp_path: Path) -> None:
    content, mapping = leaky()
    path, text = tmp_path / "book.csv", tmp_path / "mapping.yaml"
    path.write_bytes(content)
    text.write_bytes(mapping)
    refused = evaluated(path, "--folds", "2", "--mapping", str(text))
    assert all(list(line["leaks"]) == ["days_late"] for line in refused)
    kept_away = {"balance_later", "sex", "district", "remark", "account", "opened"}
    assert all(kept_away | {"days_late"} <= set(line["dropped"]) for line in refused)
    assert max(line["auc"] for line in refused) < 0.9


def test_evaluate_book_believes_who_vouches_and_may_choose_rounds_at_random(tmp_path: Path) -> None:
    path = tmp_path / "book.csv"
    path.write_bytes(leaky()[0])
    words = ["--time", "opened", "--cutoff", "2022-09-01", "--drop", "account,balance_later", "--vouch", "days_late"]
    lines_ = evaluated(path, *words, "--rounds", "random")
    assert {(line["rounds"], *line["leaks"]) for line in lines_} == {("random",)}
    assert lines_[0]["auc"] > 0.95
