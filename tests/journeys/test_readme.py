"""Every command of the README, in its order, in one shell, on a platform that `manage.py up` started for it."""

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import postgres
from tests.up_process import ROOT, Up

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```bash\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
# Two people of the demonstration approve what the README has trained: in the console, which has tests of its own.
APPROVE = """.venv/bin/python manage.py shell --no-imports -c "
from hub.accounts.models import User
from hub.clock import now
from hub.tenancy import platform_scope
from risk.scoring import facade
from risk.scoring.models import ModelVersion
with platform_scope():
    version = ModelVersion.objects.order_by('-number')[0]
    for name in ('rita', 'oscar'):
        person = User.by_email(name + '@demo.luopan.example')
        facade.approve_version(version_id=version.id, user_id=person.id, now=now())
print('approved', version.number)"
"""


@pytest.fixture
def demonstration(tmp_path: Path) -> Iterator[Up]:
    made = Up(tmp_path / "home", LUOPAN_DEMO="1")
    made.start()
    made.printed = made.read_until("Ctrl-C stops everything")
    yield made
    made.end()


def production(up: Up) -> str:
    """The environment in which the README says that the deployment checks find nothing."""
    secret, key = (base64.urlsafe_b64encode(os.urandom(size)).decode() for size in (48, 32))
    values = {
        "LUOPAN_PRODUCTION": "1", "LUOPAN_DEMO": "0", "LUOPAN_URL": "https://luopan.example.com",
        "LUOPAN_HOSTS": "luopan.example.com", "LUOPAN_SECRET_KEY": secret, "LUOPAN_MASTER_KEY": key,
        "LUOPAN_INDEX_KEY": key, "DATABASE_URL": f"postgresql://luopan_app@/luopan?host={postgres.socket_folder(up.home)}",
    }  # fmt: skip
    return " ".join(f"{name}='{value}'" for name, value in values.items())


def script(up: Up) -> str:
    """All blocks as one script that ends at the first fault. `make` tells what it would do: it runs this very test."""
    parts = ["set -euo pipefail", 'make() { command make --dry-run "$@"; }']
    for number, block in enumerate(BLOCKS):
        text = block.replace("localhost:8000", f"localhost:{up.port}")
        if "check --deploy" in text:
            text = f"(export {production(up)}\n{text})"
        if "rollback" in text:
            text = APPROVE + text
        parts += [f"echo '== {number}'", text, "echo"]
    return "\n".join(parts)


def run(up: Up, folder: Path) -> dict[str, str]:
    """Run the script beside the project's files; return the output of each block by its first words."""
    for name in (
        ".venv",
        "manage.py",
        "Makefile",
        "requirements.lock",
        "requirements-dev.lock",
        "pyproject.toml",
        "tests",
    ):
        (folder / name).symlink_to(ROOT / name)
    result = subprocess.run(
        ["bash", "-c", script(up)], cwd=folder, env=up.environment, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False, timeout=500,
    )  # fmt: skip
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    outputs = re.split(r"^== \d+\n", result.stdout, flags=re.MULTILINE)[1:]
    return {" ".join(block.split()[:3]): output for block, output in zip(BLOCKS, outputs, strict=True)}


@pytest.mark.timeout(900)
def test_every_command_does_what_it_says(demonstration: Up, tmp_path: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is missing: the README's requests are made with it")
    check_the_start(demonstration)
    told = run(demonstration, tmp_path)

    assert "manage.py up" in told["make run #"]
    assert "-m pytest -n 2 tests" in told["make run #"]
    score = json.loads((tmp_path / "score.json").read_text())
    assert score["model_line"] == "consumer"
    assert 0 < float(score["pd_12m"]) < 1
    assert len(score["reasons"]) >= 1
    assert json.loads(told['SCORE=$(sed \'s/^{"id":"\\([^"]*\\)".*/\\1/\' score.json)'])["result"] == "identical"
    measured = [json.loads(line) for line in one(told, "evaluate_book").splitlines() if line.startswith("{")]
    assert [line["learner"] for line in measured] == ["glassbox", "logistic", "challenger"]
    assert "3000" in one(told, "make_demo_book")
    assert "waits for two approvals" in one(told, "make_demo_book")
    assert "Version 1 " in one(told, "rollback")
    assert one(told, "demo").strip().isdigit()
    assert "no issues" in one(told, "check")
    assert ".ci/lint" in told["make lint #"]


def one(told: dict[str, str], command: str) -> str:
    return told[f".venv/bin/python manage.py {command}"]


def check_the_start(demonstration: Up) -> None:
    """It said where to go and how to sign in: on the terminal, and in no log."""
    assert f"http://localhost:{demonstration.port}/console/" in demonstration.printed
    assert "rita@demo.luopan.example" in demonstration.printed
    assert demonstration.get("/readyz")[0] == 200
    logs = "".join(path.read_text() for path in (demonstration.home / "log").glob("*.log"))
    secrets = [entry["secret"] for entry in json.loads((demonstration.home / "demo.json").read_text())]
    assert len(secrets) >= 5
    assert not [secret for secret in secrets if secret in logs]


def test_every_variable_it_names_is_read_and_every_one_read_is_named() -> None:
    source = "".join(path.read_text() for path in (ROOT / "platform" / "hub").rglob("*.py"))
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source)) | set(re.findall(r'f?"(LUOPAN_[A-Z]+_KEY)"', source))
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", README))
    assert named == read


def test_every_link_leads_to_a_file() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
