"""F26: a bit of the champion's artefact flips: who has loaded it goes on, who has not says so and scores nothing."""

import pytest

from tests.faults.cluster import Cluster
from tests.faults.load import body_for
from tests.stack import Answer, Stack

FLIP = "UPDATE scoring_modelversion SET artefact = set_byte(artefact, %s, get_byte(artefact, %s) # 4)"


def score(cluster: Cluster, stack: Stack, address: str, name: str) -> Answer:
    headers = {"Authorization": cluster.world.authorization, "Idempotency-Key": name}
    return stack.ask("POST", f"{address}/api/v1/scores", body_for(name), headers)


@pytest.mark.fault("F26", heavy=True)
def test_a_flipped_bit(cluster: Cluster, on_cluster: Stack) -> None:
    first = on_cluster.web()
    assert on_cluster.ask("GET", f"{first}/readyz").status == 200
    assert score(cluster, on_cluster, first, "before").status == 201
    with cluster.connect() as connection:
        connection.execute("ALTER TABLE scoring_modelversion DISABLE TRIGGER USER")
        assert connection.execute(FLIP, (200, 200)).rowcount == 1
        connection.execute("ALTER TABLE scoring_modelversion ENABLE TRIGGER USER")
    assert score(cluster, on_cluster, first, "from memory").status == 201
    second = on_cluster.web()
    ready = on_cluster.ask("GET", f"{second}/readyz")
    assert (ready.status, "does not load" in ready.json()["parts"]["champion"]) == (503, True)
    refused = score(cluster, on_cluster, second, "from damaged bytes")
    assert (refused.status, refused.headers["Retry-After"]) == (503, "60"), refused.body
    assert cluster.count("scoring_decision") == 2
    with cluster.connect() as connection:
        connection.execute("ALTER TABLE scoring_modelversion DISABLE TRIGGER USER")
        connection.execute(FLIP, (200, 200))
        connection.execute("ALTER TABLE scoring_modelversion ENABLE TRIGGER USER")
    assert score(cluster, on_cluster, second, "from damaged bytes").status == 201
    assert on_cluster.ask("GET", f"{second}/readyz").status == 200
    cluster.check_invariants()
