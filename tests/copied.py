"""A copy of this worker's database on the same server, to be wrecked: quicker than to mend the original."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connections
from psycopg import sql

from hub import postgres
from tests.harness import HOME


def point_at(host: str, name: str) -> None:
    """Let the default connection lead to another database."""
    wrapper = connections["default"]
    wrapper.close()
    wrapper.close_pool()  # type: ignore[attr-defined]  # the PostgreSQL backend's
    wrapper.settings_dict.update(HOST=host, NAME=name)


def as_superuser(statement: str, *names: str) -> list[tuple[object, ...]]:
    """Run a statement on the server, with names for its places {}; return its rows."""
    with psycopg.connect(host=str(postgres.socket_folder(HOME)), user="postgres", autocommit=True) as superuser:
        cursor = superuser.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
        return cursor.fetchall() if cursor.description else []


@contextmanager
def copied_database() -> Iterator[str]:
    """Let the default connection lead to a copy of the database while the block lasts; its name."""
    place = connections["default"].settings_dict
    host, usual = place["HOST"], place["NAME"]
    made = f"{usual}_copy"
    point_at(host, usual)
    # Connections of processes that another test ended may still be closing: a template must have none.
    with psycopg.connect(host=host, user="postgres", autocommit=True) as superuser:
        superuser.execute("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", [usual])
    as_superuser("CREATE DATABASE {} TEMPLATE {} OWNER luopan_owner", made, usual)
    point_at(host, made)
    try:
        yield made
    finally:
        point_at(host, usual)
        as_superuser("DROP DATABASE {} WITH (FORCE)", made)
