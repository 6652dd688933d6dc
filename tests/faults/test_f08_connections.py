"""F08: the database has no connection left: 503 with Retry-After, and it recovers by itself."""

import time
from contextlib import ExitStack, suppress

import psycopg
import pytest

from tests.faults.cluster import Cluster
from tests.faults.conftest import MakeCluster, MakeStack
from tests.faults.load import Load, assert_polite, assert_settled
from tests.stack import until

CONNECTIONS = 20
OURS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'luopan_app'"


def take_all(cluster: Cluster, others: ExitStack) -> bool:
    """Let somebody else take each connection that is free, end ours; tell whether none of ours came back."""
    ended = len(cluster.ask(OURS))
    with suppress(psycopg.OperationalError):
        for _ in range(CONNECTIONS):
            others.enter_context(cluster.connect("luopan_owner"))
    return not ended


def refused(load: Load, since_s: float) -> int:
    return len([told for told in load.since(since_s) if told.status == 503])


@pytest.mark.fault("F08", heavy=True)
def test_fifty_clients_and_not_one_connection(make_cluster: MakeCluster, make_stack: MakeStack) -> None:
    cluster = make_cluster(max_connections=str(CONNECTIONS))
    address = make_stack(cluster).web()
    with Load(cluster.world.authorization, [address], threads=50) as load:
        until(lambda: len(load.acknowledged) > 20, within_s=60, what="load")
        with ExitStack() as others:
            begun_s = time.monotonic()
            until(lambda: take_all(cluster, others), within_s=60, what="nothing is left for us")
            until(lambda: refused(load, begun_s) > 8, within_s=30, what="503")
        back_s = time.monotonic()
        known = len(load.acknowledged)
        until(lambda: len(load.acknowledged) > known + 50, within_s=60, what="work goes on")
        print(f"good again after {time.monotonic() - back_s:.1f} s")
    assert_polite(load.since(begun_s))
    assert_settled(load, cluster)
    cluster.check_invariants()
