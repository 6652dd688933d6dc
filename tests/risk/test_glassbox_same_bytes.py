"""The same book, recipe and seed give the same artefact: on any number of threads, and after a fall."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from risk.learning.fit.glassbox import combine, fit_bag, fit_glassbox, prepare
from risk.learning.fit.recipe import bag_from, plan_from
from risk.scoring.facade import manifest_of
from tests.risk import synthetic

ROOT = Path(__file__).parents[2]
PRINT_SHA = """
import hashlib
from risk.learning.fit.glassbox import fit_glassbox
from tests.risk import synthetic
print(hashlib.sha256(fit_glassbox(*synthetic.book(), seed=1, recipe=synthetic.QUICK)).hexdigest())
"""


def sha256_on(threads: int) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", PRINT_SHA], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_one_and_two_threads_give_the_same_bytes() -> None:
    assert sha256_on(1) == sha256_on(2) == synthetic.scorer().sha256


def test_bags_that_were_kept_and_read_again_give_the_same_bytes_in_any_order() -> None:
    frame, labels = synthetic.book()
    plan = prepare(frame, labels, seed=1, recipe=synthetic.QUICK)
    kept = plan_from(plan.to_bytes())
    bags = [bag_from(fit_bag(frame, labels, kept, number).to_bytes()) for number in (1, 0)]
    assert hashlib.sha256(combine(kept, bags)).hexdigest() == synthetic.scorer().sha256


def test_another_seed_gives_other_bytes() -> None:
    data = fit_glassbox(*synthetic.book(), seed=2, recipe=synthetic.QUICK)
    assert hashlib.sha256(data).hexdigest() != synthetic.scorer().sha256


def test_bags_of_another_plan_book_or_number_are_refused() -> None:
    frame, labels = synthetic.book()
    plan = prepare(frame, labels, seed=1, recipe=synthetic.QUICK)
    other = prepare(frame, labels, seed=2, recipe=synthetic.QUICK)
    bags = [fit_bag(frame, labels, plan, number) for number in (0, 1)]
    with pytest.raises(ValueError, match="another plan"):
        combine(plan, [bags[0], fit_bag(frame, labels, other, 1)])
    for wrong in ([bags[0]], [bags[0], bags[0]], [*bags, bags[0]]):
        with pytest.raises(ValueError, match="bags 0 to 1"):
            combine(plan, wrong)
    changed = labels.copy()
    changed[0] = 1 - changed[0]
    with pytest.raises(ValueError, match="not the book"):
        fit_bag(frame, changed, plan, 0)


def test_an_artefact_is_canonical_json_and_tells_its_training() -> None:
    data = fit_glassbox(*synthetic.book(), seed=1, recipe=synthetic.QUICK, book_format="synthetic/1")
    text = data.decode("ascii")
    assert " " not in text.replace("purpose ", "")
    training = synthetic.load(data).artefact.training
    _, labels = synthetic.book()
    assert (training["rows"], training["bads"], training["seed"]) == (6000, int(np.sum(labels)), 1)
    assert training["book"]["format"] == "synthetic/1"
    assert manifest_of(data) == {
        "format": "luopan.glassbox/1",
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "features": 6,
        "pairs": len(synthetic.load(data).artefact.pairs),
    }
