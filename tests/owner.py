"""The owner of the tables: who may do to the database what no role of the application may."""

from typing import Any

import psycopg
from django.db import connections
from psycopg.conninfo import make_conninfo


def owner_dsn() -> str:
    """Return the owner's conninfo for this test's database."""
    place = connections["default"].settings_dict
    return make_conninfo("", user="luopan_owner", host=place["HOST"], dbname=place["NAME"])


def as_the_owner(statement: str, *values: Any) -> int:
    """Run one statement past row-level security; return how many rows it touched."""
    with psycopg.connect(owner_dsn()) as connection:
        return connection.execute(statement, values or None).rowcount
