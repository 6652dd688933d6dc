"""Every row of bad_inputs.yaml: refused as it says, with nothing changed; and every door has at least one row."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import Resolver404, ResolverMatch, get_resolver, resolve
from pytest_django import Settings

from hub import console
from hub.clock import now
from hub.tenancy import platform_scope
from partners.loans import tasks
from tests import people
from tests.contract import bad_page_worlds, bad_rows, bad_worlds
from tests.contract.bad_rows import Row, check_page, check_problem, expanded, filled, filled_text, send
from tests.contract.test_openapi import operations
from tests.contract.test_schemathesis import token_of
from tests.factories import everything, make_client_and_secret
from tests.stack import Stack

TABLE = bad_rows.read()
_WRITTEN = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_xact_user_tables WHERE schemaname = 'public'"


def written() -> int:
    """How many rows this transaction has written so far, those that were rolled back included."""
    with platform_scope(), connection.cursor() as cursor:
        cursor.execute(_WRITTEN)
        return int(cursor.fetchone()[0])


@contextmanager
def undone(client: Client) -> Iterator[None]:
    """Roll back whatever happens inside; the browser forgets it too."""
    known = SimpleCookie(client.cookies.output(header="", sep=";"))
    try:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
    finally:
        client.cookies = known


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
    plain = {row.ask: (Row(case="", ask=row.ask, gives=""), good) for _, row, good, _ in asked if not good.refused}
    takers = [(row, good, world.client(row)) for row, good in plain.values()]
    watch = Watch()
    for row, good, client in takers:
        with subtests.test(f"{row.ask} is taken"), undone(client):
            taken = send(client, row, good)
            assert taken.status_code in (200, 201, 202, 302), taken.content
            shown = (taken.context or {}).get("form")
            assert good.form != "urlencoded" or taken.status_code == 302 or not shown, taken.content
    for name, row, good, client in asked:
        with subtests.test(name), undone(client):
            answer, changed = watch.changed(lambda: promptly(lambda: send(client, row, good)))  # noqa: B023 - called here
            check(answer, row)
            assert changed == row.changes


def check_api(response: Any, row: Row) -> None:
    (bad_rows.check_oauth if row.ask.endswith(bad_worlds.TOKENS) else check_problem)(response, row)


@pytest.mark.timeout(600)  # one test is hundreds of requests
@pytest.mark.django_db
def test_the_api(subtests: pytest.Subtests) -> None:
    refuse_all(subtests, bad_worlds.ApiWorld(), TABLE.api, check_api)


@pytest.mark.timeout(600)
@pytest.mark.django_db
def test_the_borrowers_pages(subtests: pytest.Subtests) -> None:
    refuse_all(subtests, bad_page_worlds.BorrowerWorld(), TABLE.borrower, check_page)


@pytest.mark.timeout(600)
@pytest.mark.django_db
def test_sign_in_and_the_console(subtests: pytest.Subtests, settings: Settings) -> None:
    people.quick_passwords(settings)
    refuse_all(subtests, bad_page_worlds.StaffWorld(), TABLE.staff, check_page)


@pytest.mark.django_db
def test_bad_lines_of_files(subtests: pytest.Subtests) -> None:
    world = bad_worlds.ApiWorld()
    loans = [world.object_of("/api/v1/loans/{loan_id}", owner).id for owner in (world.owner, world.stranger)]
    names = {"loan": str(loans[0]), "others": str(loans[1]), "today": f"{now():%Y-%m-%d}"}
    plain = Row(case="", ask="POST /api/v1/performance-reports", gives="")
    client, good = world.client(plain), world.good(plain.ask)
    before = everything()
    for row in TABLE.files:
        with subtests.test(row.case), undone(client):
            change = {"/file": row.file, "/format": row.format}
            sent = Row(case="", ask=plain.ask, gives="", change=change, drop=["/count"])
            answer = send(client, filled(sent, names), good)
            assert answer.status_code == 202, answer.content
            tasks.apply_batches.run()
            read = client.get(answer["Location"]).json()
            found = [f"{one['line']} {one['field'] or '-'} {one['code']}" for one in read["problems"]["items"]]
            assert sorted(found) == sorted(row.problems), read["problems"]
            assert read["state"] == "done"
            after = everything()
            assert all(after[name] == before[name] for name in ("loans_loan", "loans_performancereport"))


def on_the_wire(address: str, sent: bytes) -> tuple[int, bytes]:
    """Send bytes and return the status that answers with the whole answer, 0 where the connection is closed."""
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connected:
        try:
            connected.sendall(sent)
            answer = connected.recv(65536)
        except ConnectionError:
            return 0, b""
    status = re.match(rb"HTTP/1\.[01] (\d{3}) ", answer)
    assert status or not answer, answer
    return (int(status[1]) if status else 0), answer


def test_bytes_on_a_socket(subtests: pytest.Subtests, transactional_db: None, tmp_path: Path) -> None:
    client, secret = make_client_and_secret()
    stack = Stack(tmp_path)
    try:
        address = stack.web()
        names = {
            "host": address.removeprefix("http://"), "token": token_of(stack, address, client, secret),
            "long": "x" * 500_000,
        }  # fmt: skip
        before = everything()
        for row in TABLE.wire:
            with subtests.test(row.case):
                text = row.send if isinstance(row.send, bytes) else filled_text(row.send, names).encode()
                status, answer = on_the_wire(address, text)
                assert status in row.gives, answer
                assert everything() == before
        assert stack.answers(address)
    finally:
        stack.close()


# Pages that only show something: a POST is answered as a GET, or refused, and nothing in it is read.
SHOWN = {
    "livez", "readyz", "metrics", "problem", "place", "offers", "declined", "lender", "closed", "account",
    "account_inactive", "mfa_index", "mfa_view_recovery_codes", "mfa_download_recovery_codes", "mfa_list_webauthn",
}  # fmt: skip


def asked() -> Iterator[ResolverMatch]:
    """Yield the page behind each row, whatever its ids are."""
    for one in [*TABLE.borrower, *TABLE.staff]:
        for _, row in expanded(one):
            path = (row.path or row.ask.split(" ", 1)[1]).replace("{token}", "x")
            with suppress(Resolver404):
                yield resolve(re.sub(r"{\w+}|<\w+>", bad_worlds.NOBODY, path))


def patterns(resolver: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every address with its name."""
    for found in resolver.url_patterns:
        whole = path + str(found.pattern)
        if hasattr(found, "url_patterns"):
            yield from patterns(found, whole)
        else:
            yield whole, found.name or whole


def test_every_page_that_takes_input_has_a_row() -> None:
    found = {match.url_name or "" for match in asked()}
    pages = {name for path, name in patterns(get_resolver()) if not path.startswith(("api/", "oauth/", "console/"))}
    assert pages - found == SHOWN


def test_every_deed_of_the_console_has_a_row() -> None:
    found = {(match.url_name or "", match.kwargs.get("name")) for match in asked()}
    deeds = set()
    for model, pages in console.site._registry.items():
        place = f"{model._meta.app_label}_{model._meta.model_name}"
        deeds |= {(f"{place}_list_deed", deed.name) for deed in pages.list_deeds}
        deeds |= {(f"{place}_deed", deed.name) for deed in pages._all_deeds()}
    assert deeds - found == set()


def test_there_are_enough() -> None:
    found = [*TABLE.api, *TABLE.borrower, *TABLE.staff, *TABLE.files, *TABLE.wire]
    assert len(found) >= 180


def test_every_operation_has_a_row() -> None:
    asked = {row.ask for row in TABLE.api}
    assert {f"{method.upper()} {path}" for method, path, _ in operations()} - asked == set()
