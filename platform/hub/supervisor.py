"""One parent and its children: started again when they crash, stopped together, and never left behind.

All children are in one process group, led by `hub.guard`, which ends the group when the parent has gone. They write
to files, so nobody waits for a slow terminal; warnings are copied from the files to the terminal.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hub import guard

RESTART_DELAYS_S = (0.5, 2.0)  # a child that dies young once more than this ends the whole
YOUNG_S = 20.0
LOG_BYTES_MAX = 20_000_000
_LOUD = ("warning", "error", "critical")


class ChildFailed(Exception):
    """A child keeps dying; the message holds its last words."""


@dataclass
class Child:
    """One process. A child that runs `once` is done when it ends with 0; its output is shown."""

    name: str
    command: list[str]
    log: Path
    once: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    started_s: float = 0.0
    due_s: float = 0.0
    young_deaths: int = 0
    shown: int = 0  # bytes of the log that the terminal has seen
    done: bool = False


@dataclass
class Supervisor:
    """The parent. `say` prints a line; `root` is the folder of manage.py, `logs` the folder of the logs.

    After `warm_s` of stopping, workers are told to give their tasks back; after `deadline_s` everything is killed.
    """

    root: Path
    logs: Path
    say: Callable[[str], None]
    children: list[Child] = field(default_factory=list)
    warm_s: float = 10.0
    deadline_s: float = 15.0

    def __post_init__(self) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", guard.__file__], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            process_group=0,
        )  # fmt: skip

    def start(self, name: str, *words: str, once: bool = False, environment: dict[str, str] | None = None) -> Child:
        """Start `manage.py WORDS` as a child."""
        command = [sys.executable, str(self.root / "manage.py"), *words]
        return self.start_program(name, *command, once=once, environment=environment)

    def start_program(
        self, name: str, *command: str, once: bool = False, environment: dict[str, str] | None = None
    ) -> Child:
        """Start any program, in the foreground, as a child."""
        child = Child(name, list(command), self.logs / f"{name}.log", once, environment or {})
        child.shown = child.log.stat().st_size if child.log.exists() else 0
        self.children.append(child)
        self._spawn(child)
        return child

    def look(self) -> None:
        """Show what is new, start again what crashed; `ChildFailed` where that is of no use."""
        for child in self.children:
            self._show(child)
            if child.process is None:
                if not child.done and time.monotonic() >= child.due_s:
                    self._spawn(child)
            elif (code := child.process.poll()) is not None:
                self._show(child)
                self._bury(child, code)
        if self._guard.poll() is not None:
            raise ChildFailed("the guard of the processes was killed")

    def stop(self) -> None:
        """Ask every child to end, hurry those that are slow, kill what is left at the deadline."""
        begun = time.monotonic()
        self._signal(signal.SIGTERM)
        hurried = False
        while self._alive() and time.monotonic() - begun < self.deadline_s:
            if not hurried and time.monotonic() - begun > self.warm_s:
                self.say(f"still at work, told to give it back: {', '.join(child.name for child in self._alive())}")
                self._signal(signal.SIGQUIT)
                hurried = True
            time.sleep(0.05)
        self.kill()

    def kill(self) -> None:
        """Kill whatever is left of the group, the guard included. Safe to repeat."""
        if self._guard.stdin is None or self._guard.stdin.closed:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._guard.pid, signal.SIGKILL)
        self._guard.wait()
        self._guard.stdin.close()
        for child in self.children:
            if child.process:
                child.process.wait()

    def _alive(self) -> list[Child]:
        return [child for child in self.children if child.process and child.process.poll() is None]

    def _signal(self, number: int) -> None:
        for child in self._alive():
            if child.process:
                child.process.send_signal(number)

    def _spawn(self, child: Child) -> None:
        with child.log.open("ab") as output:
            child.process = subprocess.Popen(
                child.command, cwd=self.root, stdout=output, stderr=output, stdin=subprocess.DEVNULL,
                process_group=self._guard.pid,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **child.environment},
            )  # fmt: skip
        child.started_s = time.monotonic()

    def _bury(self, child: Child, code: int) -> None:
        child.process = None
        if child.once and code == 0:
            child.done = True
            return
        young = time.monotonic() - child.started_s < YOUNG_S
        child.young_deaths = child.young_deaths + 1 if young else 1
        if child.once or child.young_deaths > len(RESTART_DELAYS_S):
            raise ChildFailed(f"{child.name} {_ended(code)}. Its last words ({child.log}):\n{_last_words(child.log)}")
        delay_s = RESTART_DELAYS_S[child.young_deaths - 1]
        child.due_s = time.monotonic() + delay_s
        self.say(f"{child.name} {_ended(code)}: starting it again in {delay_s:g} s")

    def _show(self, child: Child) -> None:
        size = child.log.stat().st_size
        if size <= child.shown:
            return
        with child.log.open("rb") as file:
            file.seek(child.shown)
            new, complete, _ = file.read(size - child.shown).rpartition(b"\n")
        child.shown += len(new) + len(complete)
        for line in new.decode(errors="replace").splitlines():
            if text := _for_terminal(line, everything=child.once):
                self.say(f"{child.name}: {text}")
        if size > LOG_BYTES_MAX:
            shutil.copyfile(child.log, child.log.with_suffix(".log.1"))
            os.truncate(child.log, 0)  # the child appends, so it goes on at the new end
            child.shown = 0


def _ended(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"


def _last_words(log: Path, lines: int = 15) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8000))
        return "\n".join(f"  {line}" for line in file.read().decode(errors="replace").splitlines()[-lines:])


def _for_terminal(line: str, *, everything: bool) -> str:
    try:
        entry = json.loads(line)
        level = entry["level"]
    except (ValueError, TypeError, KeyError):
        return line if everything else ""
    if level not in _LOUD:
        return ""
    rest = " ".join(f"{key}={value}" for key, value in entry.items() if key not in ("level", "event", "timestamp"))
    return f"{level}: {entry.get('event', '')} {rest}".rstrip()
