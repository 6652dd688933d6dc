"""What the benchmarks share: interleaved timing, medians, and the one line that each prints."""

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence


def interleave(paths: Mapping[str, Callable[[int], object]], *, rounds: int, burst: int = 1) -> dict[str, list[float]]:
    """Milliseconds of every call, numbered from 0.

    In each round every path makes `burst` calls in a row, so that a busy machine slows all of them alike.
    """
    taken: dict[str, list[float]] = {name: [] for name in paths}
    for start in range(0, rounds * burst, burst):
        for name, call in paths.items():
            for number in range(start, start + burst):
                began = time.perf_counter_ns()
                call(number)
                taken[name].append((time.perf_counter_ns() - began) / 1e6)
    return taken


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def print_line(name: str, value: float, unit: str, **more: object) -> None:
    """The benchmark's one line of JSON on stdout."""
    sys.stdout.write(json.dumps({"name": name, "value": round(value, 4), "unit": unit, **more}) + "\n")
