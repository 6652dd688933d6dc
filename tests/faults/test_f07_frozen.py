"""F07: a database that says nothing, and a lock that lasts: 503 within 6 s, other pages go on, it recovers."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.cluster import Cluster
from tests.faults.load import Load, assert_polite, assert_settled
from tests.stack import Stack, until

WITHIN_S = 6
SLACK_S = 4
"""For a machine that is busy with other things."""


@contextmanager
def frozen(cluster: Cluster) -> Iterator[None]:
    held = cluster.processes()
    assert len(held) > 5
    cluster.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        cluster.signal(signal.SIGCONT)


def assert_served_meanwhile(load: Load, since_s: float) -> None:
    """All who asked were told soon that they should come again."""
    told = load.since(since_s)
    refused = [one for one in told if one.status == 503]
    assert refused
    slowest = sorted(one.seconds for one in refused)
    print(f"503 for {len(refused)} of {len(told)}: median {slowest[len(slowest) // 2]:.1f} s, last {slowest[-1]:.1f} s")
    assert slowest[len(slowest) * 9 // 10] < WITHIN_S
    assert slowest[-1] < WITHIN_S + SLACK_S
    assert_polite(told)


@pytest.mark.fault("F07", heavy=True)
def test_frozen_for_twenty_seconds(cluster: Cluster, on_cluster: Stack) -> None:
    address = on_cluster.web()
    on_cluster.start("worker", "default")
    on_cluster.start("beat")
    with Load(cluster.world.authorization, [address], threads=12) as load:
        until(lambda: len(load.acknowledged) > 20, within_s=60, what="load")
        begun_s = time.monotonic()
        with frozen(cluster):
            time.sleep(8)
            asked_s = time.monotonic()
            assert on_cluster.ask("GET", f"{address}/livez").status == 200
            assert time.monotonic() - asked_s < WITHIN_S + SLACK_S
            page = on_cluster.ask("GET", f"{address}/accounts/login/")
            assert (page.status, page.headers["Retry-After"]) == (503, "2")
            time.sleep(12)
        known = len(load.acknowledged)
        until(lambda: len(load.acknowledged) > known + 50, within_s=30, what="work goes on")
    assert_served_meanwhile(load, begun_s)
    assert_settled(load, cluster)
    until(lambda: not cluster.count("hub_outboxevent", "position IS NULL"), within_s=90, what="the outbox is empty")
    cluster.check_invariants()


@pytest.mark.fault("F07", heavy=True)
def test_long_lock_on_a_hot_table(cluster: Cluster, on_cluster: Stack) -> None:
    address = on_cluster.web()
    with Load(cluster.world.authorization, [address], threads=6) as load:
        until(lambda: len(load.acknowledged) > 20, within_s=60, what="load")
        begun_s = time.monotonic()
        with cluster.connect() as holder:
            holder.execute("LOCK TABLE scoring_decision IN SHARE MODE")
            time.sleep(12)
            # What does not need the table goes on beside those that wait for it.
            assert on_cluster.ask("GET", f"{address}/livez").status == 200
            page = on_cluster.ask("GET", f"{address}/accounts/login/")
            assert page.status == 200
        known = len(load.acknowledged)
        until(lambda: len(load.acknowledged) > known + 50, within_s=30, what="work goes on")
    assert_served_meanwhile(load, begun_s)
    assert_settled(load, cluster)
    cluster.check_invariants()
