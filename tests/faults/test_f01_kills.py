"""F01: web and workers are killed at random points under load; nothing acknowledged is lost, nothing comes twice."""

import os
import signal
import subprocess
import time
from pathlib import Path
from random import Random

import pytest

from tests.faults.cluster import Cluster
from tests.faults.load import Load, assert_settled
from tests.partners.receiver import Receiver, receiving
from tests.stack import Stack, free_port, until

KILLS = int(os.environ.get("KILLS", "10"))
LEASE_S = 60


class Keeper:
    """Who starts again what was killed, as a supervisor does: two web processes, a worker, beat."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.ports = [free_port(), free_port()]
        self.words = [["web"], ["web"], ["worker", "default", "delivery"], ["beat"]]
        self.running = [self._start(number) for number in range(len(self.words))]

    @property
    def addresses(self) -> list[str]:
        return [f"http://localhost:{port}" for port in self.ports]

    def look(self) -> bool:
        """Start again what has died; False where that was needed."""
        well = True
        for number, process in enumerate(self.running):
            if process.poll() is not None:
                self.running[number] = self._start(number)
                well = False
        return well

    def kill_one(self, dice: Random) -> None:
        """Kill a whole process group, or the process below it that does the work."""
        process = dice.choice(self.running)
        below = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if below and dice.random() < 0.5:
            os.kill(int(below[-1]), signal.SIGKILL)
        else:
            self.stack.kill(process)

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        port = {"LUOPAN_PORT": str(self.ports[number])} if number < 2 else {}
        return self.stack.start(*self.words[number], **port)


def listen(cluster: Cluster, stack: Stack, address: str, receiver: Receiver) -> None:
    headers = {"Authorization": cluster.world.authorization, "Idempotency-Key": "listen"}
    made = stack.ask("POST", f"{address}/api/v1/webhook-endpoints", {"url": receiver.url}, headers)
    assert made.status == 201, made.body
    receiver.secrets.append(made.json()["secret"])


def go_on(keeper: Keeper, load: Load) -> None:
    """Wait until what was killed is started again, and a few more requests are acknowledged."""
    enough = len(load.acknowledged) + 5
    until(lambda: keeper.look() and len(load.acknowledged) > enough, within_s=90, what="work goes on")


@pytest.mark.fault("F01")
@pytest.mark.timeout(120 + 20 * KILLS)
def test_kills_at_random_points_lose_nothing_and_double_nothing(cluster: Cluster, on_cluster: Stack) -> None:
    dice = Random(KILLS)
    keeper = Keeper(on_cluster)
    until(lambda: all(map(on_cluster.answers, keeper.addresses)), within_s=60, what="both web processes answer")
    with receiving() as receiver:
        listen(cluster, on_cluster, keeper.addresses[0], receiver)
        with Load(cluster.world.authorization, keeper.addresses, threads=4, pause_s=0.05) as load:
            for _ in range(KILLS):
                go_on(keeper, load)
                time.sleep(dice.uniform(0, 0.2))
                keeper.kill_one(dice)
            go_on(keeper, load)
        assert_settled(load, cluster)
        wanted = set(load.acknowledged.values())
        until(
            # What was killed may die only now, and a supervisor does not stop looking.
            lambda: keeper.look()
            and {event["subject_id"] for event in receiver.events if event["type"] == "decision.scored"} == wanted,
            within_s=LEASE_S + 60, what="the bank has heard of each decision",
        )  # fmt: skip
        # However often it came: each event with one body, and as many events as decisions.
        heard = {(one.id, one.body) for one in receiver.requests}
        assert len(heard) == len({number for number, _ in heard})
    until(
        lambda: keeper.look() and not cluster.count("hub_outboxevent", "position IS NULL"),
        within_s=60, what="the outbox is empty",
    )  # fmt: skip
    cluster.check_invariants()
