"""`python -m tests.benchmarks.market`: does the loop make the model better? Simulated markets, each by its command.

`value` is the median over the seeds of the paired gain: AUC of the model in use in the last cycle, less that of the
first model, on the same applicants. `lower_95` is its exact lower bound by order statistics (sign test, 2.5 % below).
The same for two switches that must take the gain away: no drift with a first book as large as the last training set,
and labels that are shuffled. As many markets run at once as there are cores. Smaller by BENCH_SEEDS,
BENCH_SWITCH_SEEDS and BENCH_APPLICANTS.

With `--stationary` the economy stays as it was for four years instead, and `value` is the median over the seeds of the
PD that is predicted in the mean, after the last retraining, over the true one; `off` the median distance from 1.
"""

import argparse
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
YEARS_3 = ["--months", "36", "--cycles", "4"]
RUNS: dict[str, tuple[int, list[str]]] = {
    "plain": (SEEDS, YEARS_3),
    "no_drift": (SWITCH_SEEDS, [*YEARS_3, "--no-drift", "--first-model-rows", LARGE_FIRST_BOOK]),
    "shuffled": (SWITCH_SEEDS, [*YEARS_3, "--shuffle-labels"]),
}
STATIONARY = (SEEDS, ["--months", "48", "--cycles", "5", "--no-drift"])


@dataclass(frozen=True)
class Run:
    """What one market came to: the gain of its last cycle, its PD predicted over the true, and how long it took."""

    kind: str
    gain: float
    level: float
    seconds: float


def simulate(kind: str, seed: int, more: Sequence[str]) -> Run:
    """Run one market in a fresh home."""
    words = [sys.executable, "manage.py", "simulate", "--applicants", APPLICANTS]
    with tempfile.TemporaryDirectory(prefix="luopan-market-") as home:
        environment = {**os.environ, "LUOPAN_HOME": home, "OMP_NUM_THREADS": "1"}
        began = time.monotonic()
        done = subprocess.run(
            [*words, "--seed", str(seed), "--json", *more], cwd=ROOT, env=environment, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    last = json.loads(done.stdout.splitlines()[-1])
    gain, level = last["auc"] - last["auc_first_model"], last["pd_predicted"] / last["pd_true"]
    run = Run(kind, gain, level, time.monotonic() - began)
    sys.stderr.write(f"{kind} seed {seed}: gain {gain:.4f}, level {level:.3f}, {run.seconds:.0f} s\n")
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stationary", action="store_true", help="judge the level in a world that stays as it was")
    kinds = {"stationary": STATIONARY} if parser.parse_args().stationary else RUNS
    jobs = [(kind, seed, more) for kind, (seeds, more) in kinds.items() for seed in range(1, seeds + 1)]
    began = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        runs = list(threads.map(lambda job: simulate(*job), jobs))
    seconds = {
        "seconds_of_one": round(median([run.seconds for run in runs]), 1),
        "seconds": round(time.monotonic() - began),
    }
    (_told_level if "stationary" in kinds else _told_gain)(runs, seconds)


def _told_level(runs: Sequence[Run], seconds: dict[str, float]) -> None:
    levels = [run.level for run in runs]
    print_line(
        "market_stationary", median(levels), "mean PD predicted over true",
        off=round(median([abs(level - 1) for level in levels]), 4), levels=[round(level, 4) for level in levels],
        **seconds, applicants=int(APPLICANTS),
    )  # fmt: skip


def _told_gain(runs: Sequence[Run], seconds: dict[str, float]) -> None:
    gains = {kind: [run.gain for run in runs if run.kind == kind] for kind in RUNS}
    lower = lower_bound(gains["plain"])
    print_line(
        "market", median(gains["plain"]), "AUC gained over the first model",
        lower_95=None if lower is None else round(lower, 4),
        **{f"gain_{kind}": round(median(gains[kind]), 4) for kind in ("no_drift", "shuffled") if gains[kind]},
        gains={kind: [round(gain, 4) for gain in some] for kind, some in gains.items()},
        **seconds, applicants=int(APPLICANTS),
    )  # fmt: skip


if __name__ == "__main__":
    main()
