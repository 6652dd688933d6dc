"""`manage.py up` as a newcomer runs it: a real parent with real children, in a folder and on a port of its own."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub import postgres

ROOT = Path(__file__).resolve().parents[2]
MARK = "LUOPAN_TEST_MARK"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Up:
    """One `manage.py up`; every process that comes of it carries a mark in its environment."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.port = free_port()
        self.mark = uuid.uuid4().hex
        self.environment = {
            **os.environ, "LUOPAN_HOME": str(home), "LUOPAN_PORT": str(self.port), "LUOPAN_DEMO": "0",
            MARK: self.mark, **environment,
        }  # fmt: skip
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up"], cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip

    def read_until(self, pattern: str) -> str:
        """Return the output up to the line that matches; fail where it ends before."""
        assert self.process
        assert self.process.stdout
        seen = ""
        for line in self.process.stdout:
            seen += line
            if re.search(pattern, line):
                return seen
        pytest.fail(f"no line matches {pattern!r}:\n{seen}")

    def run(self) -> tuple[int, str]:
        """Run one that is to end by itself; return its code and output."""
        self.start()
        assert self.process
        output, _ = self.process.communicate(timeout=90)
        return self.process.returncode, output

    def get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def family(self) -> dict[int, str]:
        """Return every living process that carries the mark, with its command line."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes():
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # it has ended meanwhile
        return {number: command for number, command in found.items() if command}

    def end(self) -> None:
        for number in self.family():
            os.kill(number, signal.SIGKILL)
        until(lambda: not self.family(), what="the end of every process", within_s=20)
        if self.process and self.process.stdout:
            self.process.wait()
            self.process.stdout.close()
        shutil.rmtree(postgres.socket_folder(self.home), ignore_errors=True)


def until(condition: Callable[[], object], *, what: str, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {within_s} s")
        time.sleep(0.05)


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

    assert up.process
    begun = time.monotonic()
    up.process.terminate()
    assert up.process.wait(timeout=30) == 0
    assert time.monotonic() - begun < 20
    until(lambda: not up.family(), what="the end of the database", within_s=10)


def test_a_killed_parent_leaves_nobody_behind(up: Up) -> None:
    up.start()
    up.read_until("Ctrl-C stops everything")
    until(lambda: sum("worker" in c for c in up.family().values()) == 6, what="workers with their pools", within_s=40)
    assert sum("manage.py web" in command for command in up.family().values()) == 2  # granian and its own worker

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
