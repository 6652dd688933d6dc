"""`python -m tests.benchmarks.retraining`: a training of 100,000 loans beside POST /scores, on the same machine.

`value` is the seconds of the training, by a Celery worker of its own, as it stands. `ratios.p95` is the endpoint's 95th
percentile at 8 connections while it goes on, over that of the same load just before and just after.
"""

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.benchmarks.common import percentile, print_line
from tests.benchmarks.endpoint import ROOT, Side, load, token, wait_for

ROWS = 100_000
CALM_S = 20.0
SLICE_S = 5.0
PORT = 18661
TRAINED_WITHIN_S = 1800.0


def main() -> None:
    """Make a book and a champion, load the endpoint, train beside it, print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="loans of the book")
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="luopan-bench-") as home:
        os.environ.update(LUOPAN_HOME=home, DJANGO_SETTINGS_MODULE="hub.settings", OMP_NUM_THREADS="1")
        import django

        django.setup()
        bearer = _prepare(Path(home), rows)
        with _stack(Path(home), bearer) as side:
            load(side, 5.0, keep=False)
            waits = {"before": _loaded(side, CALM_S)}
            waits["during"], seconds, report = _trained(side)
            waits["after"] = _loaded(side, CALM_S)
        p95 = {name: round(percentile(values, 0.95), 2) for name, values in waits.items()}
        calm = statistics.mean((p95["before"], p95["after"]))
        print_line(
            "retraining", seconds, "s", ratios={"p95": round(p95["during"] / calm, 3)}, p95_ms=p95, rows=rows,
            auc=round(report["measures"]["auc"], 4), cores=os.cpu_count(),
        )  # fmt: skip


def _prepare(home: Path, rows: int) -> str:
    """The book in the ledger, and a champion of a smaller one; returns the client's Authorization header."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    for name, count, seed in (("small", 4_000, 1), ("book", rows, 2)):
        path = str(home / f"{name}.csv.gz")
        call_command("make_demo_book", path, rows=count, seed=seed, verbosity=0, stdout=sys.stderr)
        call_command("import_book", path, mapping="demo_consumer", line="consumer", verbosity=0, stdout=sys.stderr)
        if name == "small":
            call_command("train", line="consumer", recipe=json.dumps({"bags": 1}), stdout=sys.stderr)
            _approve()
    return token()


def _approve() -> None:
    from uuid import uuid4

    from hub.clock import now
    from hub.tenancy import platform_scope
    from risk.scoring import registry
    from risk.scoring.models import ModelVersion

    with platform_scope():
        version = ModelVersion.objects.get()
        for user_id in (uuid4(), uuid4()):
            waiver = "The first version of a benchmark, which has no peer yet."
            registry.approve_version(version_id=version.id, user_id=user_id, now=now(), waiver=waiver)


@contextmanager
def _stack(home: Path, bearer: str) -> Iterator[Side]:
    environment = {**os.environ, "LUOPAN_PORT": str(PORT)}
    with (home / "stack.log").open("wb") as log:
        processes = [
            # In one session, as the supervisor starts them: there their niceness counts.
            subprocess.Popen([sys.executable, "manage.py", *words], cwd=ROOT, env=environment, stdout=log, stderr=log)
            for words in (["web"], ["worker", "training"])
        ]
    side = Side(PORT, lambda: _request(bearer), processes[0])
    try:
        wait_for(side)
        yield side
    finally:
        for process in processes:
            process.terminate()
            process.wait(30)


def _request(bearer: str) -> bytes:
    consent = {"reference": secrets.token_hex(8), "text_version": "1", "given_at": "2026-01-01T00:00:00+00:00"}
    body = json.dumps(
        {
            "model_line": "consumer", "person_reference": secrets.token_hex(8), "consent": consent,
            "features": {
                "monthly_income": 8_000 + secrets.randbelow(60_000), "employment_years": secrets.randbelow(30),
                "card_utilisation": secrets.randbelow(100), "delinquencies_24m": secrets.randbelow(4),
                "housing": secrets.choice(("rent", "own", "family")), "amount": 1_000 * (1 + secrets.randbelow(200)),
            },
        }
    ).encode()  # fmt: skip
    lines = [
        "POST /api/v1/scores HTTP/1.1", "Host: localhost", "Content-Type: application/json", f"Authorization: {bearer}",
        f"Idempotency-Key: {secrets.token_hex(16)}", f"Content-Length: {len(body)}", "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode() + body


def _loaded(side: Side, seconds: float) -> list[float]:
    """Milliseconds of every answer within these seconds."""
    side.waits_ms.clear()
    load(side, seconds, keep=True)
    return list(side.waits_ms)


def _trained(side: Side) -> tuple[list[float], float, dict[str, Any]]:
    """Load the endpoint from the request of a training to its end; the waits, the seconds, the version's report."""
    from django.db import connection

    from hub.tenancy import platform_scope
    from risk.learning import queries

    run_id = _request_training()
    waits: list[float] = []
    deadline = time.monotonic() + TRAINED_WITHIN_S
    while time.monotonic() < deadline:
        waits += _loaded(side, SLICE_S)
        with platform_scope():
            run = queries.run_by_id(run_id=run_id)
            if not run.is_open:
                break
    connection.close()
    if run.state != "done" or run.started_at is None or run.finished_at is None:
        raise SystemExit(f"the training is {run.state}: {run.failure}")
    return waits, (run.finished_at - run.started_at).total_seconds(), _report(str(run.version_id))


def _request_training() -> UUID:
    from hub.audit import system_actor
    from hub.clock import now
    from hub.tenancy import platform_scope
    from risk.learning import services
    from risk.learning.tasks import train
    from risk.scoring.facade import find_line

    with platform_scope():
        line = find_line(name="consumer", institution_id=None)
        run = services.request_training(
            line_id=line.id, requested_by=None, actor=system_actor("benchmark"), now=now(), seed=services.DEFAULT_SEED
        )
        train.delay_on_commit(str(run.id))
    return UUID(str(run.id))


def _report(version_id: str) -> dict[str, Any]:
    from hub.tenancy import platform_scope
    from risk.scoring.models import ModelVersion

    with platform_scope():
        report: dict[str, Any] = ModelVersion.objects.get(id=version_id).report
    return report


if __name__ == "__main__":
    main()
