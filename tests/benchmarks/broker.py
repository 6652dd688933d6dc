"""`python -m tests.benchmarks.broker`: the embedded broker with one worker of one process, `-c 1`.

value: tasks per second, a full queue drained. p50, p99: from sending a task to an idle worker until it begins.
Peer: RabbitMQ at the URL in BENCH_AMQP_URL, where one is given.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TASKS = int(os.environ.get("BENCH_TASKS", "500"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
PINGS = int(os.environ.get("BENCH_PINGS", "50"))
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(1, str(ROOT / "platform"))

from hub import postgres  # noqa: E402  # after the path
from tests.hub.broker_bench import Bench, PostgresBench  # noqa: E402  # as above


def drained_per_s(bench: Bench) -> float:
    """Fill the queue, start a worker, return its rate between the first task and the last."""
    with bench.app.connection_for_write() as connection:
        for _ in range(TASKS):
            bench.app.send_task(
                "tests.hub.broker_tasks.write_time", (bench.file,), queue=bench.queue(), connection=connection
            )
    before = len(bench.lines())
    worker = bench.start()
    begun = [float(line) for line in bench.wait_for(before + TASKS, within_s=120)[before:]]
    time.sleep(0.2)  # the last acknowledgement
    bench.kill(worker)
    return (TASKS - 1) / (max(begun) - min(begun))


def idle_ms(bench: Bench) -> list[float]:
    """Send one task at a time to a worker that sleeps; return the milliseconds until each began."""
    worker = bench.start(poll_s=30)
    waits = []
    with bench.app.connection_for_write() as connection:
        for _ in range(PINGS):
            time.sleep(0.05)
            before, sent = len(bench.lines()), time.time()
            bench.app.send_task(
                "tests.hub.broker_tasks.write_time", (bench.file,), queue=bench.queue(), connection=connection
            )
            waits.append((float(bench.wait_for(before + 1, within_s=10)[-1]) - sent) * 1000)
    bench.kill(worker)
    return waits


def measure(bench: Bench) -> tuple[float, list[float]]:
    """Return the median rate of the rounds and the waits."""
    try:
        return statistics.median(drained_per_s(bench) for _ in range(ROUNDS)), idle_ms(bench)
    finally:
        bench.close()


def main() -> None:
    """Measure on a cluster of its own, print one line."""
    with tempfile.TemporaryDirectory(prefix="luopan-bench-") as folder:
        home = Path(folder) / "home"
        environment = {**os.environ, "LUOPAN_HOME": str(home)}
        subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), "migrate", "-v", "0"], env=environment, check=True, cwd=ROOT
        )
        postgres.ensure_running(home)
        place = {"host": str(postgres.socket_folder(home)), "dbname": "luopan"}
        rate, waits = measure(PostgresBench(Path(folder), place))
        ratios = {}
        if url := os.environ.get("BENCH_AMQP_URL"):
            peer = Path(folder) / "peer"
            peer.mkdir()
            ratios["rabbitmq"] = round(rate / measure(Bench(peer, url=url))[0], 2)
        postgres.stop(home)
    cuts = statistics.quantiles(waits, n=100)
    line = {"name": "broker", "value": round(rate, 1), "unit": "tasks/s", "ratios": ratios}
    print(json.dumps({**line, "p50_ms": round(cuts[49], 1), "p99_ms": round(cuts[98], 1), "runs": ROUNDS}))


if __name__ == "__main__":
    main()
