"""F09, F10: the broker is away, or accepts and says nothing: who asks the web does not notice, all is made up for."""

import os
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.cluster import Cluster
from tests.faults.conftest import MakeStack
from tests.faults.load import Load, assert_settled
from tests.stack import Stack, free_port, until

WELL_S = 30
AWAY_S = float(os.environ.get("AWAY_S", "300"))
DRAINED_S = 120


@contextmanager
def silent() -> Iterator[int]:
    """Listen on a port, take every connection, and never say a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=500) as server:
        yield int(server.getsockname()[1])


def seconds(cluster: Cluster, address: str, during_s: float) -> tuple[list[float], Load]:
    with Load(cluster.world.authorization, [address], threads=2) as load:
        time.sleep(during_s)
    return [told.seconds for told in load.told if told.status == 201], load


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def broken_broker(cluster: Cluster, stack: Stack, port: int, *, away_s: float) -> None:
    """Serve with such a broker beside one that is well, in turn; then let a worker drain what has waited."""
    url = f"amqp://guest:guest@127.0.0.1:{port}//"  # pragma: allowlist secret
    well, ill = stack.web(), stack.web(CELERY_BROKER_URL=url)
    stack.start("worker", "default", CELERY_BROKER_URL=url)
    stack.start("beat", CELERY_BROKER_URL=url)
    before, first = seconds(cluster, well, WELL_S)
    during, second = seconds(cluster, ill, away_s)
    assert {told.status for told in second.told} == {201}
    assert max(during) < max(2, 1.5 * max(before))  # a busy disk makes both wait
    print(f"p95 {p95(before) * 1000:.0f} ms, without the broker {p95(during) * 1000:.0f} ms")
    assert p95(during) < 1.2 * p95(before) + 0.05
    both = Load(cluster.world.authorization, [ill])
    both.acknowledged = {**first.acknowledged, **second.acknowledged}
    assert_settled(both, cluster)
    assert cluster.count("hub_outboxevent", "position IS NULL") >= len(both.acknowledged)
    for process in stack.processes[2:]:
        stack.kill(process)
    stack.start("worker", "default")
    stack.start("beat")
    begun_s = time.monotonic()
    until(lambda: not cluster.count("hub_outboxevent", "position IS NULL"), within_s=DRAINED_S, what="a drained outbox")
    print(f"drained {len(both.acknowledged)} events in {time.monotonic() - begun_s:.1f} s")
    cluster.check_invariants()


@pytest.mark.fault("F09", heavy=True)
def test_no_broker(cluster: Cluster, make_stack: MakeStack) -> None:
    broken_broker(cluster, make_stack(cluster), free_port(), away_s=AWAY_S)


@pytest.mark.fault("F10", heavy=True)
def test_a_broker_that_says_nothing(cluster: Cluster, make_stack: MakeStack) -> None:
    with silent() as port:
        broken_broker(cluster, make_stack(cluster), port, away_s=WELL_S)
