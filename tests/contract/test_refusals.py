"""What each operation must refuse: as problem+json, within a second, with nothing changed."""

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client as Http

from hub.audit import AuditRow
from hub.idempotency import IdempotencyKey
from hub.openapi import description
from hub.outbox import OutboxEvent
from partners.institutions.queries import ClientView
from tests.contract.test_openapi import named
from tests.factories import bearer, make_client, rows_of
from tests.partners.delivery.world import make_endpoint
from tests.partners.loan_factory import loan_of
from tests.partners.product_factory import make_product
from tests.partners.referral_factory import referral_of
from tests.risk.registry_factory import make_champion, make_line

pytestmark = pytest.mark.django_db
CASES = Path(os.environ.get("API_CASES", Path(__file__).parents[2] / "../shared/data/api")) / "bad_inputs.json"
MORE_BODIES = [
    "", " ", "nul", "'", "\ufeff", "\x00", "[]", "null", "1", '""', "true", '{"a":1}', "[" * 100, "[" * 100_000,
    '{"a":' * 10_000, "1" * 5000, '{"":""}', '{"\\ud800":1}', '{"a":"\\udfff\\ud800"}', '{"a":-1e999}', '{"a":.5}',
    '{"__proto__":{}}', '{"a":9223372036854775808}', '"' + "x" * 999_000 + '"', '"' + "x" * 1_000_001 + '"', "{}" * 2,
]  # fmt: skip


@pytest.fixture
def client() -> ClientView:
    return make_client()


def cases(name: str) -> list[Any]:
    if not CASES.exists():
        pytest.skip(f"{CASES} is not there: set API_CASES to the folder that has bad_inputs.json")
    found: list[Any] = json.loads(CASES.read_text())[name]
    return found


def state(institution_id: UUID) -> list[int]:
    return [rows_of(institution_id, table) for table in (AuditRow, OutboxEvent, IdempotencyKey)]


def filled(path: str) -> str:
    while "{" in path:
        path = path[: path.index("{")] + str(uuid4()) + path[path.index("}") + 1 :]
    return path


# Objects that bodies are sent to: an unknown one would answer 404 before its body is looked at.
MAKERS: dict[str, Callable[[UUID], UUID]] = {
    "endpoint_id": make_endpoint,
    "loan_id": lambda institution_id: loan_of(institution_id).id,
    "model_id": lambda institution_id: make_champion(make_line("own", institution_id)).id,
    "product_id": lambda institution_id: make_product(institution_id).id,
    "referral_id": lambda institution_id: referral_of(institution_id).id,
}


def to_an_own_object(path: str, client: ClientView) -> str:
    found = re.search(r"{(\w+)}", path)
    return path.replace(found[0], str(MAKERS[found[1]](client.institution_id))) if found else path


def send(method: str, path: str, data: str | bytes = "", headers: Any = None, **extra: Any) -> Any:
    content_type = extra.pop("content_type", "application/json")
    own = {"Idempotency-Key": str(uuid4()), "If-Match": "*"} if headers is None else headers
    begun = time.thread_time()  # of this thread alone: other work on the machine does not count
    response = Http().generic(method.upper(), filled(path), data, content_type, headers=own, **extra)
    assert time.thread_time() - begun < 1
    return response


def check(response: Any, *statuses: int) -> None:
    assert response.status_code in statuses, response.content
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    assert body["request_id"] == response["X-Request-Id"]
    for fault in body.get("errors", []):
        assert fault.keys() == {"pointer", "code", "detail"}


def takes_json(operation: dict[str, Any]) -> bool:
    return "application/json" in operation.get("requestBody", {}).get("content", {})


@named("method", "path", "operation")
def test_no_token(method: str, path: str, operation: dict[str, Any]) -> None:
    check(send(method, path), 401)


@named("method", "path", "operation")
def test_no_scope(method: str, path: str, operation: dict[str, Any], client: ClientView) -> None:
    scope = operation["security"][0]["oauth2"][0]
    headers = bearer(client, scopes=[name for name in client.scopes if name != scope])
    check(send(method, path, **headers), 403)


@named("method", "path", "operation")
def test_other_methods(method: str, path: str, operation: dict[str, Any], client: ClientView) -> None:
    known = description()["paths"][path].keys()
    for other in {"get", "post", "put", "patch", "delete", "options", "trace", "brew"} - known:
        check(send(other, path, **bearer(client)), 405)


@named("method", "path", "operation")
def test_unknown_id(method: str, path: str, operation: dict[str, Any], client: ClientView) -> None:
    if "{" not in path:
        return
    check(send(method, path, **bearer(client)), 404)
    for nonsense in ("1", "x", "%00", "..", "é"):
        damaged = path[: path.index("{")] + nonsense + path[path.index("}") + 1 :]
        check(send(method, damaged, **bearer(client)), 404)


@named("method", "path", "operation")
def test_no_key(method: str, path: str, operation: dict[str, Any], client: ClientView) -> None:
    if not any(found["name"] == "Idempotency-Key" for found in operation.get("parameters", [])):
        return
    before = state(client.institution_id)
    check(send(method, path, "{}", headers={}, **bearer(client)), 400)
    assert state(client.institution_id) == before


@named("method", "path", "operation")
def test_no_if_match(method: str, path: str, operation: dict[str, Any], client: ClientView) -> None:
    if not any(found["name"] == "If-Match" for found in operation.get("parameters", [])):
        return
    path = to_an_own_object(path, client)
    media = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    body, before = json.dumps(media.get("example", "")), state(client.institution_id)
    key = {"Idempotency-Key": str(uuid4())}
    check(send(method, path, body, headers=key, **bearer(client)), 428)
    check(send(method, path, body, headers={**key, "If-Match": '"x-9"'}, **bearer(client)), 412)
    for damaged in ("3", '"3', '"3" "4"', ",", '"' + "x" * 2000 + '"'):
        check(send(method, path, body, headers={**key, "If-Match": damaged}, **bearer(client)), 400)
    assert state(client.institution_id) == before


@named("method", "path", "operation")
def test_bad_bodies(method: str, path: str, operation: dict[str, Any], client: ClientView) -> None:
    if not takes_json(operation):
        if "requestBody" in operation:
            check(send(method, path, "{}", **bearer(client)), 415)
        return
    path = to_an_own_object(path, client)
    before, headers = state(client.institution_id), bearer(client)
    for body in [*MORE_BODIES, *cases("bodies")]:
        check(send(method, path, body, **headers), 400, 413, 415, 422)
    for body in (b"\xff", b'"\xed\xa0\x80"', "{}".encode("utf-16")):
        check(send(method, path, body, **headers), 400)
    for content_type in ("text/plain", "application/xml", "multipart/form-data; boundary=x", "application/csv"):
        check(send(method, path, "{}", content_type=content_type, **headers), 415)
    assert state(client.institution_id) == before


def places(schema: dict[str, Any], *path: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each field below a schema as its path and its format."""
    if "$ref" in schema:
        schema = description()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for option in (schema, *schema.get("anyOf", [])):
        if path and "format" in option:
            yield path, option["format"]
    for name, inner in schema.get("properties", {}).items():
        yield from places(inner, *path, name)


def changed(body: Any, path: tuple[str, ...], value: Any) -> Any:
    if not path:
        return value
    return {**body, path[0]: changed(body.get(path[0]) or {}, path[1:], value)}


def spellings(values: list[Any], form: str) -> list[Any]:
    suffixes = ("", "T00:00:00Z", "T23:59:59-14:00", "T00:00:00+14:00") if form == "date-time" else ("",)
    texts = [value + suffix for value in values if isinstance(value, str) for suffix in suffixes]
    return texts + [value for value in values if not isinstance(value, str | None)]


@named("method", "path", "operation")
@pytest.mark.parametrize(("form", "kind"), [("date-time", "dates"), ("date", "dates"), ("decimal", "amounts")])
def test_bad_values(
    method: str, path: str, operation: dict[str, Any], form: str, kind: str, client: ClientView
) -> None:
    if not takes_json(operation):
        return
    media = operation["requestBody"]["content"]["application/json"]
    path = to_an_own_object(path, client)
    before, headers = state(client.institution_id), bearer(client)
    for place, found in places(media["schema"]):
        for value in spellings(cases(kind), form) if found == form else []:
            check(send(method, path, json.dumps(changed(media["example"], place, value)), **headers), 422)
    assert state(client.institution_id) == before


@named("method", "path", "operation")
def test_bad_query(method: str, path: str, operation: dict[str, Any], client: ClientView) -> None:
    if "{" in path or not any(found["name"] == "after" for found in operation.get("parameters", [])):
        return
    for query in ("limit=0", "limit=x", "after=x", "after=%00", "limit=%F0%9F%92%A9", "after=" + "x" * 5000):
        check(Http().get(f"{path}?{query}", **bearer(client)), 422)


@pytest.mark.parametrize(
    "path", ["/api/", "/api/v1", "/api/v1/nope", "/api/v1/institution/", "/oauth/", "/oauth/token"]
)
def test_paths_that_are_none(path: str) -> None:
    check(Http().get(path), 404)
