"""The consent ledger: what holds, what does not, and that nothing is written where it does not."""

from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, ProgrammingError, connection

from hub import audit, consent
from hub.clock import now
from hub.crypto import DataKey
from hub.errors import Conflict, Erased, Invalid, NotFound
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


# --- what the platform's own borrowers consent to ---------------------------------------------------------------------

LENDER = uuid4()


def borrower(reference: str = "b-1") -> DataKey:
    with platform_scope():
        return DataKey.objects.for_reference(institution_id=None, kind=DataKey.PERSON, reference=reference)


def give(person_id: UUID, *, moment: datetime = NOW, **changed: Any) -> UUID:
    fields: dict[str, Any] = {
        "purpose": consent.CREDIT_SCORING,
        "recipient": consent.PLATFORM,
        "text_version": "2026-01",
        "reference": "application|1",
    }
    with platform_scope():
        return consent.give(person_id=person_id, actor=ACTOR, now=moment, **{**fields, **changed})


def share(person_id: UUID, **changed: Any) -> UUID:
    return give(person_id, **{"purpose": consent.SHARE_WITH_LENDER, "recipient": str(LENDER), **changed})


def check(consent_id: UUID, person_id: UUID, *, moment: datetime = NOW, **changed: Any) -> None:
    fields = {"purpose": consent.SHARE_WITH_LENDER, "recipient": str(LENDER), **changed}
    with platform_scope():
        consent.check(consent_id=consent_id, person_id=person_id, now=moment, **fields)


def test_a_borrower_consents_once_for_each_recipient() -> None:
    person = borrower().id
    scoring, sharing = give(person), share(person)
    assert (give(person), share(person)) == (scoring, sharing)
    other = uuid4()
    assert share(person, recipient=str(other)) not in (scoring, sharing)
    with platform_scope():
        rows = ConsentEntry.objects.order_by("id").values_list("institution_id", "purpose", "recipient", "person_id")
        assert list(rows) == [
            (None, "credit_scoring", "luopan", person),
            (LENDER, "share_with_lender", str(LENDER), person),
            (other, "share_with_lender", str(other), person),
        ]
        told = OutboxEvent.objects.filter(type="consent.given").order_by("id")
        assert [payload["person_id"] for payload in told.values_list("payload", flat=True)] == [str(person), None, None]


@pytest.mark.parametrize(
    "changed", [{"text_version": "2025-12"}, {"purpose": "marketing"}, {"recipient": "institution"}, {"person": "b-2"}]
)
def test_a_reference_of_the_platform_stands_for_one_consent(changed: dict[str, Any]) -> None:
    give(borrower().id)
    who = borrower(changed.pop("person", "b-1")).id
    with pytest.raises((Conflict, ValueError)):
        give(who, **changed)
    with platform_scope():
        assert ConsentEntry.objects.count() == 1


def test_only_a_living_borrower_of_the_platform_consents() -> None:
    with tenant_scope(BANK):
        customer = person().id
    gone = borrower("gone")
    with platform_scope():
        gone.erase(now=NOW)
    for who, error in ((uuid4(), NotFound), (customer, NotFound), (gone.id, Erased)):
        with pytest.raises(error):
            give(who)
    with platform_scope():
        assert not ConsentEntry.objects.exists()


def test_a_share_holds_for_its_person_its_lender_and_until_it_is_withdrawn() -> None:
    person, other = borrower().id, borrower("b-2").id
    given = share(person, expires_at=NOW + timedelta(days=30))
    check(given, person)
    refused: list[tuple[UUID, UUID, dict[str, Any]]] = [
        (uuid4(), person, {}),
        (given, other, {}),
        (given, person, {"recipient": str(uuid4())}),
        (given, person, {"purpose": consent.CREDIT_SCORING}),
        (given, person, {"moment": NOW + timedelta(days=30)}),
    ]
    for consent_id, who, changed in refused:
        with pytest.raises(Conflict):
            check(consent_id, who, **changed)
    with platform_scope():
        consent.withdraw(consent_id=given, actor=ACTOR, now=NOW)
    with pytest.raises(Conflict, match="withdrawn"):
        check(given, person)
    with pytest.raises(Conflict, match="withdrawn"):
        share(person)


def test_the_proof_is_its_lenders_and_nobody_elses() -> None:
    person = borrower().id
    given, scoring = share(person), give(person)
    with platform_scope():
        consent.withdraw(consent_id=given, actor=ACTOR, now=NOW + timedelta(days=1))
    with tenant_scope(LENDER):
        found = consent.proof(consent_id=given)
        assert (found.purpose, found.recipient, found.text_version) == ("share_with_lender", str(LENDER), "2026-01")
        assert (found.given_at, found.withdrawn_at) == (NOW, NOW + timedelta(days=1))
        with pytest.raises(NotFound):
            consent.proof(consent_id=scoring)
    with tenant_scope(BANK), pytest.raises(NotFound):
        consent.proof(consent_id=given)


def entry_of(person: DataKey, **changed: Any) -> ConsentEntry:
    claim = consent.Claim(LENDER, "made up", consent.SHARE_WITH_LENDER, str(LENDER), "2026-01", NOW)
    made = claim.entry(person, NOW)
    for name, value in changed.items():
        setattr(made, name, value)
    return made


def test_a_lender_cannot_make_up_a_share() -> None:
    made = entry_of(borrower())
    with pytest.raises(ProgrammingError, match="row-level security"), tenant_scope(LENDER):
        made.save(force_insert=True)


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"recipient": str(uuid4())}, "hub_consententry_lender"),
        ({"institution_id": None, "recipient": "luopan"}, "hub_consententry_lender"),
        ({"institution_id": None, "purpose": "credit_scoring"}, "hub_consententry_recipient"),
    ],
)
def test_the_ledger_refuses_a_recipient_that_does_not_fit(changed: dict[str, Any], name: str) -> None:
    made = entry_of(borrower(), **changed)
    with pytest.raises(IntegrityError, match=name), platform_scope():
        made.save(force_insert=True)


@pytest.mark.django_db(transaction=True)
def test_nobody_withdraws_while_it_is_relied_on() -> None:
    person = borrower().id
    given = share(person)
    relied, ends = Event(), []

    def withdraw() -> None:
        relied.wait()
        with platform_scope():
            consent.withdraw(consent_id=given, actor=ACTOR, now=NOW)
        ends.append("withdrawn")
        connection.close()

    thread = Thread(target=withdraw)
    thread.start()
    with platform_scope():
        consent.check(
            consent_id=given, person_id=person, purpose=consent.SHARE_WITH_LENDER, recipient=str(LENDER), now=NOW
        )
        relied.set()
        thread.join(0.5)
        assert ends == []
    thread.join()
    assert ends == ["withdrawn"]
