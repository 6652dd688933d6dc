"""A bench for the broker on this process's database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.broker_bench import PostgresBench


@pytest.fixture
def bench(django_db_setup: None, tmp_path: Path) -> Iterator[PostgresBench]:
    """A bench on the database of this test process."""
    from django.db import connections

    place = connections["default"].settings_dict
    made = PostgresBench(tmp_path, {"host": place["HOST"], "dbname": place["NAME"]})
    yield made
    made.close()
