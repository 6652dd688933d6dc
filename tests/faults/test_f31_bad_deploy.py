"""F31: a release that does not get ready stands behind the balancer: it gets nothing, and the one before comes back."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.faults.cluster import Cluster
from tests.faults.conftest import MakeStack
from tests.faults.load import Load, assert_settled
from tests.faults.test_f30_migration import next_release
from tests.stack import ROOT, Stack, free_port, until

HAPROXY = ROOT / "deploy" / "haproxy"


def balancer_config(front: int, ports: list[int]) -> str:
    """What is deployed, with a front of its own: without TLS, on loopback."""
    shared, _, _ = (HAPROXY / "haproxy.cfg").read_text().partition("frontend http from base")
    backends = (HAPROXY / "backends.static.cfg").read_text()
    for number, port in zip((11, 12), ports, strict=True):
        backends = backends.replace(f"192.0.2.{number}:8000", f"127.0.0.1:{port}")
    return f"{shared}frontend plain from base\n  bind 127.0.0.1:{front}\n  default_backend web\n{backends}"


def ready(stack: Stack, port: int) -> int:
    try:
        return stack.ask("GET", f"http://localhost:{port}/readyz").status
    except OSError:
        return 0


def answers(stack: Stack, front: int) -> bool:
    try:
        return stack.ask("GET", f"http://localhost:{front}/livez").status == 200
    except OSError:
        return False


@pytest.mark.fault("F31", heavy=True)
@pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed")
def test_a_release_that_is_not_ready_gets_nothing(cluster: Cluster, make_stack: MakeStack, tmp_path: Path) -> None:
    tree = tmp_path / "next"
    next_release(tree)
    path = f"{tree}{os.pathsep}{tree / 'platform'}"
    bad, old = Stack(tree, **cluster.environment, PYTHONPATH=path), make_stack(cluster)
    bad.root = tree
    front, *ports = (free_port() for _ in range(3))
    (tmp_path / "haproxy.cfg").write_text(balancer_config(front, ports))
    balancer = subprocess.Popen(
        ["haproxy", "-db", "-f", str(tmp_path / "haproxy.cfg")], env={**os.environ, "PUBLIC_HOST": "localhost"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        webs = [old.start("web", LUOPAN_PORT=str(port)) for port in ports]
        until(lambda: [ready(old, port) for port in ports] == [200, 200], within_s=90, what="both are ready")
        until(lambda: answers(old, front), within_s=30, what="the balancer sees them")
        with Load(cluster.world.authorization, [f"http://localhost:{front}"], threads=2, pause_s=0.02) as load:

            def go_on(count: int) -> None:
                known = len(load.acknowledged)
                until(lambda: len(load.acknowledged) > known + count, within_s=60, what="work goes on")

            go_on(50)
            time.sleep(6)  # the balancer has begun to use both
            webs[1].send_signal(signal.SIGTERM)
            assert webs[1].wait(30) == 0
            broken = bad.start("web", LUOPAN_PORT=str(ports[1]))
            until(lambda: ready(old, ports[1]) == 503, within_s=60, what="it lives, and is not ready")
            go_on(200)
            broken.send_signal(signal.SIGTERM)
            assert broken.wait(30) == 0
            assert "/api/v1/scores" not in bad.log(broken)
            again = old.start("web", LUOPAN_PORT=str(ports[1]))  # the way back
            until(lambda: ready(old, ports[1]) == 200, within_s=60, what="the release before is back")
            until(lambda: "/api/v1/scores" in old.log(again), within_s=60, what="it serves again")
        assert {told.status for told in load.told} == {201}
        assert_settled(load, cluster)
        cluster.check_invariants()
    finally:
        bad.close()
        balancer.terminate()
        balancer.wait(10)
