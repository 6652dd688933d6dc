"""Queues of one test, and real worker processes on them that are always ended."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from celery import Celery
from psycopg.conninfo import make_conninfo

from hub.celery import WORKER_FLAGS
from tests.hub import broker_app

ROOT = Path(__file__).resolve().parents[2]
LEASE_S = 2.0
_number = itertools.count()


def until(condition: Callable[[], Any], *, within_s: float, what: str) -> Any:
    """Return the condition's first true value; fail when `within_s` have gone by."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {within_s} s")
        time.sleep(0.02)
    return value


class Bench:
    """The queues of one test at the broker `url`, and the workers started on them."""

    def __init__(self, folder: Path, *, url: str = "", dsn: str = "") -> None:
        self.folder = folder
        self.file = str(folder / "done.txt")
        self.prefix = f"t{os.getpid()}n{next(_number)}."
        self.url, self.dsn = url, dsn
        self.apps: list[Celery] = []
        self.app = self.make_app()
        self.processes: list[subprocess.Popen[bytes]] = []

    def make_app(self, **options: object) -> Celery:
        """Return an app that sends to this test's queues, with other options of the transport."""
        self.apps.append(broker_app.make(self.url, self.dsn, self.prefix, **options))
        return self.apps[-1]

    def queue(self, name: str = "default") -> str:
        """Return the test's queue of that name."""
        return self.prefix + name

    def send(
        self, task: str, *args: object, queue: str = "default", countdown: float | None = None,
        sender: Celery | None = None,
    ) -> None:  # fmt: skip
        """Send a task of broker_tasks, by a connection for this one message."""
        app = sender or self.app
        name = f"tests.hub.broker_tasks.{task}"
        with app.connection_for_write() as connection:
            app.send_task(name, args, queue=self.queue(queue), countdown=countdown, connection=connection)

    def start(self, *queues: str, concurrency: int = 1, poll_s: float = 1.0, dsn: str = "") -> subprocess.Popen[bytes]:
        """Start a worker in a process group of its own and wait until it consumes."""
        names = ",".join(self.queue(name) for name in queues or ("default",))
        log = self.folder / f"worker{len(self.processes)}.log"
        environment = {
            **os.environ,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}",
            "BROKER_TEST_PREFIX": self.prefix, "BROKER_TEST_URL": self.url, "BROKER_TEST_DSN": dsn or self.dsn,
            "BROKER_TEST_LEASE_S": str(LEASE_S), "BROKER_TEST_POLL_S": str(poll_s),
        }  # fmt: skip
        command = [sys.executable, "-m", "celery", "-A", "tests.hub.broker_app", "worker", "-l", "INFO"]
        command += ["-Q", names, "-c", str(concurrency), "-n", f"{self.prefix}{len(self.processes)}@test"]
        with log.open("wb") as output:
            worker = subprocess.Popen(
                [*command, *WORKER_FLAGS], env=environment, cwd=self.folder, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        self.processes.append(worker)
        until(lambda: b" ready." in log.read_bytes() or worker.poll() is not None, within_s=30, what="worker ready")
        assert worker.poll() is None, log.read_text()
        return worker

    def lines(self) -> list[str]:
        """Return what the tasks have written so far."""
        path = Path(self.file)
        return path.read_text().splitlines() if path.exists() else []

    def wait_for(self, count: int, *, within_s: float) -> list[str]:
        """Wait until the tasks have written `count` lines."""
        until(lambda: len(self.lines()) >= count, within_s=within_s, what=f"{count} lines")
        return self.lines()

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """Kill the worker with its children, at once."""
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()

    def close(self) -> None:
        """End all workers and connections."""
        for worker in self.processes:
            if worker.poll() is None:
                self.kill(worker)
        for app in self.apps:
            app.close()


class PostgresBench(Bench):
    """A bench on a PostgreSQL database; its rows are looked at and removed as the owner."""

    def __init__(self, folder: Path, place: dict[str, str]) -> None:
        self.owner_dsn = make_conninfo("", user="luopan_owner", **place)
        super().__init__(folder, dsn=make_conninfo("", user="luopan_app", **place))

    def rows(self, columns: str, table: str = "hub_brokermessage") -> list[tuple[Any, ...]]:
        """Return the rows of this test's queues, by id."""
        query = f"SELECT {columns} FROM {table} WHERE starts_with(queue, %s) ORDER BY id"
        with psycopg.connect(self.owner_dsn) as connection:
            return connection.execute(query.encode(), (self.prefix,)).fetchall()

    def wait_empty(self, *, within_s: float = 5) -> None:
        """Wait until every message has been acknowledged."""
        until(lambda: not self.rows("id"), within_s=within_s, what="an empty table")

    def close(self) -> None:
        """End all workers and forget the test's messages."""
        super().close()
        with psycopg.connect(self.owner_dsn) as connection:
            for table in ("hub_brokermessage", "hub_brokerdead"):
                connection.execute(f"DELETE FROM {table} WHERE starts_with(queue, %s)".encode(), (self.prefix,))
