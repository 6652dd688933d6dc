"""F30: a migration that cannot have its table gives way, so that nobody queues behind it, and is applied in the end."""

import threading
import time
from collections.abc import Iterator
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from pytest_django import DjangoDbBlocker

from tests.copied import copied_database
from tests.owner import owner_dsn
from tests.stack import until

BEFORE, TABLE = "0006_audit_seals", "hub_invariantreport"
LIMITS = {"lock_ms": 300, "verbosity": 0}


@pytest.fixture(autouse=True)
def _copy(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock(), copied_database():
        yield


def read() -> bool:
    """Look at the table as somebody who comes later, and waits for 2 s at most; False where it has gone."""
    with psycopg.connect(owner_dsn(), options="-c lock_timeout=2s") as reader:
        try:
            reader.execute(f"SELECT FROM {TABLE}")
        except psycopg.errors.UndefinedTable:
            return False
        return True


@pytest.mark.fault("F30")
def test_a_long_reader_is_waited_for_without_a_queue() -> None:
    out = StringIO()

    def migrate() -> None:
        try:
            call_command("migrate", "hub", BEFORE, stdout=out, **LIMITS)
        finally:
            connections.close_all()

    with psycopg.connect(owner_dsn()) as reader:
        reader.execute(f"SELECT FROM {TABLE}")
        thread = threading.Thread(target=migrate)
        thread.start()
        until(lambda: "gives way" in out.getvalue(), within_s=60, what="the migration gives way")
        for _ in range(20):
            assert read()
            time.sleep(0.1)
    thread.join(60)
    assert not read()


@pytest.mark.fault("F30")
def test_a_table_that_is_never_free_is_named_and_nothing_has_changed() -> None:
    with psycopg.connect(owner_dsn()) as reader:
        reader.execute(f"SELECT FROM {TABLE}")
        with pytest.raises(CommandError, match="in use at each of 1 tries"):
            call_command("migrate", "hub", BEFORE, stdout=StringIO(), tries=1, **LIMITS)
    assert read()
