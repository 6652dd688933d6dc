"""I8 at the API: another institution's object answers exactly as one that does not exist."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client as Http

from hub.tenancy import platform_scope
from partners.institutions.queries import ClientView
from risk.scoring.models import Decision
from tests.factories import bearer, make_client
from tests.risk.registry_factory import make_champion, make_line

pytestmark = pytest.mark.django_db
BODY = {
    "model_line": "consumer",
    "person_reference": "customer-1",
    "consent": {"reference": "consent-1", "text_version": "1", "given_at": "2026-01-01T00:00:00Z"},
    "features": {"income": 20000, "utilisation": 50, "housing": "own"},
}


def send(client: ClientView, method: str, path: str, body: Any = None, key: str = "") -> Any:
    data = json.dumps(body) if body is not None else ""
    return Http().generic(
        method, path, data, "application/json", headers={"Idempotency-Key": key or str(uuid4())}, **bearer(client)
    )


def same_but_for_the_place(one: Any, other: Any, *, status: int = 404) -> None:
    bodies = [json.loads(response.content) for response in (one, other)]
    parts = [response.content for response in (one, other)]
    for n, body in enumerate(bodies):
        for own in ("instance", "request_id"):
            parts[n] = parts[n].replace(json.dumps(body[own]).encode(), b"-")
    assert parts[0] == parts[1]
    drop = {"X-Request-Id", "Content-Length", "RateLimit"}  # that one counts the requests
    heads = [{k: v for k, v in response.headers.items() if k not in drop} for response in (one, other)]
    assert heads[0] == heads[1]
    assert one.status_code == other.status_code == status


@pytest.fixture
def score_of_a() -> str:
    make_champion(make_line())
    response = send(make_client(), "POST", "/api/v1/scores", BODY)
    assert response.status_code == 201, response.content
    return str(response.json()["id"])


@pytest.mark.parametrize(("method", "suffix"), [("GET", ""), ("POST", "/replay")])
def test_a_score_of_another(score_of_a: str, method: str, suffix: str) -> None:
    stranger = make_client()
    theirs = send(stranger, method, f"/api/v1/scores/{score_of_a}{suffix}")
    nobodys = send(stranger, method, f"/api/v1/scores/{uuid4()}{suffix}")
    same_but_for_the_place(theirs, nobodys)


def test_the_same_key_of_another_is_another_key() -> None:
    make_champion(make_line())
    first, second = make_client(), make_client()
    one, two = (send(client, "POST", "/api/v1/scores", BODY, key="same") for client in (first, second))
    assert one.status_code == two.status_code == 201
    assert one.json()["id"] != two.json()["id"]
    with platform_scope():
        owners = set(Decision.objects.values_list("institution_id", flat=True))
    assert owners == {first.institution_id, second.institution_id}


def test_lists_show_the_own_rows_only() -> None:
    first, second = make_client(), make_client()
    for client in (first, second):
        items = send(client, "GET", "/api/v1/clients?limit=200").json()["items"]
        assert [item["client_id"] for item in items] == [client.client_id]


def test_the_own_record_is_the_tokens() -> None:
    first, second = make_client(), make_client()
    assert send(first, "GET", "/api/v1/institution").json()["id"] == str(first.institution_id)
    assert send(second, "GET", "/api/v1/institution").json()["id"] == str(second.institution_id)


def test_a_client_list_has_no_secret() -> None:
    text = send(make_client(), "GET", "/api/v1/clients").content.decode()
    assert "client_secret$" not in text
    assert '"client_secret":' not in text
