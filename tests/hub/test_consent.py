"""The consent ledger: what holds, what does not, and that nothing is written where it does not."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError

from hub import audit, consent
from hub.clock import now
from hub.crypto import DataKey
from hub.errors import Conflict, Invalid
from hub.models import ConsentEntry, OutboxEvent
from hub.tenancy import platform_scope, tenant_scope

BANK = uuid4()
ACTOR = audit.client_actor("bank-1")
NOW = now()
pytestmark = pytest.mark.django_db


def person(reference: str = "x") -> DataKey:
    return DataKey.objects.for_reference(institution_id=BANK, kind=DataKey.PERSON, reference=reference)


def require(who: str = "x", *, moment: datetime = NOW, **changed: Any) -> UUID:
    fields: dict[str, Any] = {
        "reference": "consent-1",
        "purpose": "credit_scoring",
        "recipient": "institution",
        "text_version": "2026-01",
        "given_at": NOW - timedelta(days=1),
        "expires_at": NOW + timedelta(days=30),
    }
    with tenant_scope(BANK):
        claim = consent.Claim(institution_id=BANK, **{**fields, **changed})
        return consent.require(claim=claim, person=person(who), actor=ACTOR, now=moment)


def test_the_first_mention_records_it_and_the_second_finds_it() -> None:
    assert require() == require()
    with platform_scope():
        assert ConsentEntry.objects.count() == 1
        assert OutboxEvent.objects.filter(type="consent.given").count() == 1


@pytest.mark.parametrize(
    "changed", [{"purpose": "marketing"}, {"recipient": "somebody"}, {"text_version": "2025-12"}, {"who": "y"}]
)
def test_a_reference_stands_for_one_consent(changed: dict[str, Any]) -> None:
    require()
    with pytest.raises(Conflict):
        require(**changed)
    with platform_scope():
        assert ConsentEntry.objects.count() == 1


def test_it_cannot_have_been_given_tomorrow() -> None:
    with pytest.raises(Invalid) as caught:
        require(given_at=NOW + timedelta(seconds=1))
    assert caught.value.errors[0].pointer == "/consent/given_at"


def test_it_cannot_expire_before_it_was_given() -> None:
    with pytest.raises(Invalid) as caught:
        require(expires_at=NOW - timedelta(days=2))
    assert caught.value.errors[0].pointer == "/consent/expires_at"


def test_it_holds_to_the_last_moment_before_it_expires() -> None:
    require()
    require(moment=NOW + timedelta(days=30) - timedelta(microseconds=1))
    with pytest.raises(Conflict, match="expired"):
        require(moment=NOW + timedelta(days=30))


def test_a_withdrawn_one_holds_no_more() -> None:
    consent_id = require()
    for _ in range(2):
        with platform_scope():
            consent.withdraw(consent_id=consent_id, actor=ACTOR, now=NOW)
    with pytest.raises(Conflict, match="withdrawn"):
        require()
    with platform_scope():
        assert OutboxEvent.objects.filter(type="consent.withdrawn").count() == 1


def test_an_unknown_one_cannot_be_withdrawn() -> None:
    with platform_scope(), pytest.raises(Conflict):
        consent.withdraw(consent_id=uuid4(), actor=ACTOR, now=NOW)


def test_the_ledger_takes_a_reference_once() -> None:
    require()
    with platform_scope():
        entry = ConsentEntry.objects.get()
    entry.pk = uuid4()
    with pytest.raises(IntegrityError, match="hub_consententry_reference_state"), platform_scope():
        entry.save(force_insert=True)
