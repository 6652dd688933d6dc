"""`manage.py evaluate_book` prints one JSON line per learner, tells what it understood, and needs no database."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from threadpoolctl import threadpool_limits

from risk.learning.evaluation import fit_tables, folds_of, split_at
from risk.learning.fit.metrics import auc, measure
from risk.learning.rawbook import read_book

KEYS = {"learner", "auc", "ks", "brier", "log_loss", "ece", "rows", "seconds", "dropped"}


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of 600 rows as a bank might keep it: percent, spans, texts, an id, a constant, dates."""
    rng = np.random.default_rng(8)
    path = tmp_path_factory.mktemp("books") / "small.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["loan_id", "used", "term", "home", "branch", "day", "sex", "outcome"])
        for at in range(600):
            used, home = rng.uniform(0, 100), rng.choice(["own", "rent", "?"])
            bad = rng.random() < 1 / (1 + np.exp(3 - used / 25 - (home == "rent")))
            day = f"2004-{at // 50 + 1:02d}-15"
            writer.writerow([at, f"{used:.1f}%", rng.choice(["36 months", "60 months"]), home, "main", day,
                             rng.choice(["F", "M"]), "bad" if bad else "good"])  # fmt: skip
    return path


def run(*words: str) -> tuple[list[dict[str, Any]], str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("evaluate_book", *words, stdout=out, stderr=err)
    return [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


def test_one_line_per_learner_over_folds(book: Path) -> None:
    lines, told = run(str(book), "--label", "outcome", "--drop", "sex, day", "--folds", "2", "--seed", "7")
    assert [line["learner"] for line in lines] == ["glassbox", "logistic", "challenger"]
    for line in lines:
        assert line.keys() >= KEYS
        assert 0.6 < line["auc"] < 0.95
        assert (line["rows"], line["folds"], line["seed"], line["columns"]) == (600, 2, 7, 3)
        assert (line["bad_value"], line["dropped"]) == ("bad", ["sex", "day", "loan_id", "branch"])
    assert "left out 'loan_id': id-like" in told
    assert "left out 'branch': constant" in told
    assert "'term': in months" in told
    assert "6/6: challenger, split 2 of 2" in told


def test_the_figures_are_those_of_the_integer_tables(book: Path) -> None:
    lines, _ = run(str(book), "--label", "outcome", "--drop", "sex,day", "--folds", "2")
    found = read_book(book, label="outcome", drop=["sex", "day"])
    areas = []
    for train, test in folds_of(found.labels, folds=2, seed=42):
        with threadpool_limits(1):
            predict = fit_tables(found.frame.take(train), found.labels[train], seed=42)
        areas.append(auc(found.labels[test], predict(found.frame.take(test))))
    assert lines[0]["auc"] == round(float(np.mean(areas)), 6)


def test_before_and_after_a_cut_off(book: Path) -> None:
    lines, _ = run(str(book), "--label", "outcome", "--time", "day", "--cutoff", "2004-09-01", "--drop", "sex")
    assert [(line["train_rows"], line["test_rows"], line["rows"]) for line in lines] == [(400, 200, 600)] * 3
    assert all("folds" not in line for line in lines)
    found = read_book(book, label="outcome", drop=["sex"], time="day", cutoff="2004-09-01")
    assert found.time is not None
    assert found.cutoff is not None
    train, test = split_at(found.labels, found.time, cutoff=found.cutoff)
    with threadpool_limits(1):
        predict = fit_tables(found.frame.take(train), found.labels[train], seed=42, time=found.time[train])
    expected = measure(found.labels[test], predict(found.frame.take(test)))
    assert (lines[0]["auc"], lines[0]["ece"]) == (round(expected.auc, 6), round(expected.ece, 6))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--label", "nothing"], "--label: there is no column 'nothing'"),
        (["--label", "day"], "'day' has 12 different values"),
        (["--label", "outcome", "--time", "day"], "--time and --cutoff go together"),
        (["--label", "outcome", "--cutoff", "2004-01-01"], "--time and --cutoff go together"),
        (["--label", "outcome", "--time", "day", "--cutoff", "2004-13-77"], "--cutoff '2004-13-77' does not fit"),
        (["--label", "outcome", "--time", "day", "--cutoff", "1999-01-01"], "The 0 rows before the cut-off"),
        (["--label", "outcome", "--folds", "1"], "1 folds are not possible"),
        (["--label", "outcome", "--drop", "colour"], "--drop: there is no column 'colour'"),
        (["--label", "term", "--drop", "loan_id,used,home,branch,day,sex,outcome"], "No column is left"),
    ],
)
def test_errors_name_the_option_and_the_remedy(book: Path, words: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        run(str(book), *words)


def test_a_missing_label_option_and_file_are_told(book: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--label"):
        run(str(book))
    with pytest.raises(CommandError, match="cannot be read"):
        run(str(tmp_path / "none.csv"), "--label", "y")
