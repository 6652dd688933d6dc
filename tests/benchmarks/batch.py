"""`python -m tests.benchmarks.batch`: a CSV of people into scores with reasons in PostgreSQL, everything on.

Ours: each line under its person's own key and a consent, sealed, with exact reasons, an audit row and an event for each
part, row-level security and foreign keys. Against the slowest of three bare things, each by itself: reading the same
CSV, scoring the same rows with contributions and reasons in numpy, and COPY of the same rows of all four tables into
tables with the same columns, constraints and indexes, but no foreign keys and no row-level security.
"""

import argparse
import csv
import os
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import psycopg

from tests.benchmarks.common import print_line

ROWS = 1_000_000
FEATURES = 10
BLOCK = 1 << 20
SCORED_AT_ONCE = 20_000
TABLES = ("hub_datakey", "hub_consententry", "scoring_decision", "scoring_batchline")
NAMES = [f"feature_{at:02d}" for at in range(FEATURES)]


def main() -> None:
    """Make the book, the champion and the file; measure the bare things and the whole; print one line."""
    rows = _arguments().rows
    with tempfile.TemporaryDirectory(prefix="luopan-bench-") as home:
        os.environ.update(LUOPAN_HOME=home, DJANGO_SETTINGS_MODULE="hub.settings", OMP_NUM_THREADS="1")
        import django

        django.setup()
        _prepare()
        path, values = Path(home, "people.csv"), _book(rows, seed=2)[0]
        _write(path, values)
        taken = {"csv": _timed(lambda: _read(path)), "scoring": _timed(lambda: _score(values))}
        bank = uuid4()
        began = time.perf_counter()
        batch_id = _hand_in(path, bank)
        receive_s = time.perf_counter() - began
        cpu = time.process_time()
        taken["whole"] = _timed(lambda: _whole(bank, batch_id, rows))
        cpu_us = (time.process_time() - cpu) / rows * 1e6
        taken["copy"] = _copy(Path(home))
        rates = {name: round(rows / seconds) for name, seconds in taken.items()}
        slowest = min(rates[name] for name in ("csv", "scoring", "copy"))
        print_line(
            "batch", rates["whole"], "lines/s", ratios={"ceiling": round(rates["whole"] / slowest, 3)}, rates=rates,
            rows=rows, features=FEATURES, cpu_us=round(cpu_us, 1), receive_s=round(receive_s, 2),
        )  # fmt: skip


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="lines of the file")
    return parser.parse_args()


def _timed(act: Any) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _book(rows: int, seed: int) -> tuple[Any, Any]:
    """Numbers with two decimals, one in twelve missing, and labels that depend on pairs too."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, FEATURES)).round(2)
    logits = values.sum(axis=1) / 3 + values[:, 0] * values[:, 1] - 2.5
    labels = (rng.uniform(size=rows) < 1 / (1 + np.exp(-logits))).astype(np.int8)
    values[rng.random(values.shape) < 1 / 12] = np.nan
    return values, labels


def _prepare() -> None:
    from django.core.management import call_command

    from hub.audit import system_actor
    from hub.clock import now
    from hub.tenancy import platform_scope
    from risk.features.facade import Feature
    from risk.learning.fit.frame import Frame
    from risk.learning.fit.glassbox import fit_glassbox
    from risk.scoring import registry
    from risk.scoring.facade import Calibration, manifest_of

    call_command("migrate", verbosity=0)
    values, labels = _book(30_000, seed=1)
    frame = Frame(tuple(Feature(name, "number") for name in NAMES), dict(zip(NAMES, values.T.copy(), strict=True)))
    data = fit_glassbox(frame, labels, seed=1)
    actor = system_actor("benchmark")
    with platform_scope():
        line = registry.ensure_line(
            name="consumer", institution_id=None, purpose="consumer", jurisdiction="HK", actor=actor, now=now()
        )
        version_id = registry.register_version(
            line_id=line.id, run_id=uuid4(), artefact=data, manifest=dict(manifest_of(data)),
            calibration=Calibration(980_000, 12_000), report={}, trainer_id=None, actor=actor, now=now(),
        )  # fmt: skip
        for user_id in (uuid4(), uuid4()):
            registry.approve_version(version_id=version_id, user_id=user_id, now=now())


def _write(path: Path, values: Any) -> None:
    head = ["person_reference", "consent.reference", "consent.text_version", "consent.given_at"]
    with path.open("w", newline="") as file:
        write = csv.writer(file, lineterminator="\n").writerow
        write([*head, *(f"features.{name}" for name in NAMES)])
        for number, row in enumerate(values.tolist()):
            given = datetime(2026, 1, 1 + number % 28, number % 24, tzinfo=UTC).isoformat()
            cells = ["" if np.isnan(value) else value for value in row]
            write([f"customer-{number:08d}", f"consent-{number:08d}", "2026-01", given, *cells])


def _read(path: Path) -> None:
    with path.open(newline="") as file:
        for _ in csv.reader(file):
            pass


def _champion() -> Any:
    from hub.tenancy import platform_scope
    from risk.scoring.facade import champion

    with platform_scope():
        return champion(line_name="consumer")


def _score(values: Any) -> None:
    found = _champion()
    for start in range(0, len(values), SCORED_AT_ONCE):
        part = values[start : start + SCORED_AT_ONCE]
        batch = found.scorer.batch(dict(zip(NAMES, part.T, strict=True)), contributions=True)
        batch.pd(found.calibration)
        found.scorer.rank(batch, limit=4)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block


def _hand_in(path: Path, bank: UUID) -> UUID:
    from hub.audit import client_actor
    from hub.clock import now
    from hub.tenancy import tenant_scope
    from risk.scoring import batches

    with tenant_scope(bank):
        return batches.receive(
            institution_id=bank, line_name="consumer", chunks=_blocks(path), format_="csv",
            totals=batches.ControlTotals(), actor=client_actor("benchmark"), now=now(),
        ).id  # fmt: skip


def _whole(bank: UUID, batch_id: UUID, rows: int) -> None:
    from hub.clock import now
    from risk.scoring.batch_scoring import score_batch

    batch = score_batch(institution_id=bank, batch_id=batch_id, clock=now)
    if (batch.state, batch.scored) != ("done", rows):
        raise SystemExit(f"{batch.state}: {batch.scored} scored, {batch.problems} problems")


def _copy(home: Path) -> float:
    """Seconds of COPY of all rows that the whole made, table by table, each in one transaction."""
    from hub.postgres import socket_folder

    seconds = 0.0
    with psycopg.connect(f"host={socket_folder(home)} dbname=luopan user=luopan_owner", autocommit=True) as connection:
        for table in TABLES:
            connection.execute(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)")
            connection.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
            with (
                (home / table).open("wb") as file,
                connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)") as out,
            ):
                for block in out:
                    file.write(block)
            began = time.perf_counter()
            with connection.cursor().copy(f"COPY bare_{table} FROM STDIN (FORMAT binary)") as into:
                for block in _blocks(home / table):
                    into.write(block)
            seconds += time.perf_counter() - began
    return seconds


if __name__ == "__main__":
    main()
