"""F37, F38: deadlocks are tried again and nobody notices; a transaction left idle is ended, and its locks with it."""

import json
import time
from threading import Thread
from typing import Any

import psycopg
import pytest
from django.db import connections
from django.test import Client

from tests.faults.cluster import Cluster
from tests.faults.load import body_for
from tests.stack import until

WAITS = "SELECT pid FROM pg_stat_activity WHERE usename = 'luopan_app' AND wait_event_type = 'Lock'"


def score(cluster: Cluster, name: str, answers: list[Any]) -> None:
    try:
        answers.append(
            Client().post(
                "/api/v1/scores", json.dumps(body_for(name)), "application/json",
                headers={"Idempotency-Key": name, "Authorization": cluster.world.authorization},
            )
        )  # fmt: skip
    finally:
        connections["default"].close()


@pytest.mark.fault("F37")
def test_a_deadlock_is_tried_again(cluster: Cluster) -> None:
    answers: list[Any] = []
    cluster.ask("ALTER ROLE luopan_app SET deadlock_timeout = '3s'")
    with cluster.lent(), cluster.connect() as other:
        other.execute("SET deadlock_timeout = '60s'")  # the application is found first
        other.execute("LOCK TABLE hub_idempotencykey IN SHARE MODE")
        asking = Thread(target=score, args=(cluster, "once", answers))
        asking.start()
        until(lambda: cluster.ask(WAITS), within_s=20, what="it waits with the champion's table in hand")
        other.execute("LOCK TABLE scoring_modelversion IN ACCESS EXCLUSIVE MODE")
        other.commit()
        asking.join(60)
    assert answers[0].status_code == 201, answers[0].content
    ended = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    until(lambda: cluster.ask(ended)[0][0] > 0, within_s=10, what="the deadlock was one")
    assert cluster.count("scoring_decision") == 1
    cluster.check_invariants()


@pytest.mark.fault("F38", heavy=True)
def test_a_transaction_left_idle(cluster: Cluster) -> None:
    holder = cluster.connect("luopan_app")
    assert holder.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("1min",)
    holder.execute("SET LOCAL ROLE luopan_platform")
    holder.execute("UPDATE institutions_institution SET name = name")
    answers: list[Any] = []
    with cluster.lent():
        score(cluster, "beside it", answers)
    assert answers[0].status_code == 201, answers[0].content
    time.sleep(60)
    until(
        lambda: not cluster.ask("SELECT pid FROM pg_stat_activity WHERE state = 'idle in transaction'"),
        within_s=30, what="it is ended",
    )  # fmt: skip
    with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
        holder.execute("SELECT 1")
    with cluster.connect(options="-c lock_timeout=1s") as other:
        assert other.execute("UPDATE institutions_institution SET name = name").rowcount > 0
    cluster.check_invariants()
