"""Referrals by REST: read, decided, contracted, by the lender that received them and by nobody else."""

import hashlib
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client as Http

from hub import consent
from hub.clock import now
from hub.erasure import erase_person
from hub.sandbox import SandboxClock
from hub.tenancy import platform_scope, tenant_scope
from partners.institutions.queries import ClientView
from partners.referrals import facade, tasks
from partners.referrals.models import LenderDecision, Referral
from tests.contract.test_tenancy import same_but_for_the_place
from tests.factories import bearer, make_client, make_institution
from tests.partners.referral_factory import BORROWER, FACTS, SHARE, fund, make_referral, referral_of, show, sign, view

pytestmark = pytest.mark.django_db
LIST = "/api/v1/referrals"


def send(client: ClientView, method: str, path: str, body: Any = None, *, key: str = "") -> Any:
    data = "" if body is None else json.dumps(body)
    headers = {"Idempotency-Key": key or str(uuid4())}
    return Http().generic(method, path, data, "application/json", headers=headers, **bearer(client))


@pytest.fixture
def desk() -> ClientView:
    return make_client()


@pytest.fixture
def referral(desk: ClientView) -> facade.ReferralView:
    return referral_of(desk.institution_id)


def place(referral: facade.ReferralView, suffix: str = "") -> str:
    return f"{LIST}/{referral.id}{suffix}"


def terms(referral: facade.ReferralView, **changes: Any) -> dict[str, Any]:
    return {
        "amount": str(referral.terms.amount), "months": referral.terms.months,
        "annual_rate_percent": str(referral.terms.annual_rate_percent),
        "fee_upfront": str(referral.terms.fee_upfront), **changes,
    }  # fmt: skip


def decide(desk: ClientView, referral: facade.ReferralView, **body: Any) -> Any:
    return send(desk, "POST", place(referral, "/decision"), body)


def codes(answer: Any) -> list[str]:
    return [fault["code"] for fault in answer.json().get("errors", [])]


def test_a_referral_is_read(desk: ClientView, referral: facade.ReferralView) -> None:
    [item] = send(desk, "GET", LIST).json()["items"]
    assert (item["id"], item["state"]) == (str(referral.id), "created")
    assert "package" not in item
    found = send(desk, "GET", place(referral)).json()
    assert {name: found[name] for name in item} == item
    assert found["package"]["contact"] == dict(SHARE.contact)
    assert found["package"]["facts"] == FACTS
    score = found["package"]["score"]
    assert (score["pd_12m"], score["grade"], score["recommended_action"]) == ("0.031200", "B", "approve")
    assert score["reasons"] == [
        {"feature": "card_utilisation", "value": 35.5, "best_value": 10.0, "lost_logit": "0.412000"}
    ]
    assert found["terms"]["amount"] == "50000.00"
    assert found["decisions"] == []


def test_the_consent_is_proved(desk: ClientView, referral: facade.ReferralView) -> None:
    proof = send(desk, "GET", place(referral, "/consent")).json()
    assert (proof["purpose"], proof["recipient"]) == ("share_with_lender", str(desk.institution_id))
    assert (proof["text_version"], proof["holds"]) == ("share-2026-11", True)
    with platform_scope():
        consent.withdraw(consent_id=referral.consent_id, actor=BORROWER, now=now())
    proof = send(desk, "GET", place(referral, "/consent")).json()
    assert proof["holds"] is False
    assert proof["withdrawn_at"]


def test_approved_signed_and_read_back(desk: ClientView, referral: facade.ReferralView) -> None:
    assert send(desk, "GET", place(referral, "/contract")).status_code == 404
    answer = decide(desk, referral, decision="approve", terms=terms(referral))
    assert answer.status_code == 201, answer.content
    assert (answer.json()["decision"], answer.json()["referral_state"]) == ("approve", "approved")
    contract = send(desk, "GET", place(referral, "/contract")).json()
    assert hashlib.sha256(contract["text"].encode()).hexdigest() == contract["terms_hash"]
    assert (contract["state"], contract["signature"]) == ("prepared", None)
    sign(referral, show(referral).terms_hash)
    signed = send(desk, "GET", place(referral, "/contract")).json()
    assert signed["terms_hash"] == contract["terms_hash"]
    assert (signed["signature"]["method"], signed["signature"]["typed_name"]) == ("typed", "Chan Siu Ming")
    assert fund(referral, signed["terms_hash"]).application_id == referral.application_id


@pytest.mark.parametrize(
    ("changes", "worse"),
    [
        ({"amount": "49999.99"}, "amount"),
        ({"annual_rate_percent": "99"}, "annual_rate_percent"),
        ({"fee_upfront": "600"}, "fee_upfront"),
        ({"months": 36}, "months"),
        ({"months": 12}, "months"),
    ],
)
def test_worse_terms_come_back_as_a_counter_offer(
    desk: ClientView, referral: facade.ReferralView, changes: dict[str, Any], worse: str
) -> None:
    answer = decide(desk, referral, decision="approve", terms=terms(referral, **changes)).json()
    assert (answer["decision"], answer["referral_state"]) == ("counter_offer", "countered")
    assert worse in answer["worse"]
    assert send(desk, "GET", place(referral, "/contract")).status_code == 404
    assert [row["decision"] for row in send(desk, "GET", place(referral)).json()["decisions"]] == ["counter_offer"]


def test_decline_with_reasons_of_its_own(desk: ClientView, referral: facade.ReferralView) -> None:
    answer = decide(desk, referral, decision="decline", reason_codes=["income_unproved", "internal_limit"]).json()
    assert (answer["referral_state"], answer["reason_codes"]) == ("declined", ["income_unproved", "internal_limit"])
    assert view(referral.application_id).state == "offered"
    assert decide(desk, referral, decision="approve", terms=terms(referral)).status_code == 409


def test_ask_for_more(desk: ClientView, referral: facade.ReferralView) -> None:
    answer = decide(desk, referral, decision="ask_for_more", asked_for=["payslip"]).json()
    assert (answer["referral_state"], answer["asked_for"]) == ("asked", ["payslip"])
    assert decide(desk, referral, decision="approve", terms=terms(referral)).status_code == 201


BAD: list[tuple[dict[str, Any], str]] = [
    ({"decision": "approve"}, "/terms"),
    ({"decision": "counter_offer"}, "/terms"),
    ({"decision": "decline"}, "/reason_codes"),
    ({"decision": "ask_for_more"}, "/asked_for"),
    ({"decision": "decline", "reason_codes": ["a code"]}, "/reason_codes/0"),
    ({"decision": "decline", "reason_codes": ["policy"], "asked_for": ["payslip"]}, "/asked_for"),
    ({"decision": "fund"}, "/decision"),
    ({"decision": "approve", "terms": {"amount": "1"}}, "/terms/months"),
]


@pytest.mark.parametrize(("body", "pointer"), BAD)
def test_what_a_decision_must_bring(
    desk: ClientView, referral: facade.ReferralView, body: dict[str, Any], pointer: str
) -> None:
    answer = decide(desk, referral, **body)
    assert answer.status_code == 422
    assert pointer in [fault["pointer"] for fault in answer.json()["errors"]]
    assert view(referral.application_id).referral == referral


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("amount", "0"), ("amount", "50000.01"), ("amount", "1e3"), ("amount", "49999.999"), ("months", 0),
        ("months", 481), ("annual_rate_percent", "-1"), ("annual_rate_percent", "100.01"),
        ("annual_rate_percent", "8.00001"), ("fee_upfront", "50000"), ("fee_upfront", "x"),
    ],
)  # fmt: skip
def test_terms_that_cannot_be(desk: ClientView, referral: facade.ReferralView, name: str, value: Any) -> None:
    answer = decide(desk, referral, decision="approve", terms=terms(referral, **{name: value}))
    assert answer.status_code == 422
    assert f"/terms/{name}" in [fault["pointer"] for fault in answer.json()["errors"]]
    assert view(referral.application_id).referral == referral


def test_the_same_key_decides_once(desk: ClientView, referral: facade.ReferralView) -> None:
    body = {"decision": "approve", "terms": terms(referral)}
    first, again = (send(desk, "POST", place(referral, "/decision"), body, key="k") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again["Idempotent-Replayed"] == "true"
    with platform_scope():
        assert LenderDecision.objects.count() == 1


def test_no_decision_after_the_consent_was_withdrawn(desk: ClientView, referral: facade.ReferralView) -> None:
    with platform_scope():
        consent.withdraw(consent_id=referral.consent_id, actor=BORROWER, now=now())
    answer = decide(desk, referral, decision="approve", terms=terms(referral))
    assert answer.status_code == 409
    assert view(referral.application_id).referral == referral


def test_a_withdrawn_referral_shows_no_package(desk: ClientView, referral: facade.ReferralView) -> None:
    with platform_scope():
        facade.withdraw(application_id=referral.application_id, actor=BORROWER, now=now())
    found = send(desk, "GET", place(referral)).json()
    assert (found["state"], found["package"]) == ("withdrawn", None)


def test_an_erased_person_answers_gone(desk: ClientView, referral: facade.ReferralView) -> None:
    with tenant_scope(desk.institution_id):
        person_id = Referral.objects.get().person_id
        erase_person(person_id=person_id, actor=BORROWER, now=now())
    answer = send(desk, "GET", place(referral))
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (410, "erased")


def test_the_sandbox_clock_expires_it(desk: ClientView, referral: facade.ReferralView) -> None:
    with platform_scope():
        SandboxClock.locked(desk.institution_id).advance(15)
    answer = decide(desk, referral, decision="approve", terms=terms(referral))
    assert (answer.status_code, codes(answer)) == (409, ["referral_expired"])
    other = make_referral()
    tasks.expire_due()
    states = {one.id: view(one.application_id).referral for one in (referral, other)}
    assert [found.state for found in states.values() if found] == ["expired", "created"]


@pytest.mark.parametrize(
    ("method", "suffix"), [("GET", ""), ("GET", "/consent"), ("GET", "/contract"), ("POST", "/decision")]
)
def test_another_banks_referral_is_as_unknown(method: str, suffix: str) -> None:
    theirs = make_referral()
    stranger = make_client()
    body = {"decision": "decline", "reason_codes": ["policy"]} if method == "POST" else None
    one = send(stranger, method, place(theirs, suffix), body)
    other = send(stranger, method, f"{LIST}/{uuid4()}{suffix}", body)
    same_but_for_the_place(one, other)
    assert view(theirs.application_id).referral == theirs
    assert send(stranger, "GET", LIST).json()["items"] == []


def test_live_is_not_sandbox() -> None:
    live = make_institution(sandbox=False)
    referral = make_referral()
    assert referral.terms.amount == Decimal(50000)
    with tenant_scope(live.id):
        assert not Referral.objects.exists()


def test_expiry_is_fourteen_days(referral: facade.ReferralView) -> None:
    assert referral.expires_at - referral.created_at == timedelta(days=14)
