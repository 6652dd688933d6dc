"""What `manage.py up` starts, watches, stops and refuses."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import postgres
from tests.stack import free_port, until
from tests.up_process import Up


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    made = Up(tmp_path / "home")
    yield made
    made.end()


def test_one_life(up: Up, tmp_path: Path) -> None:
    up.start()
    seen = up.read_until("Ctrl-C stops everything")
    assert up.get("/livez") == (200, b'{"status": "ok"}')
    status, body = up.get("/readyz")
    parts = json.loads(body)["parts"]
    assert status == 503
    assert parts.pop("champion") == "no champion yet"  # no demo data in this test
    assert parts == {"database": "ok", "role": "ok", "migrations": "ok"}
    assert f"http://localhost:{up.port}/console/" in seen
    commands = " ".join(up.family().values())
    for part in ("manage.py web", "worker default", "worker delivery", "worker training", "manage.py beat", "postgres"):
        assert part in commands

    again = Up(up.home)
    assert again.run() == (1, f"luopan: Luopan already runs from {up.home} (process {up.process.pid}, "  # type: ignore[union-attr]  # it was started above
                           f"http://localhost:{up.port}): stop it, or set LUOPAN_HOME.\n")  # fmt: skip
    other = Up(tmp_path / "other", LUOPAN_PORT=str(up.port))
    code, output = other.run()
    assert code == 1
    assert f"Cannot listen on 127.0.0.1:{up.port} (Address already in use)" in output
    assert output.count("\n") == 1
    assert not again.family()
    assert not other.family()

    beat = next(number for number, command in up.family().items() if "manage.py beat" in command)
    os.kill(beat, signal.SIGKILL)
    up.read_until("beat was killed by SIGKILL: starting it again")
    until(lambda: any("manage.py beat" in c for n, c in up.family().items() if n != beat), what="beat", within_s=10)

    server = int((up.home / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(server, signal.SIGKILL)
    up.read_until("the database had died: it is started again")
    until(lambda: json.loads(up.get("/readyz")[1])["parts"]["database"] == "ok", what="the database", within_s=20)

    assert up.process
    begun = time.monotonic()
    up.process.terminate()
    assert up.process.wait(timeout=30) == 0
    assert time.monotonic() - begun < 20
    until(lambda: not up.family(), what="the end of the database", within_s=10)


def test_a_killed_parent_leaves_nobody_behind(up: Up) -> None:
    up.start()
    up.read_until("Ctrl-C stops everything")
    until(lambda: sum("worker" in c for c in up.family().values()) == 6, what="workers with their pools", within_s=120)
    assert sum("manage.py web" in command for command in up.family().values()) == 2  # granian and its own worker
    own = os.getpriority(os.PRIO_PROCESS, 0)

    def gives_way() -> list[str]:
        return [command for number, command in up.family().items() if os.getpriority(os.PRIO_PROCESS, number) > own]

    until(gives_way, what="a process that trains at lower priority", within_s=10)
    assert ["worker training" in command for command in gives_way()] == [True]  # not the worker that watches over it

    assert up.process
    up.process.kill()
    up.process.wait()
    until(lambda: not up.family(), what="the end of every process", within_s=10)
    assert not (up.home / "postgres" / "postmaster.pid").exists()


def assert_refused(up: Up, sentence: str) -> None:
    """It ends with 1 and one sentence of ours, without a traceback, and leaves nobody behind."""
    code, output = up.run()
    assert sentence in output
    assert code == 1
    assert output.splitlines()[-1].startswith("luopan: ")
    assert "Traceback" not in output
    until(lambda: not up.family(), what="the end of every process", within_s=10)


def test_a_folder_that_cannot_be_written(up: Up) -> None:
    up.home.write_text("a file stands where the folder should be")
    assert_refused(up, f"Cannot write {up.home}/secrets.json (File exists): free the folder, or set LUOPAN_HOME")


def test_a_full_disk(up: Up) -> None:
    up.environment["LUOPAN_FREE_MB"] = "900000000"
    assert_refused(up, f"The disk of {up.home} is full")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs unshare")
def test_no_unshare_for_root(up: Up) -> None:
    up.environment["PATH"] = str(up.home)
    assert_refused(up, "PostgreSQL does not run as root, and `unshare --user` is missing or forbidden here")


def test_a_superuser_is_refused(up: Up, django_db_setup: None) -> None:
    from django.conf import settings

    folder = postgres.socket_folder(settings.LUOPAN_HOME)
    up.environment["DATABASE_URL"] = f"postgresql://postgres@/postgres?host={folder}"
    assert_refused(up, "The database role 'postgres' is unsafe: it is a superuser, has BYPASSRLS, inherits")


def test_a_database_that_is_not_there(up: Up) -> None:
    up.environment["DATABASE_URL"] = f"postgresql://luopan_app@127.0.0.1:{free_port()}/luopan"
    assert_refused(up, "The database cannot be reached")
