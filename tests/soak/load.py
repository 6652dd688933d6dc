"""`python -m tests.soak.load` (`make soak-load`): a long run on the two-node stack at half of what it can hold.

First the highest rate is sought that is held for SOAK_HOLD_S at a 95th percentile below 500 ms. At half of it the run
goes on for SOAK_S (900; 7200 to judge the slope of the memory): scores, reports with their webhooks, pages; the
invariants are checked each minute, one web process and one worker are killed on the way. At the end everything that was
acknowledged must be there, and every report's webhook have come. Prints a table and one line of JSON; exits with 1
where a line of the table fails. Needs Debian's pgbouncer, rabbitmq-server and haproxy. For a trial on a busy machine
SOAK_RATE sets the rate of the run and nothing is sought.
"""

import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.soak.client import Load, Tally, Work
from tests.soak.nodes import Nodes, two_nodes

RUN_S = float(os.environ.get("SOAK_S", "900"))
HOLD_S = float(os.environ.get("SOAK_HOLD_S", "120"))
STEP_S = float(os.environ.get("SOAK_STEP_S", "15"))
WARM_S = float(os.environ.get("SOAK_WARM_S", "300"))
CHECK_S = float(os.environ.get("SOAK_CHECK_S", "60"))
RATE = float(os.environ.get("SOAK_RATE", "0"))
PORT = int(os.environ.get("SOAK_PORT", "8200"))
LOANS = int(os.environ.get("SOAK_LOANS", "60"))
LIMIT_MS = 500.0
DRAIN_S = 180.0
GROWTH_MB = 5.0
SLOPE_MB_PER_H = 1.0
SLOPE_FROM_S = 7200.0


@dataclass
class Watch:
    """What is noted beside the load: memory by process, and what the invariants said."""

    nodes: Nodes
    memory: dict[tuple[str, int], list[tuple[float, float]]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    checks: int = 0
    killed: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Note the memory of each process until told to end."""
        while not self.over.wait(min(5.0, RUN_S / 60)):
            for node in self.nodes.processes().values():
                if mb := node.pss_mb():  # it may have died just now
                    self.memory.setdefault((node.name, node.main), []).append((time.monotonic(), mb))

    def check(self) -> None:
        """Check the invariants every minute until told to end."""
        while not self.over.wait(CHECK_S):
            self.check_now("check_invariants")

    def check_now(self, command: str) -> None:
        """Run a command that exits with 1 where something is wrong."""
        done = self.nodes.manage(command)
        self.checks += 1
        if done.returncode:
            self.broken.append(f"{command}: {(done.stdout + done.stderr)[-1500:]}")

    def kill(self) -> None:
        """Kill one web process and one worker, at two and at three fifths of the run."""
        for name, share in (("web-1", 0.4), ("worker-1", 0.2)):
            if self.over.wait(RUN_S * share):
                return
            self.nodes.processes()[name].kill()
            self.killed.append(name)


def main() -> None:
    """Start, seek, run, judge."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by the way that stops the stack
    folder = Path(tempfile.mkdtemp(prefix="luopan-soak-"))
    good = False
    try:
        with two_nodes(folder, PORT) as nodes:
            line = _soak(nodes)
        good = all(line["holds"].values())
        _print(line)
    finally:
        if good:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            sys.stderr.write(f"logs and data are kept in {folder}\n")
    sys.exit(0 if good else 1)


def _soak(nodes: Nodes) -> dict[str, Any]:
    os.environ.update(nodes.environment)
    os.environ["DJANGO_SETTINGS_MODULE"] = "hub.settings"
    import django

    django.setup()
    from tests.soak.world import World

    with World.made(LOANS) as world:
        load = Load(Work(PORT, world.bearer, world.loans, world.today))
        highest = RATE * 2 or _highest(load)
        watch = Watch(nodes)
        others = [threading.Thread(target=job) for job in (watch.look, watch.check, watch.kill)]
        for thread in others:
            thread.start()
        tally = load.run(highest / 2, RUN_S)
        watch.over.set()
        for thread in others:
            thread.join()
        lost = world.lost(load.all, within_s=DRAIN_S)
        for command in ("check_invariants", "verify_audit"):
            watch.check_now(command)
        return _line(highest, tally, load.all, watch, lost)


def _highest(load: Load) -> float:
    """Double the rate until it is not held, halve the gap twice, then hold it; a fifth less where that fails."""
    load.run(5, min(STEP_S, 5))
    low, high = 0.0, 10.0
    while _held(load, high, STEP_S):
        low, high = high, high * 2
    for _ in range(2 if low else 6):
        middle = (low + high) / 2
        low, high = (middle, high) if _held(load, middle, STEP_S) else (low, middle)
    while low > 1 and not _held(load, low, HOLD_S):
        low *= 0.8
    if low <= 1:
        raise SystemExit("not even one request a second is held at this limit")
    return low


def _held(load: Load, rate: float, seconds: float) -> bool:
    tally = load.run(rate, seconds)
    held = tally.p95() < LIMIT_MS and not tally.faults
    sys.stderr.write(f"{rate:7.1f}/s for {seconds:g} s: p95 {tally.p95():.0f} ms{'' if held else ', not held'}\n")
    for fault in tally.faults[:3]:
        sys.stderr.write(f"  {fault}\n")
    return held


def _line(highest: float, tally: Tally, everything: Tally, watch: Watch, lost: dict[str, int]) -> dict[str, Any]:
    fifth = len(tally.waits_ms) // 5
    first, last = tally.p95(slice(0, fifth)), tally.p95(slice(-fifth, None))
    memory = {f"{name} ({main})": _memory(samples) for (name, main), samples in sorted(watch.memory.items())}
    judged = [one for one in memory.values() if one["growth_mb"] is not None]
    holds = {
        "nothing lost": not any(lost.values()),
        "no unexpected answer": not tally.faults,
        "invariants and audit": not watch.broken and watch.checks > 2,
        "one web and one worker killed": watch.killed == ["web-1", "worker-1"],
        f"memory grows < {GROWTH_MB:g} MB": bool(judged) and all(one["growth_mb"] < GROWTH_MB for one in judged),
        "p95 of the last fifth <= 1.2 x the first": last <= 1.2 * first,
    }
    if RUN_S >= SLOPE_FROM_S:
        steady = [one["slope_mb_per_h"] < SLOPE_MB_PER_H for one in judged]
        holds[f"memory's slope < {SLOPE_MB_PER_H:g} MB/h"] = all(steady)
    return {
        "name": "soak",
        "value": round(highest / 2, 1),
        "unit": "requests/s",
        "highest_rate": None if RATE else round(highest, 1),
        "seconds": RUN_S,
        "requests": len(tally.waits_ms),
        "p95_ms": {"whole": round(tally.p95(), 1), "first_fifth": round(first, 1), "last_fifth": round(last, 1)},
        "acknowledged": {"scores": len(everything.scores), "reports": len(everything.reports), "pages": tally.pages},
        "sent_again": tally.again,
        "lost": lost,
        "checks": watch.checks,
        "broken": watch.broken,
        "faults": tally.faults[:10],
        "memory": memory,
        "holds": holds,
    }


def _memory(samples: list[tuple[float, float]]) -> dict[str, Any]:
    """How the memory of one process went after its warm-up: None where it did not live long enough to tell."""
    warm = [(at, mb) for at, mb in samples if at >= samples[0][0] + WARM_S]
    seen: dict[str, Any] = {"last_mb": round(samples[-1][1], 1), "growth_mb": None, "slope_mb_per_h": None}
    if len(warm) < 10:
        return seen
    part = max(2, len(warm) // 5)
    growth = statistics.median(mb for _, mb in warm[-part:]) - statistics.median(mb for _, mb in warm[:part])
    slope = statistics.linear_regression([at for at, _ in warm], [mb for _, mb in warm]).slope
    return {**seen, "growth_mb": round(growth, 2), "slope_mb_per_h": round(slope * 3600, 2)}


def _print(line: dict[str, Any]) -> None:
    for what, good in line["holds"].items():
        sys.stdout.write(f"{'holds ' if good else 'FAILS '} {what}\n")
    sys.stdout.write(f"{'process':22} {'last MB':>8} {'growth MB':>10} {'MB/h':>8}\n")
    for name, one in line["memory"].items():
        cells = ["-" if one[key] is None else str(one[key]) for key in ("last_mb", "growth_mb", "slope_mb_per_h")]
        sys.stdout.write(f"{name:22} {cells[0]:>8} {cells[1]:>10} {cells[2]:>8}\n")
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
