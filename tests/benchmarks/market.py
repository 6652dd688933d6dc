"""`python -m tests.benchmarks.market`: does the loop make the model better? Simulated markets, each by its command.

`value` is the median over the seeds of the paired gain: AUC of the model in use in the last cycle, less that of the
first model, on the same applicants. `lower_95` is its exact lower bound by order statistics (sign test, 2.5 % below).
The same for two switches that must take the gain away: no drift with a first book as large as the last training set,
and labels that are shuffled. As many markets run at once as there are cores. Smaller by BENCH_SEEDS,
BENCH_SWITCH_SEEDS and BENCH_APPLICANTS.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import comb
from pathlib import Path

from tests.benchmarks.common import median, print_line

ROOT = Path(__file__).resolve().parents[2]
SEEDS = int(os.environ.get("BENCH_SEEDS", "20"))
SWITCH_SEEDS = int(os.environ.get("BENCH_SWITCH_SEEDS", "5"))
APPLICANTS = os.environ.get("BENCH_APPLICANTS", "3000")
LARGE_FIRST_BOOK = "2000"
RUNS: dict[str, tuple[int, list[str]]] = {
    "plain": (SEEDS, []),
    "no_drift": (SWITCH_SEEDS, ["--no-drift", "--first-model-rows", LARGE_FIRST_BOOK]),
    "shuffled": (SWITCH_SEEDS, ["--shuffle-labels"]),
}


@dataclass(frozen=True)
class Run:
    """What one market came to: the gain of its last cycle, and how long it took."""

    kind: str
    gain: float
    seconds: float


def simulate(kind: str, seed: int) -> Run:
    """Run one market in a fresh home."""
    words = [sys.executable, "manage.py", "simulate", "--applicants", APPLICANTS, "--months", "36", "--cycles", "4"]
    with tempfile.TemporaryDirectory(prefix="luopan-market-") as home:
        environment = {**os.environ, "LUOPAN_HOME": home, "OMP_NUM_THREADS": "1"}
        began = time.monotonic()
        done = subprocess.run(
            [*words, "--seed", str(seed), "--json", *RUNS[kind][1]], cwd=ROOT, env=environment, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    last = json.loads(done.stdout.splitlines()[-1])
    run = Run(kind, last["auc"] - last["auc_first_model"], time.monotonic() - began)
    sys.stderr.write(f"{kind} seed {seed}: gain {run.gain:.4f}, {run.seconds:.0f} s\n")
    return run


def lower_bound(values: Sequence[float]) -> float | None:
    """The exact lower 95 % bound of a median (two-sided, by the sign test); None for fewer than six values."""
    below, place = 0.0, -1
    while below + comb(len(values), place + 1) / 2 ** len(values) <= 0.025:
        place += 1
        below += comb(len(values), place) / 2 ** len(values)
    return sorted(values)[place] if place >= 0 else None


def main() -> None:
    """Run all markets and print one line."""
    jobs = [(kind, seed) for kind, (seeds, _) in RUNS.items() for seed in range(1, seeds + 1)]
    began = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        runs = list(threads.map(lambda job: simulate(*job), jobs))
    gains = {kind: [run.gain for run in runs if run.kind == kind] for kind in RUNS}
    lower = lower_bound(gains["plain"])
    print_line(
        "market", median(gains["plain"]), "AUC gained over the first model",
        lower_95=None if lower is None else round(lower, 4),
        **{f"gain_{kind}": round(median(gains[kind]), 4) for kind in ("no_drift", "shuffled") if gains[kind]},
        gains={kind: [round(gain, 4) for gain in some] for kind, some in gains.items()},
        seconds_of_one=round(median([run.seconds for run in runs]), 1), seconds=round(time.monotonic() - began),
        applicants=int(APPLICANTS),
    )  # fmt: skip


if __name__ == "__main__":
    main()
