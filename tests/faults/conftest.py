"""A fresh stack on a database of its own for each fault, and the table of what was injected (`make faults`)."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from _pytest.terminal import TerminalReporter
from pytest_django import DjangoDbBlocker

from tests.faults.catalogue import FAULTS, LEFT_OUT
from tests.faults.cluster import Cluster, cluster_of, make_template
from tests.harness import HOME, SOAK
from tests.stack import Stack

ALL = os.environ.get("LUOPAN_FAULTS") == "1"
MakeCluster = Callable[..., Cluster]
MakeStack = Callable[..., Stack]
Results = defaultdict[str, defaultdict[str, int]]


@pytest.fixture
def stack(transactional_db: None, tmp_path: Path) -> Iterator[Stack]:
    """Give a stack on this worker's database and end all its processes."""
    made = Stack(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def template(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Cluster:
    """Return the stopped cluster that all others are copies of."""
    with django_db_blocker.unblock():
        return make_template(HOME / f"faults{os.environ.get('PYTEST_XDIST_WORKER', '')}")


@pytest.fixture
def make_cluster(template: Cluster, django_db_blocker: DjangoDbBlocker) -> Iterator[MakeCluster]:
    """Return a function that starts a cluster, given options of the server; all end with the test."""
    with django_db_blocker.unblock(), ExitStack() as until_the_end:
        yield lambda **options: until_the_end.enter_context(cluster_of(template, **options))


@pytest.fixture
def cluster(make_cluster: MakeCluster) -> Cluster:
    """Return a running cluster."""
    return make_cluster()


@pytest.fixture
def make_stack(tmp_path: Path) -> Iterator[MakeStack]:
    """Return a function that gives a stack on a cluster; all its processes end with the test."""
    with ExitStack() as until_the_end:

        def make(cluster: Cluster, **environment: str) -> Stack:
            made = Stack(tmp_path, **{**cluster.environment, **environment})
            until_the_end.callback(made.close)
            return made

        yield make


@pytest.fixture
def on_cluster(cluster: Cluster, make_stack: MakeStack) -> Stack:
    """Return a stack that lives on `cluster`."""
    return make_stack(cluster)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note which faults a test injects; skip the heavy ones unless all are asked for."""
    for item in items:
        for mark in item.iter_markers("fault"):
            item.user_properties.append(("fault", list(mark.args)))
            if mark.kwargs.get("heavy") and not (ALL or SOAK):
                item.add_marker(pytest.mark.skip(reason="too long for every run: `make faults` runs it"))


def pytest_terminal_summary(terminalreporter: TerminalReporter, exitstatus: int) -> None:
    """Print one row for each fault of the catalogue."""
    if not ALL:
        return
    results, seconds = _results(terminalreporter)
    terminalreporter.section("faults")
    terminalreporter.line("| # | fault | result | seconds |")
    terminalreporter.line("|---|---|---|---|")
    for number, title in FAULTS.items():
        if number in results:
            told = " and ".join(f"{count} {word}" for word, count in sorted(results[number].items()))
        else:
            told = f"left out: {LEFT_OUT[number]}" if number in LEFT_OUT else "NOT INJECTED"
        terminalreporter.line(f"| {number} | {title} | {told} | {seconds[number]:.1f} |")


def _results(reporter: TerminalReporter) -> tuple[Results, dict[str, float]]:
    """Return how many tests of each fault ended how, and how long they took; a skip tells its reason.

    Reports of modules that could not be collected tell of no fault.
    """
    results: Results = defaultdict(lambda: defaultdict(int))
    seconds: defaultdict[str, float] = defaultdict(float)
    for word in ("passed", "failed", "error", "skipped"):
        for report in reporter.stats.get(word, []):
            for number in _faults(report):
                seconds[number] += report.duration
                results[number][_word(report, word)] += 1
    return results, seconds


def _faults(report: Any) -> list[str]:
    return [number for name, numbers in getattr(report, "user_properties", ()) if name == "fault" for number in numbers]


def _word(report: Any, word: str) -> str:
    return f"skipped ({report.longrepr[2].removeprefix('Skipped: ')})" if word == "skipped" else word
