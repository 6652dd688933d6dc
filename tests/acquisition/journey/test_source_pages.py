"""Data sources on the borrower's way: asked as he sends his answers, after the commit; the score says what came."""

import threading
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.conf import LazySettings
from django.db import connections
from django.test import Client

from acquisition.journey.answers import Draft, informed
from acquisition.journey.models import Application
from hub import consent
from hub.models import OutboxEvent
from hub.tenancy import platform_scope
from partners.referrals import packages
from partners.referrals.models import Case, Referral
from partners.referrals.packages import Package, ScorePart
from risk.features.sources import LocalSource, Subject, Terms
from risk.scoring.facade import ScoredApplication, decided_features, read_application, replay_application
from risk.scoring.models import Inquiry
from tests.acquisition.journey import borrowers, world
from tests.acquisition.journey.borrowers import GOOD, page, send

STEADY: dict[str, Any] = {**GOOD, "amount": 20_000, "term": 60}


@pytest.fixture
def visitor(transactional_db: None) -> Client:
    world.champion()
    return Client()


def reviewed(visitor: Client, phone: str) -> UUID:
    """Bring an application with this number to its review."""
    bank = world.sandbox(lenders=1)
    made = UUID(visitor.post(f"/apply/sandbox/{bank.id}/")["Location"].split("/")[2])
    send(visitor, made, "consent/", agree="on")
    borrowers.answer(made, STEADY)
    send(visitor, made, "phone/", phone=phone)
    send(visitor, made, "code/", code=borrowers.code_of(made))
    return made


def sent(visitor: Client, made: UUID) -> ScoredApplication:
    """Send it off, as a browser follows, and return its decision."""
    visitor.post(f"/apply/{made}/review/", follow=True)
    with platform_scope():
        decision_id = Application.objects.get(id=made).decision_id
        assert decision_id is not None
        return read_application(decision_id=decision_id)


def received(made: UUID) -> ScorePart:
    """Return what a lender would read of the score."""
    with platform_scope():
        case = Case.objects.select_related("person").get(id=made)
        sealed = packages.seal_package(case.person, made, case, {})
        plain = case.person.open(sealed, place=Referral.place(made))
    return msgspec.json.decode(plain, type=Package).score


@pytest.mark.django_db(transaction=True)
def test_sources_are_asked_as_the_answers_are_sent_and_the_score_rests_on_them(visitor: Client) -> None:
    made = reviewed(visitor, "55500006")
    first = send(visitor, made, "review/")
    assert (first.status_code, first["Location"]) == (307, f"/apply/{made}/review/")
    with platform_scope():
        assert set(Inquiry.objects.values_list("state", "sandbox")) == {("answered", True)}
        told = Application.objects.get(id=made).draft().answers
    scored = sent(visitor, made)
    assert scored.evidence is not None
    assert [one.source for one in scored.evidence.used] == [
        "local-bureau", "local-open-banking", "local-income", "local-sanctions",
    ]  # fmt: skip
    assert (scored.evidence.without, scored.evidence.facts) == ((), ())
    with platform_scope():
        values = decided_features(decision_id=scored.decision_id).values
        assert replay_application(decision_id=scored.decision_id) == "identical"
        assert Inquiry.objects.count() == 4
        assert OutboxEvent.objects.filter(type="inquiry.settled").count() == 4
    assert values["monthly_income"] == 60_000 != told.monthly_income
    assert (values["amount"], values["term"], values["delinquencies_24m"]) == (20_000, 60, 0)
    assert values["debt_service"] == 0
    assert scored.affordability is not None
    assert scored.affordability.income_basis == "verified"
    assert scored.affordability.counted_income == values["monthly_income"]
    with platform_scope():
        assert Application.objects.get(id=made).draft().answers == told


@pytest.mark.django_db(transaction=True)
def test_a_source_that_is_down_is_done_without_and_a_hit_is_for_a_person(visitor: Client) -> None:
    down = sent(visitor, reviewed(visitor, "55500003"))
    assert down.evidence is not None
    assert [(one.source, one.why) for one in down.evidence.without] == [("local-bureau", "unavailable")]
    clean = sent(visitor, reviewed(visitor, "55500006"))
    made = reviewed(visitor, "55500004")
    hit = sent(visitor, made)
    assert (clean.action, hit.action, hit.pd) == ("approve", "review", clean.pd)
    assert hit.evidence is not None
    assert hit.evidence.facts == ("sanctions_hit",)
    assert received(made).evidence == hit.evidence
    assert received(made).recommended_action == "review"
    offers = page(visitor, made, "offers/")
    assert offers.status_code == 200
    assert "sanction" not in offers.content.decode()


@pytest.mark.django_db(transaction=True)
def test_two_tabs_that_send_at_once_ask_once(visitor: Client) -> None:
    made = reviewed(visitor, "55501111")
    gate, answers = threading.Barrier(2), []

    def drive() -> None:
        tab = Client()
        tab.cookies = visitor.cookies
        try:
            gate.wait()
            answers.append(tab.post(f"/apply/{made}/review/", follow=True).redirect_chain)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=drive) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The second one waits for the first, asks with it, or comes when all is done.
    assert any((f"/apply/{made}/review/", 307) in chain for chain in answers)
    assert len(answers) == 2
    with platform_scope():
        assert Inquiry.objects.count() == 4
        assert Application.objects.get(id=made).state in ("matched", "declined")


@pytest.mark.django_db(transaction=True)
def test_who_agreed_to_an_older_text_is_not_asked_about(visitor: Client) -> None:
    made = reviewed(visitor, "55501234")
    with platform_scope():
        Application.objects.filter(id=made).update(consent_version="scoring-2/en")
    assert send(visitor, made, "review/").status_code == 302
    with platform_scope():
        scored = read_application(decision_id=Application.objects.get(id=made).decision_id or made)
        assert not Inquiry.objects.exists()
    assert scored.evidence is not None
    assert {one.why for one in scored.evidence.without} == {"no_consent"}


class Bureau(LocalSource):
    """A bureau of the live world whose inquiries other lenders can see."""

    @property
    def terms(self) -> Terms:
        return replace(LocalSource("bureau").terms, name="bureau-one", inquiry="hard")

    def covers(self, subject: Subject) -> bool:
        return True


def bureau() -> Bureau:
    return Bureau("bureau")


@pytest.mark.django_db(transaction=True)
def test_a_hard_inquiry_is_made_where_the_borrower_agreed_to_just_that(visitor: Client, settings: LazySettings) -> None:
    settings.SOURCES = ["tests.acquisition.journey.test_source_pages.bureau"]
    found = {}
    for phone, agreed in (("91234567", {"agree": "on"}), ("91234568", {"agree": "on", "hard": "on"})):
        made = UUID(visitor.post("/apply/")["Location"].split("/")[2])
        assert "hard inquiry" in page(visitor, made, "consent/").content.decode()
        send(visitor, made, "consent/", **agreed)
        borrowers.answer(made, STEADY)
        send(visitor, made, "phone/", phone=phone)
        send(visitor, made, "code/", code=borrowers.code_of(made))
        found[phone] = sent(visitor, made).evidence
    refused, used = found.values()
    assert refused is not None
    assert [(one.source, one.why) for one in refused.without] == [("bureau-one", "not_permitted")]
    assert used is not None
    assert [one.source for one in used.used] == ["bureau-one"]
    with platform_scope():
        [row] = Inquiry.objects.all()
        given = consent.proof(consent_id=row.consent_id)
    assert (row.inquiry_type, row.sandbox, given.purpose, given.text_version) == (
        "hard", False, "hard_inquiry", "hard-1/en",
    )  # fmt: skip
    bank = world.sandbox(lenders=1)
    other = UUID(visitor.post(f"/apply/sandbox/{bank.id}/")["Location"].split("/")[2])
    asked = page(visitor, other, "consent/")
    assert asked.status_code == 200
    assert "hard inquiry" not in asked.content.decode()


def test_what_sources_say_is_taken_where_it_is_an_answer_that_can_be() -> None:
    draft = Draft().answered("amount", {"amount": 20_000, "term": 12})
    said = {"amount": 1, "monthly_income": 30_000.0, "open_accounts": -3, "essential_spending": 7_000, "bankrupt": 1}
    changed, taken, refused = informed(draft, said)
    assert (taken, refused) == ({"monthly_income", "essential_spending"}, {"open_accounts"})
    assert (changed.answers.amount, changed.answers.monthly_income) == (20_000, 30_000)
    assert (changed.answers.open_accounts, changed.living.essential_spending) == (None, 7_000)
