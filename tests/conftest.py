"""The harness: a throw-away cluster, tables made by the owner, every test as the unprivileged role."""

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

# Begun first, so that none of them is left when all workers but one are done.
LONG = {
    "test_readme.py", "test_machine.py", "test_simulation.py", "test_up.py", "test_loop.py", "test_schemathesis.py",
    "test_worker_killed.py", "test_point_in_time.py", "test_f01_kills.py", "test_borrower.py", "test_bank.py",
    "test_learning_kills.py", "test_leaks.py", "test_budgets.py", "test_broker_rabbitmq.py",
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long tests first; the others stay in the order of chance."""
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest, django_test_environment: None, django_db_blocker: object
) -> Iterator[None]:
    """Make this worker's database as the owner, then hand it to the application's role."""
    from tests.copied import copy_of_the_migrated, migrated_database
    from tests.stack import close_publisher

    blocker = request.getfixturevalue("django_db_blocker")
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    embedded = "DATABASE_URL" not in os.environ
    database = copy_of_the_migrated(worker) if worker and embedded else migrated_database(f"test_luopan{worker}")
    stack = ExitStack()
    with blocker.unblock():
        stack.enter_context(database)
    yield
    with blocker.unblock():
        close_publisher()
        stack.close()


# What a test has written to; row-level security hides rows from the owner too, so the files are asked. The two others
# stand as the migrations left them.
TOUCHED = """
SELECT string_agg(oid::regclass::text, ', ') FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission')"""


@pytest.fixture(autouse=True, scope="session")
def _empty_as_owner() -> Iterator[None]:
    """TransactionTestCase truncates all tables, one by one, which the application's role may not: here the few."""
    from django.db import connection
    from django.test import TransactionTestCase

    from hub.db.base import as_owner

    plain = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]  # not in the stubs

    def teardown(_: TransactionTestCase) -> None:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(TOUCHED)
            if (touched := cursor.fetchone()[0]) is not None:
                cursor.execute(f"TRUNCATE {touched} CASCADE")

    TransactionTestCase._fixture_teardown = teardown  # type: ignore[attr-defined]  # no hook is offered
    yield
    TransactionTestCase._fixture_teardown = plain  # type: ignore[attr-defined]  # as above
