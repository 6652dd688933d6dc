"""The short way of the API: what it leaves behind, and what no answer's headers may hold."""

import io
import json
from typing import Any

import pytest
from django.db import connection
from django.http import BadHeaderError

from hub.lane import Application, WholeResponse


def ask(path: str) -> tuple[str, dict[str, str], bytes]:
    """The status, the headers and the body that the entry point answers with."""
    told: list[Any] = []
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": path, "SCRIPT_NAME": "", "QUERY_STRING": "", "SERVER_NAME": "localhost",
        "SERVER_PORT": "80", "HTTP_HOST": "localhost", "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
    }  # fmt: skip
    answer = Application()(environ, lambda *given: told.append(given))
    body = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    [(status, headers)] = told
    return status, dict(headers), body


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("path", "status"), [("/api/v1/scores", "401 Unauthorized"), ("/api/v1/nothing", "404 Not Found")]
)
def test_it_answers_as_the_long_way_does_and_keeps_no_connection(path: str, status: str) -> None:
    connection.ensure_connection()
    told, headers, body = ask(path)
    assert (told, json.loads(body)["status"]) == (status, int(status[:3]))
    assert headers["Content-Type"] == "application/problem+json"
    assert {"X-Request-Id", "X-Content-Type-Options", "Content-Security-Policy", "X-Frame-Options"} <= set(headers)
    assert connection.connection is None


@pytest.mark.django_db
def test_pages_go_the_long_way() -> None:
    status, _, body = ask("/livez")
    assert (status, json.loads(body)) == ("200 OK", {"status": "ok"})


@pytest.mark.parametrize("value", ["/a\r\nSet-Cookie: b", "\n", "é", "\x00"])
def test_no_header_holds_a_line_break(value: str) -> None:
    with pytest.raises(BadHeaderError):
        WholeResponse(b"", status=200, headers={"Location": value})


def test_the_first_of_a_name_stays() -> None:
    response = WholeResponse(b"{}", status=201, headers={"Cache-Control": "no-store", "Location": "/a"})
    response.headers.setdefault("cache-control", "public")
    response["X-Request-Id"] = "1"
    assert dict(response.items()) == {"Cache-Control": "no-store", "Location": "/a", "X-Request-Id": "1"}
    assert (response.status_code, response.reason_phrase, response.content) == (201, "Created", b"{}")
