"""The two-node stack as a child, and its processes: their memory, and their death."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UP_S = 600


@dataclass(frozen=True)
class Node:
    """One process of Luopan with those below it: the first one's id, and all of them."""

    name: str
    main: int
    family: tuple[int, ...]

    def pss_mb(self) -> float:
        """Memory of them all, shared pages parted among their users (proc(5), smaps_rollup)."""
        total = 0
        for number in self.family:
            try:
                text = Path(f"/proc/{number}/smaps_rollup").read_text()
            except OSError:
                continue  # it has ended meanwhile
            total += int(re.findall(r"^Pss: +(\d+) kB", text, re.MULTILINE)[0])
        return total / 1024

    def kill(self) -> None:
        """End them at once, as a crash does."""
        for number in self.family:
            os.kill(number, signal.SIGKILL)


class Nodes:
    """A running stack. `environment` is what `manage.py` needs to act on it."""

    def __init__(self, folder: Path, port: int, environment: dict[str, str]) -> None:
        self.folder, self.port, self.environment = folder, port, environment

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `manage.py WORDS` to its end."""
        return subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=self.environment, capture_output=True, text=True,
            check=False, timeout=600,
        )  # fmt: skip

    def processes(self) -> dict[str, Node]:
        """Return what runs now, by name."""
        found: dict[str, dict[int, int]] = {}
        home = f"LUOPAN_HOME={self.environment['LUOPAN_HOME']}".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "environ").read_bytes().split(b"\0")
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            names = [word.partition(b"=")[2].decode() for word in words if word.startswith(b"LUOPAN_NODE=")]
            if names and home in words:
                found.setdefault(names[0], {})[int(folder.name)] = parent
        return {name: _node(name, family) for name, family in found.items()}


def _node(name: str, parents: dict[int, int]) -> Node:
    main = min((number for number, parent in parents.items() if parent not in parents), default=min(parents))
    return Node(name, main, tuple(parents))


@contextmanager
def two_nodes(folder: Path, port: int) -> Iterator[Nodes]:
    """Start deploy/local/two-nodes, wait until it is up, and stop it afterwards."""
    command = [sys.executable, "deploy/local/two_nodes.py", "--folder", str(folder), "--port", str(port)]
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "two-nodes.log"
    with log.open("wb") as output:
        child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        _until_up(child, log)
        yield Nodes(folder, port, json.loads((folder / "environment.json").read_text()))
    finally:
        child.terminate()
        try:
            child.wait(60)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _until_up(child: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline_s = time.monotonic() + UP_S
    while "] up: " not in log.read_text():
        if child.poll() is not None or time.monotonic() > deadline_s:
            raise SystemExit(f"the stack did not start:\n{log.read_text()[-3000:]}")
        time.sleep(0.2)
