"""The simulated market lives through the real services, and the same seed tells the same story."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from acquisition.market import cycles
from acquisition.market.figures import Cycle, drawn, told
from acquisition.market.phones import PHONES
from acquisition.market.simulation import Market, Plan
from hub.audit import AuditRow
from hub.outbox import InboxEntry, OutboxEvent
from hub.tenancy import platform_scope
from partners.loans.models import Loan, Outcome, PerformanceBatch
from risk.learning.models import OutcomeEntry
from risk.scoring.models import Approval, Decision, ModelVersion
from tests.stack import ROOT

START = date(2025, 2, 1)
PLAN = Plan(applicants=84, months=28, seed=11, start=START)


def test_every_applicant_has_a_month() -> None:
    assert PLAN.before(0) == 0
    assert PLAN.before(PLAN.months) == PLAN.applicants
    assert {after - before for before, after in pairwise(map(PLAN.before, range(29)))} == {3}
    assert (PLAN.first_of(-2), PLAN.first_of(11)) == (date(2024, 12, 1), date(2026, 1, 1))
    assert PLAN.end_of(12) == datetime(2026, 2, 28, 23, 50, tzinfo=UTC)


def test_the_book_of_the_years_before_closes_before_the_start() -> None:
    header, *rows = [line.decode().rstrip("\n").split(",") for line in cycles.book_csv(PLAN, 240)]
    assert len(rows) == 240
    opened = {date.fromisoformat(row[header.index("opened_on")]) for row in rows}
    assert min(opened) >= date(2023, 2, 1)
    assert max(opened) < date(2024, 2, 1)
    assert {row[header.index("outcome")] for row in rows} == {"good", "bad"}


@pytest.fixture
def phones(settings: Any) -> None:
    settings.CODE_GATEWAY = PHONES


@pytest.fixture
def lived(transactional_db: None, phones: None) -> tuple[list[Cycle], list[str]]:
    said: list[str] = []
    return list(cycles.run(PLAN, cycles=2, first_model_rows=300, say=said.append)), said


def test_a_market_lives(lived: tuple[list[Cycle], list[str]]) -> None:
    found, said = lived
    assert [one.cycle for one in found] == [1, 2]
    assert sum("applied" in line for line in said) == PLAN.months
    assert all(line.endswith(" 0 applications broken off") for line in said if "applied" in line)
    with platform_scope():
        loans = list(Loan.objects.all())
        assert len(loans) == round(sum((one.approval_rate or 0) * PLAN.applicants / 2 for one in found)) > 20
        assert Decision.objects.count() == PLAN.applicants
        assert PerformanceBatch.objects.filter(finished_at=None).count() == 0
        assert AuditRow.objects.count() >= OutboxEvent.objects.count() > 10 * len(loans)
        assert set(InboxEntry.objects.values_list("state", flat=True)) == {"done"}
        # A label for each loan whose window has closed, and none before.
        closed = {loan.id for loan in loans if loan.matures_on <= PLAN.end_of(27).date()}
        assert closed
        assert set(Outcome.objects.values_list("loan_id", flat=True)) == closed
        assert set(OutcomeEntry.objects.values_list("loan_id", flat=True)) == closed
        assert all(row.observed_on >= row.matures_on for row in OutcomeEntry.objects.all())
        # The first model and, once outcomes had come in, another; two approvals each, neither the trainer's.
        versions = list(ModelVersion.objects.order_by("number"))
        assert len(versions) == 2
        assert Approval.objects.count() == 4
        assert not {row.user_id for row in Approval.objects.all()} & {row.trainer_id for row in versions}
    text = drawn(found)
    assert text.startswith("<svg")
    assert "cycle 2" in text
    assert "AUC" in told(found[0])


def test_a_refusal_on_the_way_ends_one_application_and_is_counted(transactional_db: None, phones: None) -> None:
    said: list[str] = []
    market = Market(Plan(applicants=3, months=1, seed=1, start=START))  # there is neither a lender nor a model yet
    cohort = market.live(0, said.append)
    assert not cohort.funded.any()
    assert market.given_up == 3
    assert said == ["2025-02: 3 applied, 0 funded; 0 outcomes so far, 3 applications broken off"]


def simulate(home: Path, *more: str) -> subprocess.CompletedProcess[str]:
    words = ["simulate", "--applicants", "52", "--months", "26", "--cycles", "2", "--first-model-rows", "300", *more]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DATABASE_")}
    return subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env={**environment, "LUOPAN_HOME": str(home)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=170,
    )  # fmt: skip


def test_the_same_seed_in_a_fresh_database_gives_the_same_lines(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as threads:
        one, again = threads.map(lambda name: simulate(tmp_path / name, "--seed", "7", "--json"), ("a", "b"))
    assert one.returncode == again.returncode == 0, one.stderr[-2000:]
    assert one.stdout == again.stdout
    keys = [
        "cycle", "auc_first_model", "auc", "ks", "approval_rate", "bad_rate_funded", "pd_predicted", "pd_true",
    ]  # fmt: skip
    assert [list(json.loads(line)) for line in one.stdout.splitlines()] == [keys, keys]
    assert (tmp_path / "a" / "market" / "seed-7.svg").read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("words", "told_"),
    [
        (["--seed", "1", "--cycles", "29"], "--cycles is at most --months"),
        (["--seed", "1", "--first-model-rows", "10"], "--first-model-rows is at least 200"),
        (["--seed", "-1"], "--seed is at least 0"),
    ],
)
def test_what_makes_no_market_is_refused(words: list[str], told_: str) -> None:
    with pytest.raises(CommandError, match=told_):
        call_command("simulate", "--applicants", "52", "--months", "26", *words)
