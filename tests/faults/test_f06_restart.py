"""F06: the database is restarted under load: 503 meanwhile, not one error after it is back, nothing lost."""

import time

import pytest

from tests.faults.cluster import Cluster
from tests.faults.load import Load, assert_polite, assert_settled
from tests.stack import Stack, until


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param("immediate", marks=pytest.mark.fault("F06")),
        pytest.param("fast", marks=pytest.mark.fault("F06", heavy=True)),
    ],
)
def test_restart_under_load(cluster: Cluster, on_cluster: Stack, mode: str) -> None:
    address = on_cluster.web()
    with Load(cluster.world.authorization, [address]) as load:
        until(lambda: len(load.acknowledged) > 20, within_s=30, what="load")
        away_s = time.monotonic()
        cluster.stop(mode)
        time.sleep(1)
        cluster.start()
        back_s = time.monotonic()
        known = len(load.acknowledged)
        until(lambda: len(load.acknowledged) > known + 20, within_s=60, what="work goes on")
        good_s = time.monotonic()
        until(lambda: len(load.since(good_s)) > 50, within_s=60, what="fifty more answers")
    print(f"{mode}: away {back_s - away_s:.1f} s, good again after {good_s - back_s:.1f} s")
    assert {told.status for told in load.since(good_s)} == {201}
    assert_polite(load.since(away_s))
    assert_settled(load, cluster)
    cluster.check_invariants()
