"""Fill a new column while everybody works: some rows at a time, each time in a transaction of its own."""

from typing import Any

from django.db import connection, transaction
from django.db.migrations.operations import RunPython


def backfill(table: str, assignment: str, where: str, *, key: str = "id", batch: int = 5_000) -> RunPython:
    """`UPDATE table SET assignment WHERE where`, `batch` rows at a time in the order of `key`; back, nothing is done.

    The words are a migration's own, never a request's. It stands alone in a migration with `atomic = False`
    (ValueError), after the one that adds the column. Rows that come meanwhile from code that does not know the column
    lie behind: give the column a default of the database, or let it be empty until the release after. What broke off
    begins anew with the rows that `where` still finds.
    """
    fill = f"UPDATE {table} SET {assignment} WHERE {key} IN (SELECT {key} FROM batch) AND ({where})"

    def step(after: str) -> str:
        rows = f"SELECT {key} FROM {table} {after} ORDER BY {key} LIMIT {batch}"
        return f"WITH batch AS ({rows}), done AS ({fill}) SELECT {key} FROM batch ORDER BY {key} DESC LIMIT 1"

    # Row-level security is forced on the owner too: without a policy he would find no row, and nobody would notice.
    unseen = f"DROP POLICY IF EXISTS backfill_by_owner ON {table}"
    seen = f"CREATE POLICY backfill_by_owner ON {table} TO CURRENT_USER USING (true)"

    def run(_: Any, editor: Any) -> None:
        if editor.connection.in_atomic_block:
            raise ValueError(f"The migration that backfills {table} needs `atomic = False`.")
        _run(unseen)
        _run(seen)
        last = _run(step(""))
        while last:
            last = _run(step(f"WHERE {key} > %s"), *last)
        _run(unseen)

    return RunPython(run, RunPython.noop, atomic=False)


def _run(statement: str, *values: Any) -> Any:
    """Run one statement in a transaction of its own; return its first row, None where there is none."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchone() if cursor.description else None
