"""Loan books by REST: 202 and a job, the same book once, faults named, another institution's unknown."""

import hashlib
import json
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from hub.clock import now
from hub.models import OutboxEvent
from hub.tenancy import platform_scope
from partners.institutions.queries import ClientView
from risk.learning import training
from risk.learning.models import LoanBook, TrainingRun
from tests.factories import bearer, make_client, rows_of
from tests.risk.factories import ACTOR, MAPPING, book_bytes, lines, read

pytestmark = pytest.mark.django_db
TEXT = MAPPING.decode()
BOOKS = "/api/v1/loan-books"


@pytest.fixture
def bank() -> ClientView:
    return make_client()


def send(bank: ClientView, content: bytes, *, key: str = "", **fields: Any) -> Any:
    parts = {"file": SimpleUploadedFile("b.csv", content), "mapping": TEXT, "line": "own", **fields}
    given = {name: part for name, part in parts.items() if part is not None}
    return Client().post(BOOKS, given, HTTP_IDEMPOTENCY_KEY=key or str(uuid4()), **bearer(bank))


def get(bank: ClientView, path: str) -> Any:
    return Client().get(path, **bearer(bank))


def test_a_book_is_taken_as_a_job_and_read_in_the_background(bank: ClientView) -> None:
    content = book_bytes([*lines(20), "x", "y"])
    answer = send(bank, content, rows="22", sha256=hashlib.sha256(content).hexdigest())
    job = answer.json()
    assert (answer.status_code, answer["Location"]) == (202, f"/api/v1/jobs/{job['id']}")
    assert (job["kind"], job["state"], job["percent"]) == ("loan_book", "queued", 0)
    with platform_scope():
        event = OutboxEvent.objects.get(type="book.registered")
        assert (str(event.subject_id), event.institution_id) == (job["id"], bank.institution_id)
    read(LoanBook(id=job["id"]).id)
    job = get(bank, answer["Location"]).json()
    assert (job["state"], job["percent"], job["step"]) == ("done", 100, "22 of 22 lines")
    book = get(bank, f"{BOOKS}/{job['loan_book_id']}").json()
    assert (book["state"], book["rows"], book["damaged_lines"], book["line"]) == ("read", 20, 2, "own")
    assert [(one["line"], one["column"], one["code"]) for one in book["problems"]["items"]] == [
        (22, None, "ragged"), (23, None, "ragged"),
    ]  # fmt: skip
    assert book["problems"]["next"] is None


def test_problems_are_paged_in_the_order_of_the_file(bank: ClientView) -> None:
    book_id = send(bank, book_bytes([*lines(3), *["x"] * 5])).json()["id"]
    read(LoanBook(id=book_id).id)
    seen, address = [], f"{BOOKS}/{book_id}?limit=2"
    while address:
        page = get(bank, address).json()["problems"]
        seen.append([one["line"] for one in page["items"]])
        address = page["next"]
    assert seen == [[5, 6], [7, 8], [9]]


def test_with_train_the_line_is_trained_once_the_book_is_read(bank: ClientView) -> None:
    book_id = send(bank, book_bytes(lines(300)), train="true").json()["id"]
    read(LoanBook(id=book_id).id)
    (run_id,) = get(bank, f"{BOOKS}/{book_id}").json()["trainings"]
    assert get(bank, f"/api/v1/jobs/{run_id}").json()["state"] == "queued"
    run = training.train(run_id=TrainingRun(id=run_id).id, scope=platform_scope, clock=now, actor=ACTOR)
    job = get(bank, f"/api/v1/jobs/{run_id}").json()
    assert (job["kind"], job["state"], job["version_id"]) == ("training", "done", str(run.version_id))


def test_the_same_key_gives_the_same_answer_and_one_book(bank: ClientView) -> None:
    content = book_bytes(lines(5))
    first, second = send(bank, content, key="k1"), send(bank, content, key="k1")
    assert (second.status_code, second["Idempotent-Replayed"], second.content) == (202, "true", first.content)
    assert rows_of(bank.institution_id, LoanBook) == 1
    other = send(bank, book_bytes(lines(6)), key="k1")
    assert (other.status_code, other.json()["type"].rpartition("/")[2]) == (422, "idempotency_key_reused")
    assert rows_of(bank.institution_id, LoanBook) == 1


def test_the_same_book_with_another_key_is_the_same_book(bank: ClientView) -> None:
    content = book_bytes(lines(5))
    assert send(bank, content).json()["id"] == send(bank, content).json()["id"]
    assert rows_of(bank.institution_id, LoanBook) == 1


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"file": None}, "/file", "bad_part"),
        ({"mapping": None}, "/mapping", "bad_part"),
        ({"line": "no such name!"}, "/line", "bad_part"),
        ({"rows": "many"}, "/rows", "bad_part"),
        ({"sha256": "abc"}, "/sha256", "bad_part"),
        ({"sums": "[1]"}, "/sums", "bad_part"),
        ({"train": "perhaps"}, "/train", "bad_part"),
        ({"colour": "red"}, "/?", "unknown_part"),
        ({"sha256": "0" * 64}, "/sha256", "digest_differs"),
        ({"sums": json.dumps({"housing": "1"})}, "/sums/housing", "no_number_column"),
        ({"mapping": "book: x"}, "/mapping/format", "bad_mapping"),
        ({"mapping": TEXT.replace("role: ignored", "role: x")}, "/mapping/columns/remark/role", "bad_mapping"),
        ({"mapping": TEXT.replace("  remark: {role: ignored}\n", "")}, "/mapping/columns", "header_differs"),
    ],
)  # fmt: skip
def test_a_fault_is_named_and_nothing_is_kept(
    bank: ClientView, fields: dict[str, Any], pointer: str, code: str
) -> None:
    answer = send(bank, book_bytes(lines(5)), **fields)
    assert answer.status_code == 422, answer.content
    assert (pointer, code) in [(one["pointer"], one["code"]) for one in answer.json()["errors"]]
    assert rows_of(bank.institution_id, LoanBook) == 0


def test_other_bodies_scopes_and_sizes_are_refused(bank: ClientView, monkeypatch: pytest.MonkeyPatch) -> None:
    key: Any = {"HTTP_IDEMPOTENCY_KEY": "k"}
    asked = Client().post(BOOKS, "{}", content_type="application/json", **key, **bearer(bank))
    assert asked.status_code == 415
    assert Client().post(BOOKS, {}, **key).status_code == 401
    assert Client().post(BOOKS, {}, **key, **bearer(bank, scopes=["scores:write"])).status_code == 403
    assert Client().post(BOOKS, {"line": "x"}, **key, **bearer(bank)).status_code == 422
    monkeypatch.setattr(settings, "BOOK_BYTES_MAX", -999_000)
    assert send(bank, book_bytes(lines(5))).status_code == 413
    monkeypatch.setattr(settings, "BOOK_BYTES_MAX", 100)
    assert send(bank, book_bytes(lines(5))).status_code == 413
    assert rows_of(bank.institution_id, LoanBook) == 0


def test_a_key_is_needed(bank: ClientView) -> None:
    parts = {"file": SimpleUploadedFile("b.csv", book_bytes(lines(3))), "mapping": TEXT, "line": "own"}
    answer = Client().post(BOOKS, parts, **bearer(bank))
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (400, "idempotency_key_missing")


def test_another_institutions_book_and_job_are_unknown(bank: ClientView) -> None:
    book_id = send(bank, book_bytes(lines(5))).json()["id"]
    other = make_client()
    for path in (f"{BOOKS}/{book_id}", f"/api/v1/jobs/{book_id}"):
        foreign = get(other, path)
        unknown = get(other, path.replace(book_id, str(uuid4())))
        assert (foreign.status_code, unknown.status_code) == (404, 404)
        skipped = ("instance", "request_id")
        left, right = ({k: v for k, v in one.json().items() if k not in skipped} for one in (foreign, unknown))
        assert left == right
