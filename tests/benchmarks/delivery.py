"""`python -m tests.benchmarks.delivery`: webhooks from the commit of an event to a receiver in a process of its own.

value: signed webhooks per second of one worker process that drains a full queue of four endpoints, median of rounds.
lag_p50_s, lag_p99_s: from commit to arrival under a steady load, with beat, relay, sealer and one delivery worker.
ratios.sealing: transactions with an event and an audit row per second, while their audit rows are sealed over while
they are not; rounds in turns, median of the pairs. Smaller by the BENCH_ variables below.
"""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

from tests.benchmarks.common import median, percentile, print_line

ROOT = Path(__file__).resolve().parents[2]
EVENTS = int(os.environ.get("BENCH_EVENTS", "1500"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "7"))
PAIRS = 15  # what others do on the machine moves one by a fifth
LOAD_PER_S = int(os.environ.get("BENCH_LOAD_PER_S", "30"))
LOAD_S = float(os.environ.get("BENCH_LOAD_S", "30"))
ROUND_S = float(os.environ.get("BENCH_ROUND_S", "10"))
ENDPOINTS = 4
WRITERS = 4
SEALS = 2  # in one round: as often as beat has it


class Receiver:
    """A receiver in a process of its own, which writes down each webhook's id and the time of its coming."""

    def __init__(self, home: Path) -> None:
        self.file = home / "received.txt"
        self.file.touch()
        words = [sys.executable, "-m", "tests.benchmarks.delivery", "receive", str(self.file)]
        self.process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE)
        assert self.process.stdout
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}/hooks"

    def arrivals(self) -> dict[str, float]:
        """The first arrival of each id."""
        found: dict[str, float] = {}
        for line in self.file.read_text().splitlines():
            name, _, at = line.partition(" ")
            found.setdefault(name, float(at))
        return found

    def wait_for(self, ids: list[str], within_s: float, ask: Callable[[], object] = lambda: None) -> list[float]:
        """The times at which these arrived, once all have; `ask` for them every other second."""
        deadline, ask_s = time.monotonic() + within_s, 0.0
        while True:
            if time.monotonic() > ask_s:
                ask()
                ask_s = time.monotonic() + 2
            found = self.arrivals()
            if all(name in found for name in ids):
                return [found[name] for name in ids]
            if time.monotonic() > deadline:
                raise SystemExit(f"{sum(name not in found for name in ids)} webhooks did not arrive")
            time.sleep(0.1)


class Line(asyncio.Protocol):
    """One connection: reads a request with its body, answers 204."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self.write, self.read = write, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the connection."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer once the request is whole, and only where it carries a signature."""
        self.read += data
        head, found, body = self.read.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        if not found or len(body) < int(fields[b"Content-Length"]):
            return
        signed = fields[b"webhook-signature"].startswith(b"v1,")
        self.write(f"{fields[b'webhook-id'].decode()} {time.time():.6f}\n")
        self.transport.write(b"HTTP/1.1 %s\r\nConnection: close\r\n\r\n" % (b"204 OK" if signed else b"401 No"))
        self.transport.close()


async def receive(file: Path) -> None:
    """Listen on a free port, print it, and note what comes."""
    with file.open("a", buffering=1) as log:
        server = await asyncio.get_running_loop().create_server(lambda: Line(log.write), "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


def seal_in_turns() -> None:
    """Seal once for each line of the input, as the task does that beat sends; answer each with a line."""
    from hub.tasks import seal_audit

    for _ in sys.stdin:
        seal_audit()
        print("sealed", flush=True)


@contextmanager
def luopan(home: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """One process of Luopan while the block lasts."""
    with (home / "processes.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *words], cwd=ROOT, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def say(line: str) -> None:
    """Tell how far it is."""
    sys.stderr.write(f"{line}\n")


def happen(institution_id: UUID) -> str:
    """Commit one event with its audit row; return its id."""
    from hub import events, outbox
    from hub.audit import system_actor
    from hub.clock import now
    from hub.tenancy import tenant_scope

    payload = events.ConsentGiven(uuid4(), institution_id, person_id=uuid4(), purpose="credit_scoring")
    with tenant_scope(institution_id):
        return str(outbox.publish(payload, actor=system_actor("benchmark"), now=now()))


def drained_per_s(receiver: Receiver, banks: list[UUID]) -> float:
    """Queue deliveries, let a running worker send them; its rate between the first and the last."""
    from hub import outbox
    from hub.celery import app
    from hub.clock import now
    from hub.tenancy import platform_scope
    from partners.delivery.feed import feed

    ids = [happen(banks[number % len(banks)]) for number in range(EVENTS)]
    for work in (outbox.relay, feed):
        while True:
            with platform_scope():
                if not work(now=now()):
                    break
    arrived = receiver.wait_for(
        ids, within_s=180, ask=lambda: app.send_task("delivery.deliver", queue="delivery", expires=2)
    )
    return (len(ids) - 1) / (max(arrived) - min(arrived))


def lags_s(receiver: Receiver, banks: list[UUID]) -> list[float]:
    """Commit events at a steady rate; the seconds from each commit to its arrival."""
    from django.db import connections

    committed: dict[str, float] = {}

    def one(number: int) -> None:
        name = happen(banks[number % len(banks)])
        committed[name] = time.time()
        connections["default"].close()  # back to the pool

    begun = time.monotonic()
    with ThreadPoolExecutor(WRITERS) as pool:
        for number in range(int(LOAD_PER_S * LOAD_S)):
            time.sleep(max(0.0, begun + number / LOAD_PER_S - time.monotonic()))
            pool.submit(one, number)
    arrived = receiver.wait_for(list(committed), within_s=180)
    return [at - commit for at, commit in zip(arrived, committed.values(), strict=True)]


def sealing_ratio(bank: UUID) -> tuple[float, float]:
    """Writes per second with sealing over without, and those without."""
    pairs: list[tuple[float, float]] = []
    words = [sys.executable, "-m", "tests.benchmarks.delivery", "seal"]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sealer:
        _seal(sealer)
        _written_per_s(bank, None)
        for turn in range(PAIRS):
            rates = {}
            for sealed in (True, False) if turn % 2 else (False, True):
                _seal(sealer)  # what others wrote is not this round's work
                rates[sealed] = _written_per_s(bank, sealer if sealed else None)
            pairs.append((rates[True], rates[False]))
        assert sealer.stdin
        sealer.stdin.close()
    say(f"writes/s with sealing and without: {[(round(with_it), round(without)) for with_it, without in pairs]}")
    return median([with_it / without for with_it, without in pairs]), median([without for _, without in pairs])


def _seal(sealer: subprocess.Popen[str]) -> None:
    assert sealer.stdin
    assert sealer.stdout
    sealer.stdin.write("\n")
    sealer.stdin.flush()
    sealer.stdout.readline()


def _written_per_s(bank: UUID, sealer: subprocess.Popen[str] | None) -> float:
    from django.db import connections

    end = time.monotonic() + ROUND_S

    def work(_: int) -> int:
        count = 0
        while time.monotonic() < end:
            happen(bank)
            count += 1
        connections["default"].close()
        return count

    with ThreadPoolExecutor(WRITERS) as pool:
        counts = pool.map(work, range(WRITERS))
        for place in range(SEALS if sealer else 0):
            # The last one early enough to work beside the writers.
            time.sleep(max(0.0, end - ROUND_S * (1.1 - (place + 1) / SEALS) - time.monotonic()))
            if sealer:
                _seal(sealer)
        return sum(counts) / ROUND_S


def main() -> None:
    """Set up, measure the three, print one line."""
    with tempfile.TemporaryDirectory(prefix="luopan-bench-") as folder:
        home = Path(folder)
        os.environ.update(LUOPAN_HOME=folder, DJANGO_SETTINGS_MODULE="hub.settings", OMP_NUM_THREADS="1")
        import django

        django.setup()
        from hub import postgres

        receiver = Receiver(home)
        try:
            _measure(home, receiver)
        finally:
            receiver.process.kill()
            receiver.process.wait()
            postgres.stop(home)


def _measure(home: Path, receiver: Receiver) -> None:
    from django.core.management import call_command

    from hub.clock import now
    from hub.tenancy import tenant_scope
    from partners.delivery import services
    from tests.factories import ACTOR, make_institution

    call_command("migrate", verbosity=0)
    banks = [make_institution(sandbox=True).id for _ in range(ENDPOINTS)]
    for bank in banks:
        with tenant_scope(bank):
            services.register_endpoint(institution_id=bank, url=receiver.url, actor=ACTOR, now=now())
    with luopan(home, "worker", "delivery"):
        drained_per_s(receiver, banks)  # the first one waits for the worker's start
        rates = [drained_per_s(receiver, banks) for _ in range(ROUNDS)]
        with luopan(home, "worker", "default"), luopan(home, "beat"):
            receiver.wait_for([happen(banks[0])], within_s=180)
            lags = lags_s(receiver, banks)
    say(f"webhooks/s {[round(rate) for rate in rates]}, lag p99 {percentile(lags, 0.99):.2f} s")
    ratio, writes = sealing_ratio(banks[0])
    print_line(
        "delivery", median(rates), "webhooks/s", lag_p50_s=round(percentile(lags, 0.5), 3),
        lag_p99_s=round(percentile(lags, 0.99), 3), load_per_s=LOAD_PER_S, ratios={"sealing": round(ratio, 3)},
        writes_per_s=round(writes, 1), endpoints=ENDPOINTS, runs=ROUNDS,
    )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["receive"]:
        asyncio.run(receive(Path(sys.argv[2])))
    elif sys.argv[1:2] == ["seal"]:
        import django

        django.setup()
        seal_in_turns()
    else:
        main()
