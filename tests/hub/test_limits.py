"""Rates and daily budgets: draft-ietf-httpapi-ratelimit-headers-10, RFC 6585 section 4."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client as Http
from pytest_django import Settings

from hub.clock import now
from hub.limits import Limiter, Limits
from hub.outbox import OutboxEvent
from hub.tenancy import platform_scope
from partners.institutions import services
from partners.institutions.queries import ClientView
from tests.factories import (
    ACTOR,
    bearer,
    make_client,
    make_client_and_secret,
    make_institution,
    make_key,
    rows_of,
    signed_in,
)

PATH, THINGS = "/api/v1/institution", "/api/v1/things"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
in_the_api = [pytest.mark.django_db, pytest.mark.urls("tests.hub.api_urls")]


# --- the limiter alone ------------------------------------------------------------------------------------------------


def waits(limiter: Limiter, limits: Limits, *moments_s: float) -> list[int]:
    return [limiter.spend("a", limits, now_s=moment_s).wait_s for moment_s in moments_s]


def test_a_bucket_is_emptied_and_fills_again() -> None:
    limiter, limits = Limiter(), Limits(per_minute=3)
    assert waits(limiter, limits, 0, 0, 0) == [0, 0, 0]
    assert waits(limiter, limits, 0, 1, 19.5) == [20, 19, 1]  # one comes every 20 s; a refused one takes nothing
    assert waits(limiter, limits, 20, 20) == [0, 20]
    assert waits(limiter, limits, 3600, 3600, 3600, 3600) == [0, 0, 0, 20]  # it holds no more than a minute's


def test_who_waits_as_told_comes_in() -> None:
    limiter, moment = Limiter(), 0.0
    limits = Limits(per_minute=7)
    for _ in range(50):
        wait_s = limiter.spend("a", limits, now_s=moment).wait_s
        if wait_s:
            moment += wait_s
            assert limiter.spend("a", limits, now_s=moment).wait_s == 0


def test_a_day_ends_at_midnight() -> None:
    limiter, limits, midnight = Limiter(), Limits(per_minute=100, per_day=2), 86_400 * 20_000.0
    assert waits(limiter, limits, midnight - 10, midnight - 9, midnight - 8.5, midnight) == [0, 0, 9, 0]


def test_the_fields() -> None:
    limiter, limits = Limiter(), Limits(per_minute=60, per_day=100)
    fields = limiter.spend("a", limits, now_s=86_400 - 30).fields
    assert fields == {
        "RateLimit-Policy": '"minute";q=60;w=60, "day";q=100;w=86400',
        "RateLimit": '"minute";r=59;t=1, "day";r=99;t=30',
    }
    assert Limiter().spend("a", Limits(2), now_s=0).fields == {
        "RateLimit-Policy": '"minute";q=2;w=60', "RateLimit": '"minute";r=1;t=30',
    }  # fmt: skip


def test_keys_are_counted_apart_and_are_not_kept_for_ever() -> None:
    limiter, limits = Limiter(keys_max=3), Limits(per_minute=1)
    assert [limiter.spend(key, limits, now_s=0).wait_s for key in "abc"] == [0, 0, 0]
    assert limiter.spend("a", limits, now_s=0).wait_s == 60
    assert limiter.spend("d", limits, now_s=0).wait_s == 0  # b was unseen for longest
    assert [limiter.spend(key, limits, now_s=0).wait_s for key in "acd"] == [60, 60, 60]
    assert len(limiter) == 3
    assert limiter.spend("b", limits, now_s=0).wait_s == 0


def test_a_clock_that_goes_back_fills_nothing_and_blocks_nobody() -> None:
    limiter, limits = Limiter(), Limits(per_minute=1)
    assert waits(limiter, limits, 10_000, 5_000, 5_060) == [0, 60, 0]


def test_each_of_several_processes_has_its_share(settings: Settings) -> None:
    settings.WEB_PROCESSES = 4
    assert Limits.shared(100, 1000) == Limits(25, 250)
    assert Limits.shared(3, 1) == Limits(1, 1)
    assert Limits.shared(3) == Limits(1, 0)


def test_threads_take_no_more_than_there_is() -> None:
    limiter, limits, passed = Limiter(), Limits(per_minute=1_000), []

    def take() -> None:
        passed.append(waits(limiter, limits, *[0.0] * 500).count(0))

    threads = [Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(passed) == 1_000


def test_it_costs_microseconds() -> None:
    limiter, limits = Limiter(), Limits(per_minute=10**9, per_day=10**9)
    begun = time.thread_time()
    for at in range(10_000):
        limiter.spend("a", limits, now_s=float(at))
    assert (time.thread_time() - begun) / 10_000 < 100e-6


# --- the API ----------------------------------------------------------------------------------------------------------


def read(field: str) -> dict[str, dict[str, int]]:
    """Read a List of Strings with integer parameters (RFC 9651)."""
    found = {}
    for item in field.split(", "):
        assert re.fullmatch(r'"[a-z]+"(;[a-z]=\d+)+', item)
        name, *parameters = item.split(";")
        found[name.strip('"')] = {one[0]: int(one[2:]) for one in parameters}
    return found


@pytest.fixture
def few(settings: Settings) -> None:
    settings.CLIENT_PER_MINUTE, settings.CLIENT_PER_DAY = 3, 5


class TestApi:
    pytestmark = in_the_api

    def test_every_answer_says_what_is_left(self, few: None) -> None:
        client = make_client(scopes=["institution:read", "scores:write"])
        headers = bearer(client)
        with time_machine.travel(NOON, tick=False):
            answers = [
                Http().get(PATH, **headers), Http().get(f"{THINGS}/{uuid4()}", **headers),
                Http().put(PATH, **headers), Http().get(PATH, **headers),
            ]  # fmt: skip
        assert [answer.status_code for answer in answers] == [200, 403, 405, 429]
        assert [read(answer["RateLimit"])["minute"]["r"] for answer in answers] == [2, 1, 0, 0]
        assert [read(answer["RateLimit"])["day"]["r"] for answer in answers] == [4, 3, 2, 2]
        assert read(answers[0]["RateLimit"]) == {"minute": {"r": 2, "t": 20}, "day": {"r": 4, "t": 43_200}}
        policies = {answer["RateLimit-Policy"] for answer in answers}
        assert policies == {'"minute";q=3;w=60, "day";q=5;w=86400'}

    def test_too_many(self, few: None) -> None:
        client = make_client()
        headers = bearer(client)
        with time_machine.travel(NOON, tick=False) as clock:
            for _ in range(3):
                assert post(headers).status_code == 201
            events = rows_of(client.institution_id, OutboxEvent)
            answer = post(headers)
            assert answer.status_code == 429
            assert answer["Content-Type"] == "application/problem+json"
            assert answer.json()["type"].endswith("/problems/rate_limited")
            assert answer["Retry-After"] == "20"
            assert rows_of(client.institution_id, OutboxEvent) == events
            assert Http().get(PATH, **bearer(make_client())).status_code == 200
            clock.shift(20)
            assert post(headers).status_code == 201

    def test_the_budget_of_a_day(self, few: None) -> None:
        headers = bearer(make_client(), expires_at=NOON + timedelta(days=2))
        with time_machine.travel(NOON, tick=False) as clock:
            statuses = []
            for _ in range(6):
                clock.shift(60)
                answer = Http().get(PATH, **headers)
                statuses.append(answer.status_code)
            assert statuses == [200] * 5 + [429]
            assert int(answer["Retry-After"]) == 43_200 - 360
            clock.shift(int(answer["Retry-After"]))
            assert Http().get(PATH, **headers).status_code == 200

    def test_a_fault_of_ours_says_it_too(self) -> None:
        answer = post(bearer(make_client()), fail="bug")
        assert answer.status_code == 500
        assert read(answer["RateLimit"]).keys() == {"minute", "day"}

    def test_who_is_not_known_has_no_limits(self) -> None:
        for answer in (Http().get(PATH), Http().get(PATH, HTTP_AUTHORIZATION="Bearer x"), Http().get("/api/v1/nope")):
            assert 401 <= answer.status_code <= 404
            assert "RateLimit" not in answer
            assert "RateLimit-Policy" not in answer

    def test_a_thief_takes_nothing_from_the_holder_of_the_key(self, few: None) -> None:
        client = make_client(make_institution(sandbox=False), key=make_key())
        sign = signed_in(client)
        good = sign("GET", PATH)
        for _ in range(10):
            assert Http().get(PATH, **{**good, "HTTP_DPOP": "x"}).status_code == 401
        assert [Http().get(PATH, **sign("GET", PATH)).status_code for _ in range(4)] == [200, 200, 200, 429]

    def test_an_operator_gives_one_client_limits_of_its_own(self, few: None) -> None:
        institution = make_institution()
        client, other = make_client(institution), make_client(institution)
        limited = limit(client, per_minute=1, per_day=None)
        assert (limited.per_minute, limited.per_day) == (1, 5)
        headers = bearer(client)
        assert [Http().get(PATH, **headers).status_code for _ in range(2)] == [200, 429]
        assert Http().get(PATH, **bearer(other))["RateLimit-Policy"] == '"minute";q=3;w=60, "day";q=5;w=86400'
        shown = Http().get("/api/v1/clients", **bearer(other)).json()["items"]
        assert [(found["per_minute"], found["per_day"]) for found in shown] == [(1, 5), (3, 5)]

    def test_it_holds_within_seconds(self) -> None:
        client = make_client()
        headers = bearer(client)
        assert Http().get(PATH, **headers).status_code == 200
        limit(client, per_minute=1, per_day=1)
        with time_machine.travel(now() + timedelta(seconds=6)):
            assert Http().get(PATH, **headers).status_code == 429


def post(headers: Any, **body: Any) -> Any:
    given = {"Idempotency-Key": str(uuid4())}
    return Http(raise_request_exception=False).post(
        THINGS, json.dumps({"purpose": "scoring", **body}), "application/json", headers=given, **headers
    )


def limit(client: ClientView, *, per_minute: int | None, per_day: int | None) -> ClientView:
    with platform_scope():
        return services.limit_client(
            client_id=client.client_id, per_minute=per_minute, per_day=per_day, actor=ACTOR, now=now()
        )


# --- the token endpoint -----------------------------------------------------------------------------------------------


class TestTokens:
    pytestmark = in_the_api

    def ask(self, client_id: str, secret: str, address: str) -> Any:
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        return Http().post("/oauth/token/", form, REMOTE_ADDR=address)

    def test_of_one_client(self, settings: Settings) -> None:
        settings.TOKENS_PER_MINUTE = 2
        (client, secret), (other, others_secret) = make_client_and_secret(), make_client_and_secret()
        for _ in range(5):  # who does not know the secret takes nothing from it
            assert self.ask(client.client_id, "wrong", "203.0.113.1").status_code == 401
        answers = [self.ask(client.client_id, secret, f"203.0.113.{n}") for n in range(2, 5)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[2]["Content-Type"] == "application/problem+json"
        assert answers[2]["Retry-After"] in ("29", "30")
        assert self.ask(other.client_id, others_secret, "203.0.113.4").status_code == 200

    @pytest.mark.parametrize(
        ("one", "same", "other"),
        [
            ("198.51.100.1", "198.51.100.1", "198.51.100.2"), ("2001:db8:7::1", "2001:db8:7::2", "2001:db8:8::1"),
            ("198.51.100.9", "::ffff:198.51.100.9", "198.51.100.8"),
        ],
    )  # fmt: skip
    def test_of_one_address(self, settings: Settings, one: str, same: str, other: str) -> None:
        settings.TOKEN_REQUESTS_PER_MINUTE = 2
        client, secret = make_client_and_secret()
        assert [self.ask("nobody", "x", one).status_code for _ in range(2)] == [401, 401]
        assert [self.ask(client.client_id, secret, place).status_code for place in (one, same)] == [429, 429]
        assert self.ask(client.client_id, secret, other).status_code == 200

    def test_behind_a_proxy(self, settings: Settings) -> None:
        settings.TOKEN_REQUESTS_PER_MINUTE, settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1, 1
        statuses = [
            Http().post("/oauth/token/", {}, REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=told).status_code
            for told in ("1.1.1.1, 192.0.2.1", "2.2.2.2, 192.0.2.1", "192.0.2.2")
        ]
        assert statuses == [400, 429, 400]
