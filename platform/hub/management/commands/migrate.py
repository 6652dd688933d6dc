"""Migrations run as the owner of the tables, never as the application's role, and give way to those at work.

A statement that waits for a lock on a table makes everybody wait who comes after it. So it waits for a moment only;
then the migration is rolled back, lets the others pass, and tries again. What is applied stays applied.
"""

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import OperationalError, connection
from psycopg.errors import LockNotAvailable

from hub.db.base import as_owner

LOCK_MS = 2_000
STATEMENT_MS = 30 * 60_000
TRIES = 60
PAUSE_S = 1.0


class Command(migrate.Command):
    """Django's `migrate`, as the owner, with limits."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Let the limits be chosen."""
        super().add_arguments(parser)
        parser.add_argument("--lock-ms", type=int, default=LOCK_MS, help="longest wait for a lock on a table")
        parser.add_argument("--statement-ms", type=int, default=STATEMENT_MS, help="longest run of one statement")
        parser.add_argument("--tries", type=int, default=TRIES, help="how often to give way before giving up")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run Django's command with the owner's connection; `CommandError` where the table is never free."""
        with as_owner():
            for _ in range(options["tries"]):
                _limit(lock_ms=options["lock_ms"], statement_ms=options["statement_ms"])
                try:
                    _drop_what_broke_off()
                    super().handle(*args, **options)
                except OperationalError as error:
                    if not isinstance(error.__cause__, LockNotAvailable):
                        raise
                else:
                    _limit(lock_ms=0, statement_ms=0)
                    return
                self.stdout.write("a table is in use: the migration gives way and tries again")
                time.sleep(PAUSE_S)
        raise CommandError(f"A table was in use at each of {options['tries']} tries: see who holds it (pg_locks).")


def _drop_what_broke_off() -> None:
    """Drop indexes that were to be built while others work, and were not: the next try would find their names taken."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"
            " AND indexrelid NOT IN (SELECT index_relid FROM pg_stat_progress_create_index)"
            " AND pg_has_role((SELECT relowner FROM pg_class WHERE oid = indexrelid), 'USAGE')"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP INDEX {name}")


def _limit(*, lock_ms: int, statement_ms: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false)",
            [str(lock_ms), str(statement_ms)],
        )
