"""Lists: a signed cursor, in the order of (created_at, id), each row once."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client as Http

from hub.clock import now
from hub.ids import uuid7
from hub.outbox import OutboxEvent
from hub.tenancy import platform_scope
from partners.institutions.queries import ClientView
from tests.factories import bearer, make_client
from tests.hub.api_urls import row

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.hub.api_urls")]
PATH = "/api/v1/things"


@pytest.fixture
def client() -> ClientView:
    return make_client()


@pytest.fixture
def ids(client: ClientView) -> list[str]:
    """Make 25 rows, ten of them of one moment; return all ids in their order."""
    with platform_scope():
        rows = [row(uuid7(), client.institution_id) for _ in range(25)]
        for each in rows[5:15]:
            each.created_at = rows[5].created_at
        OutboxEvent.objects.bulk_create(rows)
        found = OutboxEvent.objects.filter(institution_id=client.institution_id).order_by("created_at", "id")
        return [str(each.id) for each in found]


def get(client: ClientView, query: str = "", path: str = PATH) -> Any:
    return Http().get(path + query, **bearer(client))


def walk(client: ClientView, limit: int) -> list[str]:
    seen, query = [], f"?limit={limit}"
    while query:
        response = get(client, query)
        body = response.json()
        assert len(body["items"]) <= limit
        seen += [item["id"] for item in body["items"]]
        assert response.headers.get("Link") == (f'<{body["next"]}>; rel="next"' if body["next"] else None)
        query = f"?{urlsplit(body['next']).query}" if body["next"] else ""
    return seen


@pytest.mark.parametrize("limit", [1, 3, 24, 25, 200])
def test_each_row_once_in_order(client: ClientView, ids: list[str], limit: int) -> None:
    make_client()
    assert walk(client, limit) == ids


def test_default_limit(client: ClientView) -> None:
    with platform_scope():
        OutboxEvent.objects.bulk_create([row(uuid7(), client.institution_id) for _ in range(60)])
    assert len(get(client).json()["items"]) == 50


def test_rows_that_come_meanwhile_are_met_once(client: ClientView, ids: list[str]) -> None:
    first = get(client, "?limit=20").json()
    with platform_scope():
        late = row(uuid7(), client.institution_id)
        late.created_at = now()
        late.save(force_insert=True)
    rest = get(client, f"?{urlsplit(first['next']).query}").json()
    assert [item["id"] for item in first["items"] + rest["items"]] == [*ids, str(late.id)]
    assert rest["next"] is None


def test_next_is_the_public_address_and_keeps_the_limit(client: ClientView, ids: list[str]) -> None:
    following = get(client, "?limit=2").json()["next"]
    assert following.startswith(f"http://localhost:8000{PATH}?")
    assert parse_qs(urlsplit(following).query)["limit"] == ["2"]


@pytest.mark.parametrize("limit", ["0", "-1", "201", "x", "1.5", "", "١", "9" * 5000, "%00"])
def test_bad_limits(client: ClientView, limit: str) -> None:
    response = get(client, f"?limit={limit}")
    assert response.status_code == 422
    assert response.json()["errors"][0]["code"] == "invalid_limit"


@pytest.mark.parametrize("after", ["", "x", "%00", "WzFd:x:y", "é", "a" * 5000])
def test_bad_cursors(client: ClientView, after: str) -> None:
    response = get(client, f"?after={after}")
    assert response.status_code == 422
    assert response.json()["errors"][0]["code"] == "invalid_cursor"


def test_a_cursor_holds_for_its_list_and_its_institution_only(client: ClientView, ids: list[str]) -> None:
    query = f"?{urlsplit(get(client, '?limit=2').json()['next']).query}"
    assert get(client, query).status_code == 200
    assert get(make_client(), query).status_code == 422
    assert get(client, query, "/api/v1/clients").status_code == 422
    assert get(client, query[:-1] + ("a" if query[-1] != "a" else "b")).status_code == 422
