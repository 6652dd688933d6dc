"""Copies of databases on the same server: quicker than to migrate each, or to mend one that a test wrecks."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connections
from django.test.utils import setup_databases, teardown_databases
from psycopg import sql

from hub import postgres
from hub.db.base import as_owner
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


@contextmanager
def migrated_database(name: str) -> Iterator[None]:
    """Let the default connection lead to a new database with all tables while the block lasts."""
    connections["default"].settings_dict["TEST"]["NAME"] = name
    with as_owner():
        made = setup_databases(verbosity=0, interactive=False, serialized_aliases=set())
    yield
    with as_owner():
        teardown_databases(made, verbosity=0)


@contextmanager
def copy_of_the_migrated(worker: str) -> Iterator[None]:
    """The same for one of several workers on the embedded server: the first migrates a database, each takes a copy."""
    name, original = f"test_luopan_{worker}", "test_luopan_migrated"
    with (HOME / "migrated.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if not lock.read():
            connections["default"].settings_dict["TEST"]["NAME"] = original
            with as_owner():
                setup_databases(verbosity=0, interactive=False, serialized_aliases=set())
            lock.write("done")
        host = connections["default"].settings_dict["HOST"]
        point_at(host, "postgres")
        as_superuser("CREATE DATABASE {} TEMPLATE {} OWNER luopan_owner", name, original)
    point_at(host, name)
    yield
    point_at(host, "postgres")
    as_superuser("DROP DATABASE {} WITH (FORCE)", name)
