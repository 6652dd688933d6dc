"""What stands on every answer, of pages, of the API, of refusals; and no page takes a form without its token."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings

from hub.metrics import PROBES
from hub.openapi import description
from tests import people
from tests.acquisition.journey import borrowers
from tests.acquisition.journey.borrowers import send
from tests.factories import bearer, make_client

pytestmark = pytest.mark.django_db
MACHINES = ("/api/", "/oauth/")
PARTS = {"uuid": str(uuid4()), "int": "1", "slug": "not_found", "str": "x", "path": "1", "step": "amount"}
ALWAYS = {
    "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}  # fmt: skip


def routes(patterns: Any = None, before: str = "/") -> Iterator[str]:
    """Yield an address for each route of the site."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = before + str(pattern.pattern).lstrip("^").rstrip("$")
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            filled = re.sub(r"<(\w+):\w+>", lambda found: PARTS[found[1]], path)
            yield re.sub(r"\(\?P<\w+>[^)]*\)", "x", filled)


def pages() -> list[str]:
    return sorted({path for path in routes() if not path.startswith(MACHINES)})


def wrong(answer: Any) -> list[str]:
    """Return what is missing from an answer."""
    policy = answer.headers.get("Content-Security-Policy", "")
    if answer.request["PATH_INFO"].startswith("/console/"):
        policy = policy.replace("'unsafe-eval'", "")  # for Alpine.js, which compiles expressions of its attributes
    found = [name for name, value in ALWAYS.items() if answer.headers.get(name) != value]
    found += [part for part in ("default-src 'none'", "frame-ancestors 'none'") if part not in policy]
    found += ["inline"] if "unsafe" in policy else []
    found += [] if "no-store" in answer.headers.get("Cache-Control", "") else ["no-store"]
    for name, cookie in answer.cookies.items():
        hidden = cookie["httponly"] or cookie["max-age"] == 0  # one that is taken back
        found += [] if hidden and cookie["samesite"] == "Lax" else [f"cookie {name}"]
    return found


def faults(client: Client, paths: list[str], **extra: Any) -> tuple[dict[str, list[str]], set[int]]:
    """Open each page; return what is wrong with whom, and the statuses that were met."""
    answers = {path: client.get(path, **extra) for path in paths}
    return {path: wrong(one) for path, one in answers.items() if wrong(one)}, {
        one.status_code for one in answers.values()
    }


def test_every_page_of_a_stranger() -> None:
    found = pages()
    assert len(found) > 100
    for path in ("/", "/apply/", "/accounts/login/", "/console/", "/problems/not_found", "/console/login/", "/livez"):
        assert path in found
    stranger = Client()
    stranger.cookies["sessionid"] = "x" * 32
    told, statuses = faults(stranger, [*found, "/nowhere/", "/static/nowhere", "/livezz"])
    assert told == {}
    assert {200, 302, 404} <= statuses


def test_every_page_of_the_console_and_of_an_account(settings: Settings) -> None:
    people.quick_passwords(settings)
    staff = people.signed_in(people.make("chief@luopan.example", admin=True))
    closing = ("logout", "/remove/", "/delete/")
    found = [path for path in pages() if path.startswith(("/console/", "/accounts/"))]
    told, statuses = faults(staff, [path for path in found if not any(word in path for word in closing)])
    assert told == {}
    assert 200 in statuses
    assert max(statuses) < 500
    assert faults(staff, ["/console/", "/console/hub/auditrow/", "/accounts/password/", "/accounts/2fa/"]) == (
        {},
        {200},
    )


def test_every_page_of_a_borrower() -> None:
    visitor = Client()
    made = UUID(visitor.post("/apply/")["Location"].split("/")[2])
    send(visitor, made, "consent/", agree="on")
    borrowers.answer(made, borrowers.GOOD)
    found = [path.replace(PARTS["uuid"], str(made), 1) for path in pages() if path.startswith("/apply/")]
    told, statuses = faults(visitor, found)
    assert told == {}
    assert {200, 302, 404} <= statuses
    assert wrong(send(visitor, made, "amount/", amount="x")) == []
    assert wrong(visitor.get("/apply/?lang=zh-hant")) == []
    assert wrong(visitor.post("/language/", {"language": "en"})) == []


def test_every_answer_of_the_api() -> None:
    client = make_client()
    found = [re.sub(r"{\w+}", PARTS["uuid"], path) for path in description()["paths"]]
    assert len(found) > 30
    for extra, expected in (({}, {401}), (bearer(client), {200, 404, 405})):
        told, statuses = faults(Client(), found, **extra)
        assert told == {}
        assert statuses == expected
    others = ["/api/v1/nowhere", "/api/schema/", "/api/docs/", "/oauth/token/", "/oauth/nowhere"]
    assert faults(Client(), others) == ({}, {200, 404, 405})
    assert wrong(Client().post("/oauth/token/", {"grant_type": "client_credentials"})) == []


def test_no_page_takes_a_form_without_its_token(settings: Settings) -> None:
    people.quick_passwords(settings)
    signed = people.signed_in(people.make("chief@luopan.example", admin=True))
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = signed.cookies
    answers = {path: strict.post(path, {"a": "b"}) for path in pages()}
    others = {path: one.status_code for path, one in answers.items() if one.status_code != 403}
    assert others == dict.fromkeys(PROBES, 405)
    assert {path: wrong(one) for path, one in answers.items() if wrong(one)} == {}
    assert signed.get("/console/").status_code == 200
