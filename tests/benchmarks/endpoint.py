"""`python -m tests.benchmarks.endpoint`: POST /scores with everything on, against two bare FastAPI services.

Ours: token, scope, tenancy, idempotency, consent, sealing, exact reasons, decision record, audit row, event.
Peers: scikit-learn's `predict_proba` and one insert, as one writes it in an afternoon; LightGBM and one insert, the
fastest that one could write. One process each, 8 connections, rounds interleaved.
"""

import json
import os
import re
import secrets
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
CONNECTIONS = 8
REQUESTS_PER_S_MAX = 3000
ROUND_S = float(os.environ.get("BENCH_ROUND_S", "5"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
FEATURES = 30
PEERS = {"fastapi_sklearn": "app", "fastapi_lightgbm": "fast"}


@dataclass
class Side:
    """One server under load."""

    port: int
    make: Callable[[], bytes]
    process: subprocess.Popen[bytes]
    rates: list[float] = field(default_factory=list)
    waits_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)


def main() -> None:
    """Set up all, load them in turns, print one line."""
    with tempfile.TemporaryDirectory(prefix="luopan-bench-") as home:
        os.environ.update(LUOPAN_HOME=home, DJANGO_SETTINGS_MODULE="hub.settings", OMP_NUM_THREADS="1")
        import django

        django.setup()
        bearer, book = _prepare(Path(home))
        with _servers(bearer, book) as (ours, *peers):
            for side in (ours, *peers):
                load(side, 2.0, keep=False)
            for _ in range(ROUNDS):
                for side in (ours, *peers):
                    load(side, ROUND_S, keep=True)
        print(json.dumps(_line(ours, dict(zip(PEERS, peers, strict=True)))))


def _line(ours: Side, peers: dict[str, Side]) -> dict[str, Any]:
    def middle(values: list[float]) -> float:
        return round(statistics.median(values), 3)

    waits = sorted(ours.waits_ms)
    return {
        "name": "endpoint",
        "value": middle(ours.rates),
        "unit": "requests/s",
        "ratios": {
            name: middle([a / b for a, b in zip(ours.rates, peer.rates, strict=True)]) for name, peer in peers.items()
        },
        "p50_ms": middle(waits),
        "p99_ms": round(waits[int(len(waits) * 0.99)], 3),
        "cpu_ms": middle(ours.cpu_ms),
        "peers": {
            name: {"requests/s": middle(peer.rates), "cpu_ms": middle(peer.cpu_ms), "p50_ms": middle(peer.waits_ms)}
            for name, peer in peers.items()
        },
        "challenger": json.loads(os.environ["PEER_SETTINGS"]),
        "connections": CONNECTIONS,
        "runs": ROUNDS,
    }


def _prepare(home: Path) -> tuple[str, Path]:
    from django.core.management import call_command
    from django.db import connection

    from hub.db.base import as_owner

    call_command("migrate", verbosity=0)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE peer_decision (LIKE scoring_decision INCLUDING ALL)")
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(20_000, FEATURES))
    logit = rows[:, :10].sum(axis=1) / 2 + rows[:, 0] * rows[:, 1] - 2.5
    labels = (rng.uniform(size=len(rows)) < 1 / (1 + np.exp(-logit))).astype(np.int8)
    names = [f"feature_{at:02d}" for at in range(FEATURES)]
    np.savez(home / "book.npz", rows=rows, labels=labels, names=np.array(names))
    settings = _register(names, rows, labels)
    os.environ["PEER_SETTINGS"] = json.dumps(settings)
    return token(), home / "book.npz"


def _register(names: list[str], rows: Any, labels: Any) -> dict[str, Any]:
    """Make the champion; return the settings of the challenger that the same book gives."""
    from hub.audit import system_actor
    from hub.clock import now
    from hub.tenancy import platform_scope
    from risk.features.facade import Feature
    from risk.learning.fit.challenger import tuned
    from risk.learning.fit.frame import Frame
    from risk.learning.fit.glassbox import fit_glassbox
    from risk.learning.fit.recipe import Growth, Recipe
    from risk.scoring import registry
    from risk.scoring.facade import Calibration, manifest_of

    features = tuple(Feature(name, "number") for name in names)
    frame = Frame(features, {name: rows[:, at] for at, name in enumerate(names)})
    recipe = Recipe(bags=2, growths=(Growth(leaves=8, rounds=300),))
    data = fit_glassbox(frame, labels, seed=1, recipe=recipe)
    actor = system_actor("benchmark")
    with platform_scope():
        line = registry.ensure_line(
            name="consumer", institution_id=None, purpose="consumer", jurisdiction="HK", actor=actor, now=now()
        )
        version_id = registry.register_version(
            line_id=line.id, run_id=uuid4(), artefact=data, manifest=dict(manifest_of(data)),
            calibration=Calibration(), report={}, trainer_id=None, actor=actor, now=now(),
        )  # fmt: skip
        for user_id in (uuid4(), uuid4()):
            registry.approve_version(version_id=version_id, user_id=user_id, now=now())
    chosen, rounds, _ = tuned(frame, labels, 1, None)
    return {"learning_rate": 0.05, "max_iter": rounds, "max_bins": 255, "early_stopping": False, **chosen}


def token() -> str:
    """The Authorization header of a new sandbox's client."""
    from tests import factories

    client = factories.make_client(factories.make_institution(sandbox=True))
    return str(factories.bearer(client)["HTTP_AUTHORIZATION"])


@contextmanager
def _servers(authorization: str, book: Path) -> Iterator[list[Side]]:
    from hub.postgres import socket_folder

    row = np.load(book)["rows"]

    def features() -> dict[str, float]:
        values = row[secrets.randbelow(len(row))].tolist()
        return {f"feature_{at:02d}": value for at, value in enumerate(values)}

    def make(side: str, headers: dict[str, str]) -> bytes:
        text = body()
        lines = [f"POST {side} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in {**headers, "Content-Length": str(len(text))}.items()]
        return "\r\n".join([*lines, "", ""]).encode() + text

    def body() -> bytes:
        consent = {"reference": secrets.token_hex(8), "text_version": "1", "given_at": "2026-01-01T00:00:00+00:00"}
        return json.dumps(
            {
                "model_line": "consumer", "person_reference": secrets.token_hex(8), "consent": consent,
                "features": features(),
            }
        ).encode()  # fmt: skip

    home = os.environ["LUOPAN_HOME"]
    dsn = f"host={socket_folder(Path(home))} dbname=luopan user=luopan_owner"
    ports = (18651, 18652, 18653)
    bare = [sys.executable, "-m", "uvicorn", "--log-level", "warning"]
    commands = [[sys.executable, "manage.py", "web"]]
    commands += [
        [*bare, f"tests.benchmarks.fastapi_peer:{name}", "--port", str(port)]
        for name, port in zip(PEERS.values(), ports[1:], strict=True)
    ]
    environment = {**os.environ, "LUOPAN_PORT": str(ports[0]), "PEER_BOOK": str(book), "PEER_DSN": dsn}
    with Path(home, "servers.log").open("wb") as log:
        processes = [
            subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
            for command in commands
        ]

    def ours_made() -> bytes:
        return make("/api/v1/scores", {"Authorization": authorization, "Idempotency-Key": secrets.token_hex(16)})

    sides = [Side(ports[0], ours_made, processes[0])]
    sides += [
        Side(port, lambda: make("/scores", {}), process) for port, process in zip(ports[1:], processes[1:], strict=True)
    ]
    try:
        for side in sides:
            wait_for(side)
        yield sides
    finally:
        for process in processes:
            process.terminate()
            process.wait(20)


def wait_for(side: Side) -> None:
    """Return once it answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError), _Connection(side.port) as connection:
            connection.send(side.make())
            while not connection.receive():
                pass
            return
        time.sleep(0.2)
    raise SystemExit(f"port {side.port} did not answer: see {os.environ['LUOPAN_HOME']}/servers.log")


class _Connection:
    """One connection that sends a finished request and reads its answer: next to nothing beside the servers' work."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.read = b""
        self.sent_at = 0.0

    def __enter__(self) -> "_Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, request: bytes) -> None:
        """Send a request."""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> float:
        """Read on; the milliseconds since the request once the answer is whole, 0 before."""
        self.read += self.socket.recv(65_536)
        head, found, body = self.read.partition(b"\r\n\r\n")
        size = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
        if not self.read or (found and (size is None or not head.startswith(b"HTTP/1.1 201"))):
            raise SystemExit(f"answered {head[:100]!r}")
        if not found or size is None or len(body) < int(size[1]):
            return 0.0
        self.read = b""
        return (time.perf_counter() - self.sent_at) * 1000


def load(side: Side, seconds: float, *, keep: bool) -> None:
    """Ask as fast as it answers, on 8 connections; `keep` what came of it."""
    # Made beforehand: what is measured shares its cores with this process.
    requests = [side.make() for _ in range(int(seconds * REQUESTS_PER_S_MAX))]
    waits: list[float] = []
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for _ in range(CONNECTIONS):
            connection = stack.enter_context(_Connection(side.port))
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(requests.pop())
        before, start = _cpu_s(side.process.pid), time.perf_counter()
        while time.perf_counter() < start + seconds:
            for key, _ in selector.select(30):
                if wait := key.data.receive():
                    waits.append(wait)
                    key.data.send(requests.pop())
        wall, spent = time.perf_counter() - start, _cpu_s(side.process.pid) - before
    if keep:
        side.rates.append(len(waits) / wall)
        side.cpu_ms.append(spent * 1000 / len(waits))
        side.waits_ms.extend(waits)


def _cpu_s(pid: int) -> float:
    """Processor seconds of a process and all its descendants that live (proc(5), fields 14 and 15)."""
    ticks, found = 0, {pid}
    table: dict[int, tuple[int, int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        table[int(stat.parent.name)] = (int(fields[1]), int(fields[11]) + int(fields[12]))
    for _ in range(5):
        found |= {child for child, (parent, _) in table.items() if parent in found}
    ticks = sum(table[one][1] for one in found if one in table)
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
