"""Every command of the README, in its order, in one shell, on a platform that `manage.py up` started for it."""

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hub import postgres, vault
from tests.stack import free_port
from tests.up_process import ROOT, Up

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```bash\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
# Two people of the demonstration approve what the README has trained: in the console, which has tests of its own.
APPROVE = """.venv/bin/python manage.py shell --no-imports -c "
from datetime import timedelta
from hub.accounts.models import User
from hub.audit import system_actor
from hub.clock import now
from hub.tenancy import platform_scope
from risk.scoring import facade, registry
from risk.scoring.models import ModelVersion
with platform_scope():
    version = ModelVersion.objects.order_by('-number')[0]
    for name in ('rita', 'oscar'):
        person = User.by_email(name + '@demo.luopan.example')
        facade.approve_version(
            version_id=version.id, user_id=person.id, waiver='Another book than before: few loans judge.', now=now()
        )
    registry.promote_due(actor=system_actor('test'), now=now() + timedelta(days=7))  # the notice's days have gone by
print('approved', version.number)"
"""
# The second client, which an operator issues in the console.
CHECKER = """.venv/bin/python manage.py shell --no-imports -c "
from hub.audit import system_actor
from hub.clock import now
from hub.tenancy import platform_scope
from partners.institutions import facade
with platform_scope():
    [bank] = [one for one in facade.all_institutions() if one.name == 'Harbour Bank (sandbox)']
    client, secret = facade.issue_client(institution_id=bank.id, name='Checker', method='client_secret',
        scopes=('policy:write',), actor=system_actor('test'), now=now())
print(client.client_id + ':' + secret)"
"""
BORROWER = ".venv/bin/python -m tests.journeys.form_borrower"
# What people do between the commands, before the block in which these words stand.
BETWEEN = {
    "rollback": APPROVE,
    "grep one_time_code": f"{BORROWER} apply http://localhost:8000/apply/ .local/log/web.log\n",
    "items -1 id": f"""{BORROWER} apply $(cat address.txt) .local/log/web.log
{BORROWER} accept
""",
    "/contract | field": f"{BORROWER} sign\n",
    "kill $RECEIVER": "until grep outcome.matured hooks.ndjson > told.txt; do sleep 0.2; done\n",
}
# What stands in the README for a value of the reader's own, and heavy numbers.
INSTEAD = {
    "'client_id:client_secret'": f"$({CHECKER})",
    'institution | field id)/"': 'institution | field id)/" | tee address.txt',
    "--applicants 3000 --months 36 --seed 1 --cycles 4": "--applicants 40 --months 2 --seed 1 --cycles 2 "
    "--first-model-rows 200",
}


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
        "LUOPAN_INDEX_KEY": key, "LUOPAN_SEAL_KEY": key,
        "DATABASE_URL": f"postgresql://luopan_app@/luopan?host={postgres.socket_folder(up.home)}",
    }  # fmt: skip
    return " ".join(f"{name}='{value}'" for name, value in values.items())


def script(up: Up) -> str:
    """All blocks as one script that ends at the first fault. `make` tells what it would do: it runs this very test."""
    parts = [
        "set -euo pipefail",
        "trap 'kill $(jobs -p) 2> /dev/null || :' EXIT",
        'make() { command make --dry-run "$@"; }',
    ]
    ports = {"localhost:8000": f"localhost:{up.port}", "9000": str(free_port())}
    for number, block in enumerate(BLOCKS):
        text = "".join(done for words, done in BETWEEN.items() if words in block) + block
        for words, others in {**INSTEAD, **ports}.items():
            text = text.replace(words, others)
        if "check --deploy" in text:
            text = f"(export {production(up)}\n{text})"
        parts += [f"echo '== {number}'", text, "echo"]
    return "\n".join(parts)


@dataclass(frozen=True)
class Told:
    """What each block of the README came to, and the folder in which it ran."""

    folder: Path
    outputs: list[str]

    def by(self, words: str) -> str:
        """Return the output of the one block in which these words stand."""
        [found] = [output for block, output in zip(BLOCKS, self.outputs, strict=True) if words in block]
        return found

    def lines(self, words: str) -> list[Any]:
        """Return the lines of JSON that a block put out."""
        return [json.loads(line) for line in self.by(words).splitlines() if line.startswith("{")]


def run(up: Up, folder: Path) -> Told:
    """Run the script beside the project's files."""
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
    (folder / ".local").symlink_to(up.home)
    result = subprocess.run(
        ["bash", "-c", script(up)], cwd=folder, env=up.environment, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False, timeout=500,
    )  # fmt: skip
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    return Told(folder, re.split(r"^== \d+\n", result.stdout, flags=re.MULTILINE)[1:])


@pytest.mark.timeout(900)
def test_every_command_does_what_it_says(demonstration: Up, tmp_path: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is missing: the README's requests are made with it")
    check_the_start(demonstration)
    told = run(demonstration, tmp_path)

    assert "manage.py up" in told.by("make run")
    assert "-m pytest -n 3 --maxschedchunk 2 tests" in told.by("make run")
    assert told.by("demo --code").strip().isdigit()
    assert "no issues" in told.by("check --deploy")
    assert ".ci/lint" in told.by("make lint")
    check_scoring(told)
    check_the_loan(told)
    check_training(told)
    check_the_market(told)


def check_scoring(told: Told) -> None:
    score = json.loads((told.folder / "score.json").read_text())
    assert score["model_line"] == "consumer"
    assert 0 < float(score["pd_12m"]) < 1
    assert len(score["reasons"]) >= 1
    assert [one["result"] for one in told.lines("/replay")] == ["identical"]
    scored, refused = told.lines("people.csv")
    assert (scored["line"], refused["line"], len(scored["grade"])) == (2, 3, 1)
    assert [fault["code"] for fault in refused["problems"]] == ["wrong_type"]


def check_the_loan(told: Told) -> None:
    """The borrower read his code, the loan was made on the terms that he saw, and turned out good."""
    [code] = told.lines("grep one_time_code")
    assert re.fullmatch("[0-9]{6}", code["digits"])
    referral, loan = (json.loads((told.folder / name).read_text()) for name in ("referral.json", "loan.json"))
    assert referral["product_name"] == "Harbour Quick Loan"
    assert (loan["referral_id"], loan["principal"]) == (referral["id"], "60000.00")
    assert Decimal(loan["annual_rate_percent"]) == Decimal(referral["terms"]["annual_rate_percent"])
    [job] = told.lines("performance-reports")[-1:]
    assert (job["lines"], job["recorded"], job["refused"]) == (24, 24, 0)
    assert "'label': 'good', 'max_days_past_due': 0" in told.by("field outcome")
    [page] = told.lines("events?after=0")
    assert "policy.live" in {one["type"] for one in page["items"]}
    assert page["next"] == page["items"][-1]["position"]
    heard = [json.loads(line)["type"] for line in (told.folder / "hooks.ndjson").read_text().splitlines()]
    assert {"webhook_endpoint.tested", "referral.created", "contract.signed", "loan.funded", "outcome.matured"} <= {
        *heard
    }


def check_training(told: Told) -> None:
    assert [line["learner"] for line in told.lines("evaluate_book")] == ["glassbox", "logistic", "challenger"]
    assert "3000" in told.by("make_demo_book")
    assert "waits for two approvals" in told.by("make_demo_book")
    assert "Version 1 " in told.by("rollback")


def check_the_market(told: Told) -> None:
    cycles = told.lines("simulate")
    assert [one["cycle"] for one in cycles] == [1, 2]
    assert all(set(one) <= set(re.findall(r"`([a-z_]+)`", README)) | {"cycle"} for one in cycles)
    assert (told.folder / ".local" / "market" / "seed-1.svg").read_text().startswith("<svg")


def test_what_stands_for_something_else_is_there_once() -> None:
    text = "".join(BLOCKS)
    assert {words: text.count(words) for words in (*BETWEEN, *INSTEAD)} == dict.fromkeys((*BETWEEN, *INSTEAD), 1)


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
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source))
    read |= {f"LUOPAN_{field.name.upper()}" for field in fields(vault.Secrets)}
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", README))
    assert named == read


def test_every_link_leads_to_a_file_or_a_heading() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    headings = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    anchors = {"#" + re.sub(r"[^a-z -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert links
    assert [link for link in links if link not in anchors and not (ROOT / link).exists()] == []
