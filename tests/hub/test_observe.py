"""Logs and request ids as a process has them: the real configuration, its output caught behind the formatter."""

import io
import json
import logging
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
import structlog
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from hub import audit, observe

ROOT = Path(__file__).resolve().parents[2]
CARD = "4111111111111111"


class Lines(io.StringIO):
    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Everything this process logs, behind redaction, as the handler would write it."""
    ours = next(
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler)
        and isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter)
    )
    caught = Lines()
    before = ours.setStream(caught)
    yield caught
    ours.setStream(before)


def test_one_json_object_a_line(lines: Lines) -> None:
    structlog.get_logger("risk.learning").warning("line_read", rows=12, phone="+852 9123 4567", note="may@example.com")
    logging.getLogger("some.library").info("connected to %s for %s", "amqp://a:b@host/", "may@example.com")
    ours, theirs = lines.entries()
    assert ours.pop("timestamp").endswith("Z")
    assert ours == {
        "event": "line_read", "level": "warning", "logger": "risk.learning", "rows": 12, "phone": "[redacted]",
        "note": "[redacted]",
    }  # fmt: skip
    assert theirs["event"] == "connected to amqp[redacted]host/ for [redacted]"


def test_exceptions_by_type_and_place(lines: Lines) -> None:
    try:
        raise ValueError(f"May Chan {CARD}")
    except ValueError:
        structlog.get_logger("a").exception("failed")
        logging.getLogger("b").exception("failed for %s", CARD)
    for entry in lines.entries():
        assert entry["exception"]["type"] == "builtins.ValueError"
        assert entry["exception"]["at"][0].startswith("tests/hub/test_observe.py:")
        assert "May" not in str(entry)
        assert CARD not in str(entry)
    assert len(lines.entries()) == 2


@pytest.mark.django_db
def test_a_database_error_names_its_constraint_and_no_value(lines: Lines) -> None:
    from django.db import IntegrityError, transaction

    from hub.accounts.models import User
    from hub.tenancy import platform_scope

    with platform_scope():
        User.objects.create_user("may.chan@example.com", name="May Chan")
        try:
            with transaction.atomic():
                User.objects.create_user("may.chan@example.com", name="May Chan")
        except IntegrityError:
            logging.getLogger("a").exception("not made")
    (entry,) = lines.entries()
    assert entry["exception"]["cause"]["constraint"] == "accounts_user_email_key"
    assert entry["exception"]["cause"]["sqlstate"] == "23505"
    assert "may" not in json.dumps(entry).lower()


def test_a_failed_task_is_told_without_its_arguments_or_words(lines: Lines) -> None:
    from celery import Celery

    app = Celery("test", broker="memory://", set_as_current=False)

    @app.task(name="test.refuse")  # type: ignore[untyped-decorator]  # celery has no types
    def refuse(card: str) -> None:
        raise ValueError(f"refused {card}")

    refuse.apply([CARD])
    entries = [entry for entry in lines.entries() if entry["logger"] == "celery.app.trace"]
    assert [entry["task"] for entry in entries] == ["test.refuse"]
    assert entries[0]["exception"]["type"] == "builtins.ValueError"
    assert CARD not in lines.getvalue()
    assert "refused" not in lines.getvalue()


def test_a_task_that_tries_again_is_told_without_its_reason(lines: Lines) -> None:
    from celery import Celery

    app = Celery("test", broker="memory://", set_as_current=False)

    @app.task(name="test.again", bind=True, max_retries=1)  # type: ignore[untyped-decorator]  # celery has no types
    def again(self: Any) -> None:
        raise self.retry(exc=ValueError("May Chan"), countdown=0)

    again.apply()
    told = [entry["event"] for entry in lines.entries() if entry["logger"] == "celery.app.trace"]
    assert told == ["task will be tried again", "task raised unexpected"]
    assert "May" not in lines.getvalue()


def test_each_request_has_an_id_of_our_own(client: Client) -> None:
    first = client.get("/livez", headers={"X-Request-Id": "chosen-by-the-client"})
    second = client.get("/livez")
    assert UUID(first["X-Request-Id"]).version == 7
    assert first["X-Request-Id"] != second["X-Request-Id"]
    assert audit.request_id.get() == ""


def test_the_id_is_in_every_line_and_every_audit_row_of_the_request(lines: Lines) -> None:
    def view(_request: HttpRequest) -> HttpResponse:
        logging.getLogger("inside").info("at work")
        return HttpResponse(audit.request_id.get())

    response = observe.RequestMiddleware(view)(RequestFactory().get("/x"))
    inside, after = lines.entries()
    assert inside["request_id"] == after["request_id"] == response["X-Request-Id"] == response.content.decode()


@pytest.mark.django_db
def test_requests_are_told_by_route_and_never_with_their_query(client: Client, lines: Lines) -> None:
    client.get("/nowhere/may.chan?code=hunter2&email=may@example.com")
    (entry,) = [entry for entry in lines.entries() if entry["logger"] == "hub.request"]
    assert (entry["method"], entry["route"], entry["status"]) == ("GET", "unmatched", 404)
    for word in ("hunter2", "may", "code"):
        assert word not in lines.getvalue()


def test_a_crash_is_told_once_with_its_place(lines: Lines) -> None:
    from django.core.handlers.exception import convert_exception_to_response

    def view(_request: HttpRequest) -> HttpResponse:
        raise ValueError("the card is " + CARD)

    answer = cast("Callable[[HttpRequest], HttpResponse]", convert_exception_to_response(view))
    assert observe.RequestMiddleware(answer)(RequestFactory().get("/may.chan")).status_code == 500
    errors = [entry for entry in lines.entries() if entry["level"] == "error"]
    assert len(errors) == 1
    assert errors[0]["event"] == "Internal Server Error: unmatched"
    assert errors[0]["exception"]["type"] == "builtins.ValueError"
    assert "request_id" in errors[0]
    assert CARD not in lines.getvalue()


@pytest.mark.django_db
def test_files_and_probes_leave_no_line(client: Client, lines: Lines) -> None:
    assert client.get("/livez").status_code == 200
    file = client.get("/static/admin/css/base.css")
    assert file.status_code == 200
    file.close()
    assert lines.getvalue() == ""


def test_readable_lines_on_a_terminal_json_elsewhere() -> None:
    program = (
        "import sys; sys.path[1:1] = ['platform']; import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'hub.settings';"
        "import django; django.setup(); import logging; logging.getLogger('x').warning('hello %s', 'may@example.com')"
    )
    piped = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(piped.stderr)["event"] == "hello [redacted]"
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=theirs):
        pass
    seen = os.read(ours, 10_000).decode()
    os.close(theirs)
    os.close(ours)
    assert "hello [redacted]" in seen
    assert "{" not in seen
