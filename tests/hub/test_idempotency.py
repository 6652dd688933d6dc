"""One effect per Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07)."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test import Client as Http

from hub import idempotency
from hub.clock import now
from hub.idempotency import IdempotencyKey
from hub.outbox import OutboxEvent
from hub.tenancy import platform_scope
from partners.institutions.queries import ClientView
from tests.factories import bearer, make_client, make_institution, rows_of

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.hub.api_urls")]
PATH = "/api/v1/things"


def post(client: ClientView, key: str | None, body: Any = None, *, path: str = PATH) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    sent = json.dumps({"purpose": "a"} if body is None else body)
    http = Http(raise_request_exception=False)
    return http.post(path, sent, content_type="application/json", headers=headers, **bearer(client))


def effects(client: ClientView) -> int:
    return rows_of(client.institution_id, OutboxEvent)


def code(response: Any) -> str:
    assert response["Content-Type"] == "application/problem+json"
    return str(response.json()["type"]).rpartition("/")[2]


@pytest.fixture
def client() -> ClientView:
    return make_client()


def test_repeat_gives_the_same_answer_and_no_second_effect(client: ClientView) -> None:
    before = effects(client)
    first, second = post(client, "k"), post(client, "k")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert first["Location"] == second["Location"]
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert effects(client) == before + 1


def test_quoted_and_bare_are_the_same_key(client: ClientView) -> None:
    assert post(client, '"k-1"').json() == post(client, "k-1").json() == post(client, ' "k-1" ').json()


def test_keys_differ_by_case_and_by_space_within(client: ClientView) -> None:
    answers = {post(client, key).content for key in ("k", "K", "k k", "kk", "k_", "k-")}
    assert len(answers) == 6


@pytest.mark.parametrize("key", [None, "", '""', "  "])
def test_missing(client: ClientView, key: str | None) -> None:
    before = effects(client)
    response = post(client, key)
    assert (response.status_code, code(response)) == (400, "idempotency_key_missing")
    assert effects(client) == before


@pytest.mark.parametrize("key", ["x" * 256, "é", "a\tb", "\x7f"])
def test_not_a_key(client: ClientView, key: str) -> None:
    before = effects(client)
    response = post(client, key)
    assert (response.status_code, code(response)) == (400, "malformed_request")
    assert effects(client) == before
    assert post(client, "x" * 255).status_code == 201


def test_same_key_for_another_request(client: ClientView) -> None:
    assert post(client, "k").status_code == 201
    before = effects(client)
    response = post(client, "k", {"purpose": "b"})
    assert (response.status_code, code(response)) == (422, "idempotency_key_reused")
    response = post(client, "k", path="/api/v1/other/things")
    assert (response.status_code, code(response)) == (422, "idempotency_key_reused")
    assert effects(client) == before


def test_the_key_is_the_clients_own(client: ClientView) -> None:
    colleague = make_client(make_institution())
    assert post(client, "k").json() != post(colleague, "k", {"purpose": "b"}).json()


@pytest.mark.parametrize(
    ("fail", "status"), [("conflict", 409), ("erased", 410), ("bug", 500), ("timeout", 503), ("duplicate", 409)]
)
def test_an_error_is_not_kept_and_leaves_no_effect(client: ClientView, fail: str, status: int) -> None:
    before = effects(client)
    for _ in range(2):
        response = post(client, "k", {"purpose": "a", "fail": fail})
        assert response.status_code == status
        assert "Idempotent-Replayed" not in response
    assert effects(client) == before
    with platform_scope():
        assert not IdempotencyKey.objects.exists()
    assert post(client, "k", {"purpose": "b"}).status_code == 201
    assert effects(client) == before + 1


def test_a_key_is_kept_for_72_hours(client: ClientView) -> None:
    first = post(client, "k")
    with time_machine.travel(now() + timedelta(hours=71, minutes=59)):
        assert post(client, "k").content == first.content
    with time_machine.travel(now() + timedelta(hours=72, minutes=1)):
        second = post(client, "k", {"purpose": "b"})
        assert second.status_code == 201
        assert second.content != first.content
        assert post(client, "k", {"purpose": "b"}).content == second.content


def test_old_keys_are_forgotten(client: ClientView) -> None:
    post(client, "old")
    with time_machine.travel(now() + timedelta(hours=73)):
        post(client, "new")
        with platform_scope():
            assert idempotency.forget_old(now=now()) == 1
            assert IdempotencyKey.objects.count() == 1


def test_neither_key_nor_answer_can_be_read_in_the_table(client: ClientView) -> None:
    response = post(client, "a-key-to-look-for")
    with platform_scope(), connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(k)::text FROM hub_idempotencykey k")
        (text,) = cursor.fetchone()
    assert "a-key-to-look-for" not in text
    assert response.content.hex() not in text


@pytest.mark.fault("F20")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sleep_s", [0, 0.5])
def test_one_key_a_hundred_times_at_once(sleep_s: float) -> None:
    client = make_client()
    before, headers, key = effects(client), bearer(client), str(uuid4())

    def send(_: int) -> Any:
        try:
            return Http().post(
                PATH, {"purpose": "a", "sleep_s": sleep_s}, content_type="application/json",
                headers={"Idempotency-Key": key}, **headers,
            )  # fmt: skip
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(send, range(100)))
    first = [answer for answer in answers if answer.status_code == 201 and "Idempotent-Replayed" not in answer]
    replays = [answer for answer in answers if answer.status_code == 201 and "Idempotent-Replayed" in answer]
    busy = [answer for answer in answers if answer.status_code == 409]
    assert (len(first), len(replays) + len(busy)) == (1, 99)
    assert {answer.content for answer in replays} <= {first[0].content}
    assert {(code(answer), answer["Retry-After"]) for answer in busy} <= {("idempotency_key_in_use", "1")}
    assert busy or not sleep_s
    assert effects(client) == before + 1
    assert json.loads(send(0).content) == first[0].json()
