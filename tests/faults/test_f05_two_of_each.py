"""F05: two beats, and two workers that relay, feed and send at once: each event has one place and one effect."""

import time

import pytest

from tests.faults.cluster import Cluster
from tests.faults.load import Load, assert_settled
from tests.faults.test_f01_kills import listen
from tests.partners.receiver import receiving
from tests.stack import Stack, until


@pytest.mark.fault("F05", heavy=True)
def test_two_beats_and_two_of_each_worker(cluster: Cluster, on_cluster: Stack) -> None:
    address = on_cluster.web()
    with receiving() as receiver:
        listen(cluster, on_cluster, address, receiver)
        for _ in range(2):
            on_cluster.start("beat")
            on_cluster.start("worker", "default", "delivery")
        with Load(cluster.world.authorization, [address], threads=3) as load:
            time.sleep(20)
        wanted = sorted(load.acknowledged.values())

        def heard() -> list[str]:
            return sorted(one["subject_id"] for one in receiver.events if one["type"] == "decision.scored")

        until(lambda: heard() == wanted, within_s=120, what="the bank has heard of each decision")
        assert len(receiver.requests) == len(receiver.events)
    assert_settled(load, cluster)
    assert cluster.count("hub_inboxentry", "state <> 'done'") == 0
    cluster.check_invariants()
