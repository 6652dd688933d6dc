"""The import contracts hold, and each fires on a planted violation."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLANTS = {
    "rooms": ("platform/hub/money.py", "import risk.scoring.facade"),
    "facades": ("risk/learning/services.py", "from risk.scoring import models"),
    "risk": ("risk/features/facade.py", "import risk.scoring.facade"),
    "partners": ("partners/institutions/services.py", "import partners.loans.facade"),
    "delivery": ("partners/institutions/services.py", "import partners.delivery.facade"),
    "acquisition": ("acquisition/compass/facade.py", "import acquisition.market.facade"),
    "app": ("risk/scoring/queries.py", "from risk.scoring import services"),
    "pure": ("risk/scoring/glassbox/scorer.py", "from django.db import models"),
}
# Rooms that a later issue furnishes; a contract that only waits for them is tried with an empty one.
FUTURE = ("partners/loans", "partners/delivery", "acquisition/compass", "acquisition/market")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The source tree in a folder of its own."""
    for name in ("platform", "partners", "risk", "acquisition"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name in FUTURE:
        (tmp_path / name).mkdir(exist_ok=True)
        for file in ("__init__.py", "facade.py"):
            (tmp_path / name / file).touch()
    return tmp_path


def verdicts(folder: Path) -> dict[str, str]:
    """Return KEPT or BROKEN by the name of the contract."""
    # The copy comes before this very tree, which an editable install has put on the path.
    program = (
        "import sys; sys.path[:0] = ['.', 'platform']; from importlinter.cli import lint_imports_command as c; c()"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )
    found = dict(re.findall(r"^(.+?) (KEPT|BROKEN)\b", result.stdout, re.MULTILINE))
    assert found, result.stdout + result.stderr
    return found


def names() -> dict[str, str]:
    import tomllib

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return {contract["id"]: contract["name"] for contract in settings["contracts"]}


def test_the_contracts_hold_here(copy: Path) -> None:
    assert verdicts(copy) == dict.fromkeys(names().values(), "KEPT")


def test_each_contract_has_a_plant() -> None:
    assert set(PLANTS) == set(names())


@pytest.mark.parametrize("contract", PLANTS)
def test_a_planted_violation_breaks_its_contract(copy: Path, contract: str) -> None:
    path, line = PLANTS[contract]
    file = copy / path
    file.write_text(file.read_text() + f"\n{line}\n")
    broken = {name for name, verdict in verdicts(copy).items() if verdict == "BROKEN"}
    assert names()[contract] in broken
