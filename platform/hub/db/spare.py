"""A database of one's own on the same server: for work that must not touch the platform's data."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import connections
from psycopg import sql

from hub.db.base import as_owner


@contextmanager
def fresh_database(name: str) -> Iterator[None]:
    """Let the default connection be that of a new, migrated database; one of this name goes first.

    It stays afterwards, to be looked at. The owner of the tables needs the right to make databases.
    """
    wrapper = connections["default"]
    usual = wrapper.settings_dict["NAME"]
    with as_owner():
        with wrapper._nodb_cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            # What a crash takes from it is made again.
            cursor.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name)))
        wrapper.settings_dict["NAME"] = name
    try:
        call_command("migrate", verbosity=0, interactive=False)
        yield
    finally:
        wrapper.close()
        wrapper.close_pool()  # type: ignore[attr-defined]  # the PostgreSQL backend's
        wrapper.settings_dict["NAME"] = usual
