"""F11: the broker loses every message it holds, again and again: what they were about is done."""

import time

import pytest

from tests.faults.cluster import Cluster
from tests.faults.load import Load, assert_settled
from tests.faults.test_f01_kills import listen
from tests.partners.receiver import receiving
from tests.stack import Stack, until

LOSSES = 20


@pytest.mark.fault("F11", heavy=True)
def test_a_broker_that_forgets(cluster: Cluster, on_cluster: Stack) -> None:
    address = on_cluster.web()
    on_cluster.start("beat")
    on_cluster.start("worker", "default", "delivery")
    lost = 0
    with receiving() as receiver:
        listen(cluster, on_cluster, address, receiver)
        with Load(cluster.world.authorization, [address], threads=2, pause_s=0.02) as load:
            for _ in range(LOSSES):
                time.sleep(1)
                lost += len(cluster.ask("DELETE FROM hub_brokermessage RETURNING id"))
        wanted = set(load.acknowledged.values())

        def heard() -> set[str]:
            return {one["subject_id"] for one in receiver.events if one["type"] == "decision.scored"}

        until(lambda: heard() == wanted, within_s=120, what="the bank has heard of each decision")
    print(f"{lost} messages lost, {len(wanted)} decisions heard of")
    assert lost > 0
    assert_settled(load, cluster)
    until(lambda: not cluster.count("hub_outboxevent", "position IS NULL"), within_s=60, what="the outbox is empty")
    cluster.check_invariants()
