"""Every row of bad_inputs.yaml: refused as it says, with nothing changed; and every door has at least one row."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

from hub.tenancy import platform_scope
from tests.contract import bad_rows, bad_worlds
from tests.contract.bad_rows import Row, check_problem, expanded, filled, send
from tests.contract.test_openapi import operations
from tests.factories import everything

TABLE = bad_rows.read()
_WRITTEN = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables WHERE schemaname = 'public'"


def written() -> int:
    """How many rows this transaction has written so far, those that were rolled back included."""
    with platform_scope(), connection.cursor() as cursor:
        cursor.execute(_WRITTEN)
        return int(cursor.fetchone()[0])


@contextmanager
def undone() -> Iterator[None]:
    """Roll back whatever happens inside."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Watch:
    """Tells which tables a refusal changed: the whole database is looked at only where it wrote at all."""

    def __init__(self) -> None:
        self.before = everything()

    def changed(self, act: Callable[[], Any]) -> tuple[Any, list[str]]:
        """Return what `act` gives, and the tables that are not as before."""
        began = written()
        answer = act()
        if written() == began:
            return answer, []
        after = everything()
        return answer, sorted(name for name, digest in after.items() if digest != self.before[name])


def promptly(act: Callable[[], Any]) -> Any:
    """Return what `act` gives; it may use a second of this thread."""
    begun = time.thread_time()
    answer = act()
    assert time.thread_time() - begun < 1
    return answer


def refuse_all(subtests: pytest.Subtests, world: Any, rows: list[Row], check: Callable[[Any, Row], None]) -> None:
    """Send every row to the world; first, that nothing but the row's fault can be meant, the request without it."""
    each = [(name, row, world.good(row.ask)) for one in rows for name, row in expanded(one)]
    named = [(name, filled(row, world.names(row)), good) for name, row, good in each]
    asked = [(name, row, good, world.client(row)) for name, row, good in named]
    watch = Watch()
    for ask, good in {row.ask: good for _, row, good, _ in asked if not good.refused}.items():
        plain = Row(case="", ask=ask, gives="")
        with subtests.test(f"{ask} is taken"), undone():
            taken = send(world.client(plain), plain, good)
            assert taken.status_code in (200, 201, 202, 302), taken.content
            assert good.form != "urlencoded" or taken.status_code == 302 or not taken.context.get("form"), taken.content
    for name, row, good, client in asked:
        with subtests.test(name), undone():
            answer, changed = watch.changed(lambda: promptly(lambda: send(client, row, good)))  # noqa: B023 - called here
            check(answer, row)
            assert changed == row.changes


def check_api(response: Any, row: Row) -> None:
    (bad_rows.check_oauth if row.ask == "POST /oauth/token/" else check_problem)(response, row)


@pytest.mark.timeout(600)  # one test is hundreds of requests
@pytest.mark.django_db
def test_the_api(subtests: pytest.Subtests) -> None:
    refuse_all(subtests, bad_worlds.ApiWorld(), TABLE.api, check_api)


def test_there_are_enough() -> None:
    found = [*TABLE.api, *TABLE.borrower, *TABLE.staff, *TABLE.files, *TABLE.wire]
    assert len(found) >= 180


def test_every_operation_has_a_row() -> None:
    asked = {row.ask for row in TABLE.api}
    assert {f"{method.upper()} {path}" for method, path, _ in operations()} - asked == set()
