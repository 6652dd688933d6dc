"""F02: web is reloaded, and ended, under load: whoever was let in is answered."""

import signal
import time

import pytest

from hub.management.commands.web import RELOAD_S
from tests.faults.cluster import Cluster
from tests.faults.load import BROKEN, Load, assert_settled
from tests.stack import Stack, free_port, until


@pytest.mark.fault("F02", heavy=True)
def test_reload_and_orderly_end_under_load(cluster: Cluster, on_cluster: Stack) -> None:
    ports = [free_port(), free_port()]
    webs = [on_cluster.start("web", LUOPAN_PORT=str(port)) for port in ports]
    addresses = [f"http://localhost:{port}" for port in ports]
    until(lambda: all(map(on_cluster.answers, addresses)), within_s=90, what="both web processes answer")
    with Load(cluster.world.authorization, addresses, threads=4) as load:
        until(lambda: len(load.acknowledged) > 20, within_s=60, what="load")
        begun_s = time.monotonic()
        webs[0].send_signal(signal.SIGHUP)
        until(lambda: "gracefully respawning" in on_cluster.log(webs[0]), within_s=30, what="the reload")
        time.sleep(RELOAD_S + 15)
        known = len(load.acknowledged)
        until(lambda: len(load.acknowledged) > known + 50, within_s=60, what="work goes on")
        load.addresses = addresses[:1]  # a balancer sends it nothing new; what it has in hand it finishes
        webs[1].send_signal(signal.SIGTERM)
        assert webs[1].wait(30) == 0
        known = len(load.acknowledged)
        until(lambda: len(load.acknowledged) > known + 50, within_s=60, what="work goes on at the other one")
    told = load.since(begun_s)
    # A connection that was kept open may be closed between two requests; none gets half an answer or a fault.
    assert {one.status for one in told} <= {201, BROKEN}
    broken = [round(one.at_s - begun_s, 1) for one in told if one.status == BROKEN]
    print(f"broken connections of {len(told)} requests, by second: {broken}")
    assert len(broken) <= 8
    assert_settled(load, cluster)
    cluster.check_invariants()
