"""Acceptance 5, by REST: what is not funded is refused with its reason, and no row of any table changes."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client as Http

from hub import consent
from hub.clock import now
from hub.tenancy import platform_scope
from partners.institutions.facade import advance_clock
from partners.institutions.queries import ClientView
from partners.referrals import facade as referrals
from partners.referrals.facade import ReferralView
from tests.factories import ACTOR, bearer, everything, make_client
from tests.partners.referral_factory import BORROWER, approve, fund, referral_of, show, sign, view

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> ClientView:
    return make_client()


def post(client: ClientView, path: str, body: Any) -> Any:
    headers = {"Idempotency-Key": str(uuid4())}
    return Http().post(f"/api/v1/{path}", json.dumps(body), "application/json", headers=headers, **bearer(client))


def signed(client: ClientView) -> tuple[ReferralView, str]:
    referral = referral_of(client.institution_id)
    approve(referral)
    return referral, sign(referral, show(referral).terms_hash).terms_hash


def unsigned(client: ClientView) -> tuple[ReferralView, str]:
    referral = referral_of(client.institution_id)
    approve(referral)
    return referral, show(referral).terms_hash


def changed(client: ClientView) -> tuple[ReferralView, str]:
    return signed(client)[0], "0" * 64


def funded(client: ClientView) -> tuple[ReferralView, str]:
    referral, terms_hash = signed(client)
    fund(referral, terms_hash)
    return referral, terms_hash


def consent_taken_back(client: ClientView) -> tuple[ReferralView, str]:
    referral, terms_hash = signed(client)
    with platform_scope():
        consent.withdraw(consent_id=referral.consent_id, actor=BORROWER, now=now())
    return referral, terms_hash


def withdrawn(client: ClientView) -> tuple[ReferralView, str]:
    referral, terms_hash = signed(client)
    with platform_scope():
        referrals.withdraw(application_id=referral.application_id, actor=BORROWER, now=now())
    return referral, terms_hash


def expired(client: ClientView) -> tuple[ReferralView, str]:
    referral, terms_hash = signed(client)
    days = (referral.expires_at - now()).days + 1
    with platform_scope():
        advance_clock(
            institution_id=client.institution_id, advance_days=days, to=None, actor=ACTOR, now=now()
        )  # fmt: skip
    return referral, terms_hash


CASES: list[tuple[Any, str | None]] = [
    (unsigned, "not_signed"), (changed, "terms_changed"), (funded, "already_funded"), (consent_taken_back, None),
    (withdrawn, None), (expired, "referral_expired"),
]  # fmt: skip


@pytest.mark.parametrize(("prepare", "code"), CASES, ids=[prepare.__name__ for prepare, _ in CASES])
def test_refused_and_nothing_changed(client: ClientView, prepare: Any, code: str | None) -> None:
    referral, terms_hash = prepare(client)
    token, path, before = bearer(client), f"/api/v1/referrals/{referral.id}/funding", everything()
    for _ in range(2):
        answer = Http().post(
            path, json.dumps({"terms_hash": terms_hash}), "application/json", headers={"Idempotency-Key": "one"},
            **token,
        )  # fmt: skip
        assert answer.status_code == 409, answer.content
        assert answer["Content-Type"] == "application/problem+json"
        problem = answer.json()
        assert code is None or [fault["code"] for fault in problem["errors"]] == [code]
        assert problem["detail"]
    assert everything() == before


def test_worse_final_terms_come_back_as_a_counter_offer(client: ClientView) -> None:
    referral = referral_of(client.institution_id)
    rate = referral.terms.annual_rate_percent + 1
    final = {
        "amount": str(referral.terms.amount), "months": referral.terms.months, "annual_rate_percent": str(rate),
        "fee_upfront": str(referral.terms.fee_upfront),
    }  # fmt: skip
    answer = post(client, f"referrals/{referral.id}/decision", {"decision": "approve", "terms": final})
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["decision"], body["referral_state"]) == ("counter_offer", "countered")
    assert "annual_rate_percent" in body["worse"]
    token, before = bearer(client), everything()
    refused = Http().post(
        f"/api/v1/referrals/{referral.id}/funding", json.dumps({"terms_hash": "0" * 64}), "application/json",
        headers={"Idempotency-Key": "one"}, **token,
    )  # fmt: skip
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "not_signed")
    assert everything() == before
    with platform_scope():
        referrals.accept_counter(application_id=referral.application_id, actor=BORROWER, now=now())
    assert sign(referral, show(referral).terms_hash).terms.annual_rate_percent == rate
    assert view(referral.application_id).state == "contracted"
