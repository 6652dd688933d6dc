"""Ten thousand decisions over three versions, made again by another process with other threads: the same bits."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from risk.scoring.facade import Calibration, load_artefact
from tests.harness import count
from tests.risk.registry_factory import artefact
from tests.stack import ROOT

DECISIONS, VERSIONS = count(10_000, soak=100_000), (1, 2, 3)
CALIBRATION = Calibration(slope_micro=970_000, intercept_micro=-31_000)


def digest(folder: Path) -> str:
    """SHA-256 of scores, terms and reasons of all inputs kept in a folder, each by the version that is next in turn."""
    artefacts = [(folder / f"{version}.json").read_bytes() for version in VERSIONS]
    scorers = [load_artefact(one, sha256=hashlib.sha256(one).hexdigest()) for one in artefacts]
    found = hashlib.sha256()
    for number, line in enumerate((folder / "inputs.ndjson").read_text().splitlines()):
        scorer = scorers[number % len(scorers)]
        score = scorer.row(json.loads(line), CALIBRATION)
        reasons = scorer.reasons(score)
        found.update(repr((score.logit_micro, score.pd.hex(), score.pd_12m, scorer.terms(score), reasons)).encode())
    return found.hexdigest()


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    for version in VERSIONS:
        (tmp_path / f"{version}.json").write_bytes(artefact(version))
    rng = np.random.default_rng(4)
    with (tmp_path / "inputs.ndjson").open("w") as file:
        for _ in range(DECISIONS):
            values = {
                "income": None if rng.random() < 0.1 else float(rng.gamma(4, 5000)),
                "utilisation": None if rng.random() < 0.1 else float(rng.uniform(-10, 120)),
                "housing": [None, "own", "rent", "family", "boat"][rng.integers(5)],
            }
            file.write(json.dumps(values) + "\n")
    return tmp_path


def test_another_process_comes_to_the_same_bits(kept: Path) -> None:
    program = (
        "import django, pathlib, sys; django.setup();"
        "import tests.risk.test_replay_elsewhere as t; print(t.digest(pathlib.Path(sys.argv[1])))"
    )
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "4")
    environment = {
        **os.environ,
        **threads,
        "PYTHONHASHSEED": "77",
        "DJANGO_SETTINGS_MODULE": "hub.settings",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}",
    }
    done = subprocess.run(
        [sys.executable, "-c", program, str(kept)], cwd=ROOT, env=environment, capture_output=True, text=True,
        check=False, timeout=170,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == digest(kept)
    (kept / "1.json").write_bytes((kept / "2.json").read_bytes())
    assert done.stdout.strip() != digest(kept)
