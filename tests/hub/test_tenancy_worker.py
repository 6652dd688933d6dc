"""I8 in a worker: one process works for two banks in turn, and neither's task sees the other's rows (acceptance 6)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from hub.celery import WORKER_FLAGS
from hub.crypto import DataKey
from hub.tenancy import platform_scope, tenant_scope
from tests.hub.tenancy_tasks import look
from tests.stack import ROOT, Stack, close_publisher, until


@pytest.mark.django_db(transaction=True)
def test_two_banks_in_one_worker(tmp_path: Path) -> None:
    banks = [uuid4(), uuid4()]
    for bank in banks:
        with tenant_scope(bank):
            DataKey.objects.for_reference(institution_id=bank, kind=DataKey.PERSON, reference="x")
    files = [tmp_path / f"{turn}.json" for turn in range(6)]
    with platform_scope():
        for turn, file in enumerate(files):
            look.delay_on_commit(str(banks[turn % 2]), str(file))
    stack = Stack(tmp_path)
    command = [sys.executable, "-m", "celery", "-A", "tests.hub.tenancy_tasks", "worker", "-Q", "default", "-c", "1"]
    environment = {**stack.environment, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}"}
    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [*command, *WORKER_FLAGS], cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    stack.processes.append(worker)
    try:
        until(lambda: all(file.exists() and file.read_text() for file in files), within_s=60, what="six answers")
    finally:
        stack.close()
        close_publisher()
    for turn, file in enumerate(files):
        seen = json.loads(file.read_text())
        assert seen == {"mine": [str(banks[turn % 2])], "raw": "permission denied for table hub_datakey"}
