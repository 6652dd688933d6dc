"""F32: a table is dropped under load; the cluster is restored to one second before, and all holds on the copy."""

import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings

from hub import postgres
from hub.clock import now
from hub.tasks import relay_outbox, seal_audit
from hub.tenancy import platform_scope
from risk.scoring.models import Decision
from tests import factories
from tests.copied import as_superuser, copied_database, point_at
from tests.harness import HOME, count
from tests.owner import as_the_owner
from tests.risk.registry_factory import make_champion, make_line
from tests.stack import ROOT, until

LOAD_S = count(1, soak=60)
BODY = {
    "model_line": "consumer",
    "person_reference": "customer-1",
    "consent": {"reference": "consent-1", "text_version": "1", "given_at": "2026-01-01T00:00:00+08:00"},
    "features": {"income": 9000, "utilisation": 95, "housing": "rent"},
}


@pytest.fixture
def name(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A database to be wrecked: a copy of this worker's, on the same server."""
    with django_db_blocker.unblock(), copied_database() as made:
        yield made


def backup(what: str, *words: str | Path) -> dict[str, str]:
    """Run the tool as an operator does."""
    environment = {"PGHOST": str(postgres.socket_folder(HOME)), "PGUSER": "postgres", "PATH": "/usr/bin:/bin"}
    command = [sys.executable, ROOT / "deploy/backup/backup.py", what, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    said: dict[str, str] = json.loads(done.stdout or "{}")
    return said


@contextmanager
def receiver(folder: Path) -> Iterator[None]:
    """Take the log as it is written, as a service does."""
    environment = {"PGHOST": str(postgres.socket_folder(HOME)), "PGUSER": "postgres", "PATH": "/usr/bin:/bin"}
    with (folder / "receiver.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, ROOT / "deploy/backup/backup.py", "wal", "--in", folder], env=environment, stderr=log
        )
    try:
        query = "SELECT 1 FROM pg_replication_slots WHERE active AND slot_name = 'luopan_backup'"
        until(lambda: as_superuser(query), within_s=30, what="the receiver takes the log")
        yield
    finally:
        process.terminate()
        process.wait(20)
        until(
            lambda: as_superuser(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
                "WHERE NOT active AND slot_name = 'luopan_backup'"
            ),
            within_s=20, what="the slot is free",
        )  # fmt: skip


@dataclass
class Load:
    """Threads that work until they are told to end; `scored` holds of each answer its id, and when it was asked for."""

    bearer: Any
    scored: list[tuple[UUID, datetime, datetime]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def score(self) -> None:
        client = Client()
        while not self.over.is_set():
            asked = datetime.now(UTC)
            answer = client.post(
                "/api/v1/scores", json.dumps(BODY), "application/json", headers={"Idempotency-Key": str(uuid4())},
                **self.bearer,
            )  # fmt: skip
            assert answer.status_code == 201
            self.scored.append((UUID(answer.json()["id"]), asked, datetime.now(UTC)))

    def seal(self) -> None:
        while not self.over.wait(0.3):
            seal_audit()
            relay_outbox()

    @contextmanager
    def running(self) -> Iterator[None]:
        def work(job: Callable[[], None]) -> None:
            try:
                job()
            finally:
                connections.close_all()

        threads = [threading.Thread(target=work, args=(job,)) for job in (self.score, self.score, self.seal)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join()


def commands(*names: str) -> str:
    out = StringIO()
    for one in names:
        call_command(one, stdout=out)
    return out.getvalue()


def archived() -> None:
    """Wait until the folder of the log has all that the server has written."""
    [(end,)] = as_superuser("SELECT pg_current_wal_flush_lsn()::text")
    behind = f"SELECT 1 FROM pg_stat_replication WHERE application_name = 'pg_receivewal' AND flush_lsn >= '{end}'"
    until(lambda: as_superuser(behind), within_s=30, what="the receiver has it all")


@pytest.mark.fault("F32")
@pytest.mark.timeout(900)
def test_restored_to_one_second_before_a_dropped_table(name: str, tmp_path: Path, settings: Settings) -> None:
    folder, copy = tmp_path / "backup", tmp_path / "copy"
    folder.mkdir()
    settings.SEALS = tmp_path / "seals"
    make_champion(make_line())
    load = Load(factories.bearer(factories.make_client(factories.make_institution())))
    with receiver(folder):
        with load.running():
            backup("base", "--in", folder)
            time.sleep(LOAD_S + 1.2)
        dropped = now()
        as_the_owner("DROP TABLE scoring_decision CASCADE")
        archived()
    seal_audit()  # what lies after the moment has left the database, too
    wanted = dropped - timedelta(seconds=1)
    try:
        told = backup("restore", "--in", folder, "--into", copy, "--until", wanted.isoformat())
        point_at(told["socket"], name)
        said = commands("set_heads_aside", "verify_audit", "check_invariants")
        compare(load, wanted, datetime.fromisoformat(told["last_commit"]))
    finally:
        if (copy / "data" / "postmaster.pid").exists():
            backup("stop", "--into", copy)
        shutil.rmtree(postgres.socket_folder(copy), ignore_errors=True)
    assert re.search(r"\b[1-9]\d* heads set aside", said)
    assert "every sealed row is as it was" in said
    assert "BROKEN" not in said
    rpo_s = (wanted - datetime.fromisoformat(told["last_commit"])).total_seconds()
    print(f"F32: {len(load.scored)} scores, RTO {told['rto_s']} s, RPO {rpo_s:.3f} s")
    assert 0 <= rpo_s < 60


def compare(load: Load, wanted: datetime, last: datetime) -> None:
    """What was answered before the moment is in the copy; what was asked for after it is not."""
    with platform_scope():
        kept = set(Decision.objects.values_list("id", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()")
        assert cursor.fetchone() == (False,)
    before = {score for score, _, answered in load.scored if answered <= wanted}
    after = {score for score, asked, _ in load.scored if asked > wanted}
    assert len(before) > 10
    assert len(after) > 1
    assert before <= kept
    assert not after & kept
    assert last <= wanted
