"""I8, over the whole description: an id of another institution answers as one that nobody has, and changes nothing.

Each operation that names an object by its id is found in the committed description. Its owner's own request succeeds
in the end, so that it was the ownership that refused the others, and not the body, the state or the headers.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import yaml
from django.test import Client as Http

from hub.openapi import description
from hub.tenancy import platform_scope
from partners.institutions.queries import ClientView, get_institution
from partners.institutions.scopes import SCOPES
from partners.loans import tasks
from tests.contract.objects import Maker, makers_of
from tests.contract.test_tenancy import BODY, same_but_for_the_place
from tests.factories import bearer, everything, make_client, make_key, signed_in
from tests.partners.delivery.world import World, make_endpoint
from tests.partners.loan_factory import loan_of
from tests.partners.product_factory import make_product
from tests.risk.registry_factory import make_champion, make_line

pytestmark = pytest.mark.django_db
COMMITTED = Path(__file__).parents[2] / "deploy" / "openapi.yaml"


def matrix() -> Iterator[Any]:
    """Yield every operation with an id in its path, for each kind of object."""
    for path, methods in yaml.safe_load(COMMITTED.read_text())["paths"].items():
        if "{" not in path:
            continue
        for method, operation in methods.items():
            for at, maker in enumerate(makers_of(path)):
                yield pytest.param(method, path, operation, maker, id=f"{method} {path} {at}")


def others_than(owner: ClientView) -> tuple[ClientView, ClientView]:
    """Return clients of other institutions with every scope: of a stranger, and of the owner's own live one."""
    with platform_scope():
        own = get_institution(institution_id=owner.institution_id)
        assert own.live_id
        live = get_institution(institution_id=own.live_id)
    return make_client(), make_client(live, key=make_key())


class Asker:
    """Sends one operation with an id, a body and headers that its owner could send."""

    def __init__(self, method: str, path: str, operation: dict[str, Any]) -> None:
        self.method, self.path = method.upper(), path
        self.needs = {found["name"] for found in operation.get("parameters", []) if found["in"] == "header"}
        self.takes_body = "requestBody" in operation

    def __call__(self, token: Any, id_: UUID, body: Any, *, key: str = "", if_match: str = "*") -> Any:
        given = {"Idempotency-Key": key or str(uuid4()), "If-Match": if_match}
        data = json.dumps(body) if self.takes_body else ""
        path = re.sub(r"{\w+}", str(id_), self.path)
        return Http().generic(
            self.method, path, data, "application/json",
            headers={name: value for name, value in given.items() if name in self.needs and value},
            **(token(self.method, path) if callable(token) else token),
        )  # fmt: skip

    def alike(self, token: Any, id_: UUID, body: Any, *, status: int = 404, **headers: str) -> None:
        """Ask for an object of somebody else and for one that nobody has: both must answer the same."""
        answers = [self(token, one, body, **headers) for one in (id_, uuid4())]
        same_but_for_the_place(*answers, status=status)


@pytest.mark.parametrize(("method", "path", "operation", "maker"), matrix())
def test_an_id_of_another(method: str, path: str, operation: dict[str, Any], maker: Maker) -> None:
    owner = make_client()
    others, made, ask = others_than(owner), maker(owner.institution_id), Asker(method, path, operation)
    (needed,) = operation["security"][0]["oauth2"]
    single = {scope: bearer(others[0], scopes=[scope]) for scope in SCOPES}
    own, every, key = bearer(owner), [signed_in(other) for other in others], str(uuid4())
    before = everything()
    for token in every:
        ask.alike(token, made.id, made.body)
    ask.alike(every[0], made.id, {}, if_match="")
    for scope, token in single.items():
        ask.alike(token, made.id, made.body, status=404 if scope == needed else 403)
    assert everything() == before

    answer = ask(own, made.id, made.body, key=key)
    assert answer.status_code == min(int(status) for status in operation["responses"]), answer.content
    after = everything()
    assert (after == before) == (method == "get" or path.endswith("/replay"))
    for token in every:
        ask.alike(token, made.id, made.body, key=key)  # the owner's key is nobody else's
    assert everything() == after


# Ids of objects in queries and bodies: each has a test below.
KNOWN = {"GET /api/v1/deliveries endpoint_id", "GET /api/v1/deliveries event_id"}


def named_elsewhere() -> Iterator[str]:
    for path, methods in description()["paths"].items():
        for method, operation in methods.items():
            media = operation.get("requestBody", {}).get("content", {}).values()
            schemas = [(found["name"], found["schema"]) for found in operation.get("parameters", [])]
            for name, schema in [*schemas, *(pair for one in media for pair in fields(one["schema"]))]:
                if schema.get("format") == "uuid" and f"{{{name}}}" not in path:
                    yield f"{method.upper()} {path} {name}"


def fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each field below a schema."""
    if "$ref" in schema:
        schema = description()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for name, inner in schema.get("properties", {}).items():
        for option in (inner, *inner.get("anyOf", []), inner.get("items", {})):
            yield name, option
            yield from fields(option)


def test_every_id_in_a_query_or_a_body_is_known() -> None:
    assert set(named_elsewhere()) == KNOWN


def get(client: ClientView, path: str) -> Any:
    return Http().get(f"/api/v1/{path}", **bearer(client))


def test_deliveries_narrowed_to_another_institutions() -> None:
    owner, other = make_client(), make_client()
    world = World(owner.institution_id)
    endpoint_id = make_endpoint(owner.institution_id)
    event_id = world.happen()
    world.relay()
    for name, found in (("endpoint_id", endpoint_id), ("event_id", event_id)):
        assert get(owner, f"deliveries?{name}={found}").json()["items"] != []
        theirs, nobodys = get(other, f"deliveries?{name}={found}"), get(other, f"deliveries?{name}={uuid4()}")
        assert (theirs.status_code, theirs.content) == (nobodys.status_code, nobodys.content)
        assert theirs.json() == {"items": [], "next": None}


def test_the_cursor_of_anothers_list() -> None:
    owner, other = make_client(), make_client()
    for _ in range(2):
        make_product(owner.institution_id)
    cursor = get(owner, "products?limit=1").json()["next"].partition("after=")[2]
    assert get(owner, f"products?after={cursor}").status_code == 200
    for after in (cursor, "x"):
        answer = get(other, f"products?after={after}")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "invalid_cursor")


def test_the_model_line_of_another() -> None:
    """Where the platform has no line of that name, another institution's own is as unknown as one of nobody."""
    owner, other = make_client(), make_client()
    make_champion(make_line("harbour", owner.institution_id))
    answers = []
    for line in ("harbour", "nobodys"):
        body = json.dumps({**BODY, "model_line": line})
        answer = Http().post(
            "/api/v1/scores", body, "application/json", headers={"Idempotency-Key": str(uuid4())}, **bearer(other)
        )
        assert answer.status_code in (404, 409, 422)
        told = {name: value for name, value in answer.json().items() if name != "request_id"}
        answers.append((answer.status_code, json.dumps(told).replace(line, "-")))
    assert answers[0] == answers[1]


def test_a_file_with_loans_of_another() -> None:
    owner, other = make_client(), make_client()
    loan = loan_of(owner.institution_id)
    token, problems = bearer(other), []
    for loan_id in (loan.id, uuid4()):
        line = {"loan_id": str(loan_id), "sequence": 1, "kind": "payment", "as_of": loan.opened_on.isoformat()}
        before = everything()
        answer = upload(token, json.dumps({**line, "amount": "1.00"}).encode() + b"\n")
        assert answer.status_code == 202, answer.content
        tasks.apply_batches.run()
        after = everything()
        for table in ("loans_loan", "loans_performancereport", "loans_outcome"):
            assert after[table] == before[table]
        read = Http().get(answer["Location"], **token).json()
        assert (read["state"], read["refused"]) == ("done", 1)
        problems.append(json.dumps(read["problems"]).replace(str(loan_id), "-"))
    assert problems[0] == problems[1]


def upload(token: Any, content: bytes) -> Any:
    head = b'--b\r\nContent-Disposition: form-data; name="format"\r\n\r\nndjson\r\n'
    file = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + content + b"\r\n--b--\r\n"
    return Http().generic(
        "POST", "/api/v1/performance-reports", head + file, "multipart/form-data; boundary=b",
        headers={"Idempotency-Key": str(uuid4())}, **token,
    )  # fmt: skip
