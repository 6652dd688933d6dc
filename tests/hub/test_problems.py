"""application/problem+json on each error of the API (RFC 9457), and the pages behind it."""

import json
import re
from contextlib import ExitStack
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client as Http

from hub.errors import DomainError, every_error
from hub.tenancy import platform_scope
from partners.institutions.queries import ClientView
from tests.factories import bearer, make_client, make_client_and_secret

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.hub.api_urls")]
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture
def client() -> ClientView:
    return make_client()


def send(client: ClientView | None, method: str = "GET", path: str = "/api/v1/things", **extra: Any) -> Any:
    headers = {"Idempotency-Key": "k", **extra.pop("headers", {})}
    own = bearer(client) if client else {}
    return Http(raise_request_exception=False).generic(
        method, path, extra.pop("data", ""), extra.pop("content_type", "application/json"), headers=headers, **own
    )


def check(response: Any, status: int, code: str, path: str = "/api/v1/things") -> dict[str, Any]:
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert response["Cache-Control"] == "no-store"
    body: dict[str, Any] = response.json()
    assert body.keys() - {"errors"} == {"type", "title", "status", "detail", "instance", "request_id"}
    assert body["type"] == f"http://localhost:8000/problems/{code}"
    assert (body["status"], body["instance"]) == (status, path)
    assert body["title"]
    assert body["detail"]
    assert UUID7.fullmatch(body["request_id"])
    assert response["X-Request-Id"] == body["request_id"]
    assert Http().get(f"/problems/{code}").status_code == 200
    return body


def post(client: ClientView, body: Any, **extra: Any) -> Any:
    return send(client, "POST", data=json.dumps(body), **extra)


def test_400(client: ClientView) -> None:
    check(send(client, "POST", data="["), 400, "malformed_request")


def test_401(client: ClientView) -> None:
    check(send(None), 401, "token_missing")


def test_403() -> None:
    check(send(make_client(scopes=["scores:write"])), 403, "insufficient_scope")


@pytest.mark.parametrize("path", ["/api/", "/api/v1/", "/api/v1/nope", "/api/v1/things/", "/api/v1/%00", "/oauth/nope"])
def test_404_of_the_router(path: str) -> None:
    check(send(None, path=path), 404, "not_found", path.replace("%00", "\0"))


def test_405(client: ClientView) -> None:
    response = send(client, "DELETE")
    check(response, 405, "method_not_allowed")
    assert set(response["Allow"].split(", ")) >= {"GET", "POST"}
    check(send(None, "PUT", "/api/docs/"), 405, "method_not_allowed", "/api/docs/")


def test_406(client: ClientView) -> None:
    check(send(client, headers={"Accept": "text/csv"}), 406, "not_acceptable")


def test_409_and_its_retry(client: ClientView) -> None:
    response = post(client, {"purpose": "a", "fail": "conflict"})
    assert check(response, 409, "conflict")["detail"] == "Not now."
    assert response["Retry-After"] == "7"


def test_409_of_a_named_constraint(client: ClientView) -> None:
    body = check(post(client, {"purpose": "a", "fail": "duplicate"}), 409, "conflict")
    assert body["detail"] == "It would break the rule hub_outboxevent_pkey."


@pytest.mark.parametrize("size", [1_000_001, 2_500_000])
def test_413(client: ClientView, size: int) -> None:
    check(send(client, "POST", data=b'"' + b"x" * size), 413, "too_large")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "x", "application/xml"])
def test_415(client: ClientView, content_type: str) -> None:
    check(send(client, "POST", data='{"purpose":"a"}', content_type=content_type), 415, "unsupported_media_type")


def test_charset_may_be_named(client: ClientView) -> None:
    response = send(client, "POST", data='{"purpose":"a"}', content_type="application/json; charset=utf-8")
    assert response.status_code == 201


def test_422_names_the_fields(client: ClientView) -> None:
    body = check(post(client, {"purpose": 1, "x/y": 2}), 422, "invalid_request")
    assert body["errors"] == [
        {"pointer": "/purpose", "code": "wrong_type", "detail": "Expected `str`, got `int`."},
        {"pointer": "/x~1y", "code": "unknown_field", "detail": "Leave it out: it means nothing here."},
    ]


def test_429(client: ClientView) -> None:
    response = post(client, {"purpose": "a", "fail": "many"})
    check(response, 429, "rate_limited")
    assert response["Retry-After"] == "3"


@pytest.mark.parametrize("fail", ["bug", "unnamed"])
def test_500_tells_nothing(client: ClientView, fail: str) -> None:
    response = post(client, {"purpose": "a", "fail": fail})
    assert check(response, 500, "internal_error")["detail"] == "The platform made a mistake"
    assert b"secret" not in response.content


def test_500_below_oauth() -> None:
    check(send(None, path="/oauth/broken"), 500, "internal_error", "/oauth/broken")


def test_503_of_a_statement_that_took_too_long(client: ClientView) -> None:
    response = post(client, {"purpose": "a", "fail": "timeout"})
    check(response, 503, "unavailable")
    assert response["Retry-After"] == "2"


@pytest.mark.django_db(transaction=True)
def test_503_when_no_connection_is_to_be_had() -> None:
    client, secret = make_client_and_secret()
    headers = bearer(client)
    connections.close_all()
    size = connection.settings_dict["OPTIONS"]["pool"]["max_size"]
    taken, free = Barrier(size + 1), Event()
    threads = [Thread(target=hold, args=(taken, free)) for _ in range(size)]
    with ExitStack() as stack:
        for thread in threads:
            thread.start()
            stack.callback(thread.join)
        stack.callback(free.set)
        taken.wait(timeout=20)
        http = Http(raise_request_exception=False)
        answers = [
            (http.get("/api/v1/institution", **headers), "/api/v1/institution"),
            (http.post("/oauth/token/", {"client_id": client.client_id, "client_secret": secret}), "/oauth/token/"),
        ]
    for response, path in answers:
        check(response, 503, "unavailable", path)
        assert response["Retry-After"] == "2"
    assert Http().get("/api/v1/institution", **headers).status_code == 200


def hold(taken: Barrier, free: Event) -> None:
    try:
        with platform_scope():
            taken.wait(timeout=20)
            free.wait(timeout=60)
    finally:
        connection.close()


def test_bad_host() -> None:
    for path in ("/api/v1/institution", "/oauth/token/"):
        response = Http(raise_request_exception=False).get(path, HTTP_HOST="elsewhere.example")
        check(response, 400, "malformed_request", path)


def test_people_get_pages() -> None:
    http = Http(raise_request_exception=False)
    for path, status in (("/nope", 404), ("/broken", 500), ("/problems/nope", 404)):
        response = http.get(path)
        assert response.status_code == status
        assert response["Content-Type"].startswith("text/html")
        assert b"secret" not in response.content


def test_each_kind_of_error_has_its_page() -> None:
    kinds = [kind for kind in every_error() if "code" in vars(kind)]
    assert DomainError in kinds
    assert len({kind.code for kind in kinds}) == len(kinds)
    for kind in kinds:
        response = Http().get(f"/problems/{kind.code}")
        assert response.status_code == 200
        assert f"<h1>{kind.title}</h1>" in response.content.decode().replace("&#x27;", "'")
        assert kind.__doc__
