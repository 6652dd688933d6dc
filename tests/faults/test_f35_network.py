"""F35: what goes to the database and comes from it is lost on the way, without a word: 503 soon, and it recovers."""

import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.faults.cluster import Cluster
from tests.faults.conftest import MakeStack
from tests.faults.load import Load, assert_settled
from tests.faults.test_f07_frozen import assert_served_meanwhile
from tests.stack import until

SOCKET = ".s.PGSQL.5432"


class Wire:
    """A way to the server through this process; while `whole` is not set, nothing passes and nobody is told."""

    def __init__(self, folder: str, target: str) -> None:
        self.target, self.whole = target, Event()
        self.whole.set()
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(Path(folder) / SOCKET))
        self.server.listen(100)
        Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.server.accept()
                Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near: socket.socket) -> None:
        self.whole.wait()
        far = socket.socket(socket.AF_UNIX)
        far.connect(self.target)
        for source, sink in ((near, far), (far, near)):
            Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self.whole.wait()
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
        source.close()


@contextmanager
def wire_to(cluster: Cluster) -> Iterator[tuple[Wire, str]]:
    with tempfile.TemporaryDirectory(prefix="luopan-wire-") as folder:
        made = Wire(folder, str(Path(cluster.host) / SOCKET))
        try:
            yield made, folder
        finally:
            made.whole.set()
            made.server.close()


@pytest.mark.fault("F35", heavy=True)
def test_network_lost_for_fifteen_seconds(cluster: Cluster, make_stack: MakeStack) -> None:
    with wire_to(cluster) as (wire, folder):
        stack = make_stack(cluster, DATABASE_URL=cluster.url("luopan_app", folder))
        address = stack.web()
        stack.start("worker", "default")
        stack.start("beat")
        with Load(cluster.world.authorization, [address], threads=6) as load:
            until(lambda: len(load.acknowledged) > 20, within_s=60, what="load")
            begun_s = time.monotonic()
            wire.whole.clear()
            time.sleep(15)
            wire.whole.set()
            known = len(load.acknowledged)
            until(lambda: len(load.acknowledged) > known + 50, within_s=60, what="work goes on")
        assert_served_meanwhile(load, begun_s)
        assert_settled(load, cluster)
        until(lambda: not cluster.count("hub_outboxevent", "position IS NULL"), within_s=90, what="the outbox is empty")
        cluster.check_invariants()
        stack.close()
