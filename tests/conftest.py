"""The harness: a throw-away cluster, tables made by the owner, every test as the unprivileged role."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest, django_test_environment: None, django_db_blocker: object
) -> Iterator[None]:
    """Make this worker's database as the owner, then hand it to the application's role."""
    from django.db import connections
    from django.test.utils import setup_databases, teardown_databases

    from hub.db.base import as_owner
    from tests.stack import close_publisher

    blocker = request.getfixturevalue("django_db_blocker")
    suffix = os.environ.get("PYTEST_XDIST_WORKER", "")
    with blocker.unblock():
        name = f"test_luopan_{suffix}" if suffix else "test_luopan"
        connections["default"].settings_dict["TEST"]["NAME"] = name
        with as_owner():
            made = setup_databases(verbosity=0, interactive=False, serialized_aliases=set())
    yield
    close_publisher()
    with blocker.unblock(), as_owner():
        teardown_databases(made, verbosity=0)


@pytest.fixture(autouse=True, scope="session")
def _flush_as_owner() -> Iterator[None]:
    """TransactionTestCase truncates tables, which the application's role may not."""
    from django.test import TransactionTestCase

    from hub.db.base import as_owner

    plain = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]  # not in the stubs

    def teardown(self: TransactionTestCase) -> None:
        with as_owner():
            plain(self)

    TransactionTestCase._fixture_teardown = teardown  # type: ignore[attr-defined]  # no hook is offered
    yield
    TransactionTestCase._fixture_teardown = plain  # type: ignore[attr-defined]  # as above
