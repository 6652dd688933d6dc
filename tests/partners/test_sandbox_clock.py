"""The clock of a sandbox goes forward for that tenant alone, never back; a live institution has none."""

import json
from datetime import datetime, timedelta
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, ProgrammingError, connection
from django.test import Client as Http

from hub import clock
from hub.models import AuditRow, OutboxEvent, SandboxClock
from hub.tenancy import platform_scope, tenant_scope
from partners.institutions.queries import ClientView
from tests.factories import bearer, make_client, make_institution, make_key, rows_of, signed_in

pytestmark = pytest.mark.django_db


PATH = "/api/v1/sandbox/clock"


def advance(client: ClientView, body: dict[str, Any], key: str = "", **headers: str) -> Any:
    return Http().post(
        PATH, json.dumps(body), "application/json",
        headers={"Idempotency-Key": key or str(uuid4())}, **(headers or signed_in(client)("POST", PATH)),
    )  # fmt: skip


def ahead(institution_id: UUID) -> int:
    """How many days the tenant's clock is ahead, as the tenant itself sees it."""
    with tenant_scope(institution_id):
        return round((clock.now(institution_id) - clock.now()).total_seconds() / 86400)


def test_months_pass_for_one_sandbox_alone() -> None:
    client, other = make_client(), make_client()
    answer = advance(client, {"advance_days": 31})
    assert answer.status_code == 200, answer.content
    shown = datetime.fromisoformat(answer.json()["now"])
    assert abs(shown - clock.now() - timedelta(days=31)) < timedelta(minutes=1)
    assert advance(client, {"advance_days": 300}).json()["offset_days"] == 331
    assert (ahead(client.institution_id), ahead(other.institution_id)) == (331, 0)
    with platform_scope():
        assert clock.now(client.institution_id) - clock.now() > timedelta(days=330)
        assert clock.now() - datetime.now(shown.tzinfo) < timedelta(minutes=1)


def test_it_goes_to_a_day_at_the_same_time_of_the_day() -> None:
    client = make_client()
    day = (clock.now() + timedelta(days=40)).date()
    answer = advance(client, {"to": day.isoformat()}).json()
    assert (datetime.fromisoformat(answer["now"]).date(), answer["offset_days"]) == (day, 40)


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "", "one_of_two"),
        ({"advance_days": 1, "to": "2199-01-01"}, "", "one_of_two"),
        ({"to": "2025-01-01"}, "/to", "not_later"),
        ({"to": "2199-01-01"}, "/to", "too_far"),
        ({"advance_days": 0}, "/advance_days", ""),
        ({"advance_days": -1}, "/advance_days", ""),
        ({"advance_days": 3661}, "/advance_days", ""),
    ],
)
def test_it_never_goes_back_and_not_for_ever(body: dict[str, Any], pointer: str, code: str) -> None:
    client = make_client()
    assert advance(client, {"advance_days": 10}).status_code == 200
    answer = advance(client, body)
    assert answer.status_code == 422
    [fault] = answer.json()["errors"]
    assert fault["pointer"] == pointer
    assert not code or fault["code"] == code
    assert ahead(client.institution_id) == 10


def test_the_present_day_is_not_later() -> None:
    client = make_client()
    advance(client, {"advance_days": 10})
    for days in (0, 9, 10):
        day = (clock.now() + timedelta(days=days)).date()
        assert advance(client, {"to": day.isoformat()}).status_code == 422
    assert ahead(client.institution_id) == 10


def test_a_live_client_finds_nothing_there() -> None:
    client = make_client(make_institution(sandbox=False), key=make_key())
    answer = advance(client, {"advance_days": 1})
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    with platform_scope():
        assert not SandboxClock.objects.exists()
    assert rows_of(client.institution_id, OutboxEvent.objects.model) == 2  # it was onboarded, and its client issued


def test_each_step_is_told_and_written_down() -> None:
    client = make_client()
    advance(client, {"advance_days": 31})
    with platform_scope():
        event = OutboxEvent.objects.get(type="sandbox.clock_advanced")
        assert (event.institution_id, event.payload["days"], event.payload["offset_days"]) == (
            client.institution_id, 31, 31,
        )  # fmt: skip
        row = AuditRow.objects.get(action="sandbox.clock_advanced")
        assert (row.actor_id, row.institution_id) == (client.client_id, client.institution_id)


def test_the_same_key_moves_it_once() -> None:
    client = make_client()
    first, again = (advance(client, {"advance_days": 31}, key="once") for _ in range(2))
    assert again["Idempotent-Replayed"] == "true"
    assert first.content == again.content
    assert ahead(client.institution_id) == 31


def test_it_needs_the_scope() -> None:
    client = make_client()
    headers = bearer(client, scopes=[scope for scope in client.scopes if scope != "loans:report"])
    assert advance(client, {"advance_days": 1}, **headers).status_code == 403


# --- the database's own walls -----------------------------------------------------------------------------------------


@pytest.mark.fault("F19")
def test_the_table_lets_no_clock_go_back() -> None:
    client = make_client()
    advance(client, {"advance_days": 31})
    with pytest.raises(IntegrityError, match="never goes back"), tenant_scope(client.institution_id):
        SandboxClock.objects.update(offset_days=30)
    assert ahead(client.institution_id) == 31


def test_the_table_has_no_clock_of_a_live_institution() -> None:
    live = make_institution(sandbox=False)
    for scope in (tenant_scope(live.id), platform_scope()):
        with pytest.raises(ProgrammingError, match="row-level security"), scope:
            SandboxClock.objects.create(institution_id=live.id, offset_days=1)
    with platform_scope():
        assert not SandboxClock.objects.exists()


def test_no_tenant_sees_or_moves_anothers() -> None:
    mine, theirs, third = make_client(), make_client(), make_institution()
    advance(theirs, {"advance_days": 31})
    with tenant_scope(mine.institution_id):
        assert not SandboxClock.objects.exists()
        assert SandboxClock.objects.filter(institution_id=theirs.institution_id).update(offset_days=99) == 0
        assert clock.now(theirs.institution_id) - clock.now() < timedelta(minutes=1)
    with pytest.raises(ProgrammingError, match="row-level security"), tenant_scope(mine.institution_id):
        SandboxClock.objects.create(institution_id=third.id, offset_days=1)


def test_it_is_looked_up_once_in_a_transaction_and_again_after_a_step(django_assert_num_queries: Any) -> None:
    institution = make_institution()
    with tenant_scope(institution.id):
        assert clock.now(institution.id) - clock.now() < timedelta(minutes=1)
        SandboxClock.locked(institution.id).advance(5)
        assert clock.now(institution.id) - clock.now() > timedelta(days=4)
        with django_assert_num_queries(0):
            clock.now()
    assert not connection.offsets  # type: ignore[attr-defined]  # our wrapper's


@pytest.mark.django_db(transaction=True)
def test_two_steps_at_once_both_count() -> None:
    client = make_client()
    headers = bearer(client)

    def step() -> None:
        for _ in range(5):
            assert advance(client, {"advance_days": 1}, **headers).status_code == 200
        connection.close()

    threads = [Thread(target=step) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ahead(client.institution_id) == 20
