"""The parent of `manage.py up` on its own, with small scripts as children."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hub.supervisor import ChildFailed, Supervisor

SCRIPT = """
import json, os, signal, sys, time
word = sys.argv[1]
print(f"{word} has begun", flush=True)
if word == "dies":
    sys.exit("my last words")
if word == "dies-once" and not os.path.exists("died"):
    open("died", "w").close()
    os.kill(os.getpid(), signal.SIGKILL)
if word == "warns":
    print(json.dumps({"level": "info", "event": "all is well"}))
    print(json.dumps({"level": "warning", "event": "the disk fills", "percent": 91}), flush=True)
if word == "finishes":
    sys.exit(0)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # whoever started the tests in the background had it ignored
if word in ("stubborn", "deaf"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if word == "deaf":
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)
if word == "forks":
    os.fork()
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[Supervisor]:
    (tmp_path / "manage.py").write_text(SCRIPT)
    said: list[str] = []
    made = Supervisor(tmp_path, tmp_path / "log", said.append, warm_s=0.3, deadline_s=0.6)
    made.said = said  # type: ignore[attr-defined]  # for the assertions only
    yield made
    made.kill()


def said(parent: Supervisor) -> str:
    return "\n".join(parent.said)  # type: ignore[attr-defined]  # see above


def watch(parent: Supervisor, done: Callable[[], object], within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < deadline, said(parent)
        parent.look()
        time.sleep(0.02)


def ready(parent: Supervisor, name: str) -> Callable[[], bool]:
    return lambda: "ready" in (parent.logs / f"{name}.log").read_text()


def test_a_child_that_keeps_dying_ends_all_with_its_last_words(parent: Supervisor) -> None:
    child = parent.start("web", "dies")
    with pytest.raises(ChildFailed) as caught:
        watch(parent, lambda: False)
    assert str(caught.value).startswith("web ended with 1. Its last words (")
    assert str(caught.value).endswith("my last words")
    assert child.log.read_text().count("my last words") == 3
    assert "web ended with 1: starting it again in 0.5 s\nweb ended with 1: starting it again in 2 s" in said(parent)


def test_a_child_that_dies_once_is_started_again(parent: Supervisor) -> None:
    parent.start("beat", "dies-once")
    watch(parent, ready(parent, "beat"))
    assert said(parent) == "beat was killed by SIGKILL: starting it again in 0.5 s"


def test_only_warnings_reach_the_terminal(parent: Supervisor) -> None:
    parent.start("web", "warns")
    watch(parent, lambda: said(parent))
    assert said(parent) == "web: warning: the disk fills percent=91"
    assert "all is well" in (parent.logs / "web.log").read_text()


def test_a_child_that_runs_once_shows_all_and_is_not_started_again(parent: Supervisor) -> None:
    child = parent.start("demo", "finishes", once=True)
    watch(parent, lambda: child.done)
    for _ in range(3):
        parent.look()
    assert said(parent) == "demo: finishes has begun"


def test_one_that_runs_once_and_fails_ends_all(parent: Supervisor) -> None:
    parent.start("demo", "dies", once=True)
    with pytest.raises(ChildFailed, match="my last words"):
        watch(parent, lambda: False)


@pytest.mark.parametrize(
    ("word", "signal_"), [("obeys", signal.SIGTERM), ("stubborn", signal.SIGQUIT), ("deaf", signal.SIGKILL)]
)
def test_stopping_has_a_deadline(parent: Supervisor, word: str, signal_: signal.Signals) -> None:
    parent.deadline_s = 0.6 if word == "deaf" else 20
    child = parent.start("training", word)
    watch(parent, ready(parent, "training"))
    begun = time.monotonic()
    parent.stop()
    assert child.process
    assert child.process.returncode == -signal_
    assert time.monotonic() - begun < parent.deadline_s + 2
    assert ("told to give it back: training" in said(parent)) == (word != "obeys")


def members(group: int) -> list[str]:
    """Return the living members of a process group; a dead one may wait for its parent to notice."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            name, _, rest = path.read_text().rpartition(")")
            state, _, owner, *_ = rest.split()
            if int(owner) == group and state != "Z":
                found.append(name)
    return found


def assert_gone(group: int) -> None:
    deadline = time.monotonic() + 5
    while living := members(group):
        assert time.monotonic() < deadline, living
        time.sleep(0.02)


def test_grandchildren_go_too(parent: Supervisor) -> None:
    parent.start("web", "forks")
    watch(parent, lambda: (parent.logs / "web.log").read_text().count("ready") == 2)
    group = parent._guard.pid
    assert len(members(group)) == 3
    parent.stop()
    assert_gone(group)


def test_the_guard_ends_the_group_of_a_parent_that_was_killed(tmp_path: Path) -> None:
    (tmp_path / "manage.py").write_text(SCRIPT)
    program = (
        "import pathlib, time, hub.supervisor as s; p = s.Supervisor(pathlib.Path('.'), pathlib.Path('log'), print);"
        "p.start('web', 'deaf'); print(p._guard.pid, flush=True); time.sleep(60)"
    )
    path = os.pathsep.join(sys.path)
    killed = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
    )
    assert killed.stdout
    group = int(killed.stdout.readline())
    while "ready" not in (tmp_path / "log" / "web.log").read_text():
        time.sleep(0.02)
    killed.kill()
    killed.communicate()
    assert_gone(group)
