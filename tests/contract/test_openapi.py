"""The description of the API: as committed, valid, and true to its own examples."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client as Http
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator

from hub.openapi import description
from partners.institutions.scopes import SCOPES

COMMITTED = Path(__file__).parents[2] / "deploy" / "openapi.yaml"
WORDS = {"get", "post", "put", "patch", "delete"}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in description()["paths"].items():
        for method, operation in methods.items():
            assert method in WORDS
            yield method, path, operation


def named(*of: str) -> pytest.MarkDecorator:
    every = [(f"{method} {path}", method, path, operation) for method, path, operation in operations()]
    return pytest.mark.parametrize(of, [found[1:] for found in every], ids=[found[0] for found in every])


def fits(value: Any, schema: dict[str, Any]) -> None:
    whole = {**schema, "components": description()["components"]}
    Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


def test_it_is_the_committed_one() -> None:
    assert yaml.safe_load(COMMITTED.read_text()) == description(), "run: make openapi"


def test_it_is_valid_openapi_3_1() -> None:
    assert description()["openapi"] == "3.1.1"
    validate_schema(description())  # type: ignore[no-untyped-call]  # the library is typed in part


def test_it_is_served_to_everybody() -> None:
    response = Http().get("/api/schema/")
    assert response.status_code == 200
    assert yaml.safe_load(response.content) == description()
    as_json = Http().get("/api/schema/", HTTP_ACCEPT="application/json")
    assert as_json["Content-Type"].startswith("application/json")
    assert as_json.json() == description()


def test_it_says_nothing_of_this_machine() -> None:
    text = COMMITTED.read_text()
    assert "localhost" not in text
    assert set(re.findall(r"https?://[^\s/]+", text)) == {"https://hooks.bank.example"}


def test_how_to_get_a_token() -> None:
    scheme = description()["components"]["securitySchemes"]["oauth2"]
    assert scheme["flows"]["clientCredentials"] == {"tokenUrl": "/oauth/token/", "scopes": SCOPES}


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(ids)) == len(ids) >= 5


@named("method", "path", "operation")
def test_each_operation_is_described(method: str, path: str, operation: dict[str, Any]) -> None:
    assert path.startswith("/api/v1/")
    assert operation["summary"]
    ((scope,),) = (requirement["oauth2"] for requirement in operation["security"])
    assert scope in SCOPES
    good = [status for status in operation["responses"] if status < "300"]
    assert len(good) == 1
    assert {"401", "403", "503"} <= operation["responses"].keys()
    named_by_body = {("post", f"/api/v1/{name}") for name in ("sandbox/clock", "scores", "score-batches")}
    assert ("{" in path or (method, path) in named_by_body) == ("404" in operation["responses"])
    keys = [found for found in operation.get("parameters", []) if found["name"] == "Idempotency-Key"]
    # RFC 9110 leaves GET without effects; a replay has none either.
    assert bool(keys) == (method == "post" and not path.endswith("/replay"))


@named("method", "path", "operation")
def test_examples_fit(method: str, path: str, operation: dict[str, Any]) -> None:
    bodies = [operation.get("requestBody", {}), *(found for found in operation["responses"].values())]
    checked = 0
    for body in bodies:
        for media in body.get("content", {}).values():
            if "example" in media:
                fits(media["example"], media["schema"])
                checked += 1
    assert checked >= 1
