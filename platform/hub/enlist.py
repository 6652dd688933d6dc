"""Celery messages in Django's open transaction: sent with the commit, and not at all after a rollback."""

from functools import partial

from django.db import connections, transaction

from hub.broker import INSERT, RING, doorbell
from hub.tenancy import PLATFORM, current_scope, platform_scope

Row = tuple[str, str, str | None]  # queue, message as JSON, due time as ISO 8601 or None


def joined(row: Row) -> bool:
    """Put the row into the open transaction and return True; False where none is open.

    In the platform's scope the row is inserted at once, and commits with the rest. A tenant has no right to the
    broker's table, so from its scope the row follows right after the commit.
    """
    if not connections["default"].in_atomic_block:
        return False
    if current_scope() == PLATFORM:
        _insert(row)
    else:
        transaction.on_commit(partial(_insert_in_platform_scope, row), robust=True)
    return True


def _insert_in_platform_scope(row: Row) -> None:
    with platform_scope():
        _insert(row)


def _insert(row: Row) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(INSERT, row)
    # A lost ring costs no more than one polling interval, so it may not fail the request that has committed.
    transaction.on_commit(partial(_ring, doorbell(row[0])), robust=True)


def _ring(channel: str) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(RING, (channel,))
