"""`manage.py up` as a newcomer runs it: a real parent with real children, in a folder and on a port of its own."""

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from hub import postgres
from tests.stack import free_port, until

ROOT = Path(__file__).resolve().parents[1]
MARK = "LUOPAN_TEST_MARK"


class Up:
    """One `manage.py up`; every process that comes of it carries a mark in its environment."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.port = free_port()
        self.mark = uuid.uuid4().hex
        self.environment = {
            **os.environ, "LUOPAN_HOME": str(home), "LUOPAN_PORT": str(self.port), "LUOPAN_DEMO": "0",
            "LUOPAN_DEMO_APPLICANTS": "0",
            MARK: self.mark, **environment,
        }  # fmt: skip
        self.process: subprocess.Popen[str] | None = None
        self.printed = ""

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
