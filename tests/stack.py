"""A real stack on this test's database: web and worker processes as an operator starts them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import kombu.pools
from django.db import connections

from hub.celery import app

ROOT = Path(__file__).resolve().parents[1]


def until(condition: Callable[[], Any], *, within_s: float, what: str) -> Any:
    """Return the condition's first true value; fail when `within_s` have gone by."""
    deadline = time.monotonic() + within_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {within_s} s")
        time.sleep(0.05)
    return value


def close_publisher() -> None:
    """Close the connection on which this process published tasks: it keeps a test's database from being dropped."""
    kombu.pools.reset()  # type: ignore[no-untyped-call]  # kombu is typed in part
    app._after_fork()  # what a child process does: the next one publishes on a pool of its own


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Answer:
    """What an HTTP request came back with."""

    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Stack:
    """Processes of Luopan, each a leader of its own process group, all ended by `close`."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.root = ROOT
        self.processes: list[subprocess.Popen[bytes]] = []
        self.environment = {**os.environ, **_database(), "OMP_NUM_THREADS": "1", **environment}

    def start(self, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start `manage.py WORDS`."""
        with (self.folder / f"{len(self.processes)}-{words[0]}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", *words], cwd=self.root, env={**self.environment, **environment},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `manage.py WORDS` to its end."""
        return subprocess.run(
            [sys.executable, "manage.py", *words], cwd=self.root, env={**self.environment, **environment},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=170,
        )  # fmt: skip

    def web(self, **environment: str) -> str:
        """Start a web process; return its address once it answers."""
        port = free_port()
        self.start("web", LUOPAN_PORT=str(port), **environment)
        address = f"http://localhost:{port}"
        until(lambda: self.answers(address), within_s=120, what="the web process answers")
        return address

    def answers(self, address: str) -> bool:
        """Tell whether a web process lives there."""
        try:
            return self.ask("GET", f"{address}/livez").status == 200
        except OSError:
            return False

    def ask(
        self, method: str, url: str, body: Any = None, headers: dict[str, str] | None = None, timeout_s: float = 30
    ) -> Answer:
        """Send one request; bytes as they are, anything else as JSON. OSError where the connection breaks."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Content-Type": "application/json"} if data is not None else {}
        request = urllib.request.Request(url, data, {**given, **(headers or {})}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as response:
                return Answer(response.status, response.headers, response.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill the process with its whole group, at once."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def log(self, process: subprocess.Popen[bytes]) -> str:
        """What the process has printed."""
        name = self.processes.index(process)
        return next(self.folder.glob(f"{name}-*.log")).read_text(errors="replace")

    def close(self) -> None:
        """End everything."""
        for process in self.processes:
            if process.poll() is None:
                self.kill(process)


def _database() -> dict[str, str]:
    place = connections["default"].settings_dict

    def url(user: str) -> str:
        return f"postgresql://{user}@/{place['NAME']}?host={quote(place['HOST'], safe='')}"

    return {"DATABASE_URL": url("luopan_app"), "DATABASE_OWNER_URL": url("luopan_owner")}
