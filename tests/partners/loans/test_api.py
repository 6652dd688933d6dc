"""Funding, loans, reports and files by REST, as a bank sends them."""

import hashlib
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Http

from hub.clock import now
from hub.outbox import hand_over_one, relay
from hub.tenancy import platform_scope
from partners.institutions.queries import ClientView
from partners.loans import tasks
from partners.loans.models import Loan, PerformanceReport
from tests.factories import bearer, make_client, make_institution, rows_of
from tests.partners.loan_factory import csv_file, life_of, loan_of, ndjson, over
from tests.partners.referral_factory import approve, referral_of, show, sign

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> ClientView:
    return make_client()


def post(client: ClientView, path: str, body: Any, *, key: str = "") -> Any:
    headers = {"Idempotency-Key": key or str(uuid4())}
    text = json.dumps(body)
    return Http().post(f"/api/v1/{path}", text, "application/json", headers=headers, **bearer(client))


def get(client: ClientView, path: str) -> Any:
    return Http().get(f"/api/v1/{path}", **bearer(client))


def upload(client: ClientView, content: bytes, **more: Any) -> Any:
    parts = {"file": SimpleUploadedFile("reports", content), "format": "ndjson", **more}
    headers = {"Idempotency-Key": str(uuid4())}
    return Http().post("/api/v1/performance-reports", parts, headers=headers, **bearer(client))


def test_funding(client: ClientView) -> None:
    referral = referral_of(client.institution_id)
    path = f"referrals/{referral.id}/funding"
    refused = post(client, path, {"terms_hash": "0" * 64})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "not_signed")
    approve(referral)
    terms_hash = sign(referral, show(referral).terms_hash).terms_hash
    changed = post(client, path, {"terms_hash": "0" * 64})
    assert (changed.status_code, changed.json()["errors"][0]["code"]) == (409, "terms_changed")
    assert post(client, path, {"terms_hash": "short"}).status_code == 422
    assert rows_of(client.institution_id, Loan) == 0

    made = post(client, path, {"terms_hash": terms_hash}, key="once")
    assert made.status_code == 201, made.content
    assert made["Location"] == f"/api/v1/loans/{made.json()['id']}"
    again = post(client, path, {"terms_hash": terms_hash}, key="once")
    assert (again.content, again["Idempotent-Replayed"]) == (made.content, "true")
    assert post(client, path, {"terms_hash": terms_hash}).json()["errors"][0]["code"] == "already_funded"
    assert rows_of(client.institution_id, Loan) == 1
    assert get(client, "loans").json()["items"] == [made.json()]


def test_a_loan_with_its_schedule_reports_and_outcome(client: ClientView) -> None:
    loan = loan_of(client.institution_id)
    first = get(client, f"loans/{loan.id}").json()
    assert first["outcome"] is None
    assert first["days_past_due"] == 0
    assert [row["due_on"] for row in first["schedule"]] == [day.isoformat() for day, _ in loan.dues]
    assert first["schedule"][-1]["balance"] == "0.00"
    assert first["principal"] == "50000.00"
    with time_machine.travel(over(loan)):
        for body in life_of(loan):
            made = post(client, f"loans/{loan.id}/reports", body)
            assert made.status_code == 201, made.content
        again = post(client, f"loans/{loan.id}/reports", body)
        assert (again.status_code, again.json()) == (201, made.json())
        conflict = post(client, f"loans/{loan.id}/reports", {**body, "paid_total": "1"})
        assert (conflict.status_code, conflict.json()["errors"][0]["code"]) == (409, "sequence_used")
        _run_subscribers()
        seen = get(client, f"loans/{loan.id}?limit=5").json()
        assert seen["outcome"]["label"] == "good"
        assert [row["sequence"] for row in seen["reports"]["items"]] == [1, 2, 3, 4, 5]
        rest = get(client, seen["reports"]["next"].partition("/api/v1/")[2]).json()
        assert [row["sequence"] for row in rest["reports"]["items"]] == [6, 7, 8, 9, 10]
        assert post(client, f"loans/{loan.id}/reports", {**body, "sequence": 99, "corrects": body["sequence"]}).json()[
            "in_force"
        ]
        last = get(client, f"loans/{loan.id}?limit=200").json()["reports"]["items"]
        assert {row["sequence"]: row["in_force"] for row in last if row["sequence"] in (99, body["sequence"])} == {
            99: True, body["sequence"]: False,
        }  # fmt: skip


def _run_subscribers() -> None:
    with platform_scope():
        relay(now=now())
    while True:
        with platform_scope():
            if not hand_over_one(now=now()):
                return


def test_late_payers_are_late_today(client: ClientView) -> None:
    loan = loan_of(client.institution_id)
    with time_machine.travel(over(loan)):
        assert get(client, f"loans/{loan.id}").json()["days_past_due"] == (over(loan).date() - loan.dues[0][0]).days
        post(
            client, f"loans/{loan.id}/reports", {"sequence": 1, "kind": "closed", "as_of": loan.dues[0][0].isoformat()}
        )
        seen = get(client, f"loans/{loan.id}").json()
        assert (seen["state"], seen["days_past_due"]) == ("closed", 0)


@pytest.mark.parametrize("format_", ["ndjson", "csv"])
def test_a_file_of_reports(client: ClientView, format_: str) -> None:
    loan = loan_of(client.institution_id)
    rows = [(loan, body) for body in life_of(loan)]
    content = {"ndjson": ndjson, "csv": csv_file}[format_](rows)
    with time_machine.travel(over(loan)):
        totals = {"count": len(rows), "sha256": hashlib.sha256(content).hexdigest(), "sum": "0"}
        refused = upload(client, content, format=format_, **totals)
        assert (refused.status_code, [fault["pointer"] for fault in refused.json()["errors"]]) == (422, ["/sum"])
        taken = upload(client, content + b"oops\n", format=format_)
        assert taken.status_code == 202, taken.content
        path = taken["Location"].removeprefix("/api/v1/")
        assert taken.json()["state"] == "queued"
        assert get(client, path).json()["percent"] == 0
        tasks.apply_batches.run()
        done = get(client, path).json()
        assert (done["state"], done["recorded"], done["unchanged"], done["refused"]) == ("done", len(rows), 0, 1)
        [problem] = done["problems"]["items"]
        assert problem["line"] == len(rows) + (2 if format_ == "csv" else 1)
        tasks.mature_outcomes.run()
        assert get(client, f"loans/{loan.id}").json()["outcome"]["label"] == "good"
        again = upload(client, content, format=format_, count=len(rows))
        tasks.apply_batches.run()
        seen = get(client, again["Location"].removeprefix("/api/v1/")).json()
        assert (seen["recorded"], seen["unchanged"]) == (0, len(rows))


def test_the_same_key_with_another_file_is_refused(client: ClientView) -> None:
    loan = loan_of(client.institution_id)
    content = ndjson([(loan, life_of(loan)[0])])
    headers = {"Idempotency-Key": "file-1"}

    def send(text: bytes) -> Any:
        parts = {"file": SimpleUploadedFile("reports", text), "format": "ndjson"}
        return Http().post("/api/v1/performance-reports", parts, headers=headers, **bearer(client))

    first = send(content)
    assert first.status_code == 202
    assert send(content).content == first.content
    assert send(content + content).status_code == 422


@pytest.mark.parametrize(
    ("parts", "pointer"),
    [
        ({"format": "xml"}, "/format"), ({"format": ""}, "/format"), ({"count": "-1"}, "/count"),
        ({"count": "x"}, "/count"), ({"sum": "1e3"}, "/sum"), ({"sha256": "0"}, "/sha256"), ({"file": "text"}, "/file"),
        ({"colour": "red"}, "/?"),
    ],
)  # fmt: skip
def test_forms_that_are_wrong(client: ClientView, parts: dict[str, Any], pointer: str) -> None:
    response = upload(client, b"{}\n", **parts)
    assert response.status_code == 422, response.content
    assert pointer in [fault["pointer"] for fault in response.json()["errors"]]


def test_another_institution_sees_nothing(client: ClientView) -> None:
    stranger = make_client(make_institution())
    loan = loan_of(client.institution_id)
    body = life_of(loan)[0]
    with time_machine.travel(over(loan)):
        taken = upload(client, ndjson([(loan, body)]))
        for path in (f"loans/{loan.id}", taken["Location"].removeprefix("/api/v1/")):
            _same(get(stranger, path), get(stranger, _with_another_id(path)))
        funding = f"referrals/{loan.referral_id}/funding", {"terms_hash": loan.terms_hash}
        for path, sent in ((f"loans/{loan.id}/reports", body), funding):
            _same(post(stranger, path, sent), post(stranger, _with_another_id(path), sent))
        assert get(stranger, "loans").json()["items"] == []
        upload(stranger, ndjson([(loan, body)]))
        tasks.apply_batches.run()
    assert rows_of(stranger.institution_id, PerformanceReport) == 0
    assert rows_of(client.institution_id, PerformanceReport) == 1


def _with_another_id(path: str) -> str:
    return "/".join(str(uuid4()) if _is_id(part) else part for part in path.split("/"))


def _is_id(part: str) -> bool:
    try:
        return bool(UUID(part))
    except ValueError:
        return False


def _same(one: Any, other: Any) -> None:
    assert one.status_code == other.status_code == 404
    drop = {"instance", "request_id"}
    one_, other_ = ({name: value for name, value in r.json().items() if name not in drop} for r in (one, other))
    assert one_ == other_


def test_the_clock_of_a_sandbox_closes_windows(client: ClientView) -> None:
    loan = loan_of(client.institution_id)
    ahead = (over(loan) - now()).days + 1
    assert post(client, f"loans/{loan.id}/reports", life_of(loan)[-1]).status_code == 422
    assert post(client, "sandbox/clock", {"advance_days": ahead}).status_code == 200
    for body in life_of(loan):
        assert post(client, f"loans/{loan.id}/reports", body).status_code == 201
    _run_subscribers()
    seen = get(client, f"loans/{loan.id}").json()
    assert seen["outcome"]["label"] == "good"
    assert seen["outcome"]["observed_on"] >= loan.matures_on.isoformat()
    # What our clock still holds open has expired by the sandbox's.
    referral = referral_of(client.institution_id)
    approve(referral)
    terms_hash = sign(referral, show(referral).terms_hash).terms_hash
    expired = post(client, f"referrals/{referral.id}/funding", {"terms_hash": terms_hash})
    assert expired.json()["errors"][0]["code"] == "referral_expired"
