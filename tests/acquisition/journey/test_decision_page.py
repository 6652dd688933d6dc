"""The page of a decision: what it rests on, in points that add up, in three languages; gone with the person."""

import re
from itertools import accumulate
from uuid import UUID

import pytest
from django.test import Client

from acquisition.journey import contests, proof
from acquisition.journey.models import Application
from hub import erasure
from hub.clock import now
from hub.tenancy import platform_scope
from risk.features.facade import can_act, what_helps
from risk.scoring.facade import DecisionProof
from tests.acquisition.journey import borrowers, world
from tests.acquisition.journey.borrowers import BAD, GOOD, page, send
from tests.factories import ACTOR

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def visitor(transactional_db: None) -> Client:
    world.champion()
    return Client()


def decided(visitor: Client, answers: dict[str, object]) -> UUID:
    bank = world.sandbox()
    made = UUID(visitor.post(f"/apply/sandbox/{bank.id}/")["Location"].split("/")[2])
    send(visitor, made, "consent/", agree="on")
    borrowers.answer(made, answers)
    assert page(visitor, made, "decision/")["Location"] == f"/apply/{made}/"  # nothing is decided yet
    send(visitor, made, "phone/", phone="91234567")
    send(visitor, made, "code/", code=borrowers.code_of(made))
    send(visitor, made, "review/")
    return made


def proof_of(made: UUID) -> DecisionProof:
    with platform_scope():
        decision_id = Application.objects.get(id=made).decision_id
        assert decision_id is not None
        return contests.proof_of(decision_id=decision_id)


def spoken(visitor: Client, made: UUID, language: str) -> str:
    visitor.cookies["django_language"] = language
    return str(page(visitor, made, "decision/").content.decode()).replace("\xa0", " ")


def test_the_points_add_up_and_are_those_of_the_score(visitor: Client) -> None:
    found = proof_of(decided(visitor, BAD))
    assert found.base_micro + sum(part.micro for part in found.parts) == found.score_micro
    rows = proof.lines(found)
    assert len(rows) <= proof.STEPS_MAX + 1
    assert list(accumulate([proof.start(found), *(row.points for row in rows)]))[-1] == proof.total(found)
    assert proof.total(found) < proof.start(found)
    assert found.replayed == "identical"


def test_it_says_in_each_language_what_counted(visitor: Client) -> None:
    made = decided(visitor, BAD)
    assert f"/apply/{made}/decision/" in page(visitor, made, "declined/").content.decode()
    told = spoken(visitor, made, "en")
    [figure], [table] = (
        re.findall(r"<svg.*?</svg>", told, re.DOTALL),
        re.findall(r"<table>.*?</table>", told, re.DOTALL),
    )
    for row in proof.lines(proof_of(made)):
        assert f'<th scope="row">{row.name}</th><td>{row.known}</td>' in table
        assert row.name in figure
    assert "the same to the last digit" in told
    assert "Let a person look again" in told
    assert "程式的建議" in spoken(visitor, made, "zh-hant")
    assert "您可负担的最高每月还款" in spoken(visitor, made, "zh-hans")


def test_it_is_the_borrowers_alone_and_goes_with_his_keys(visitor: Client) -> None:
    made = decided(visitor, GOOD)
    assert f"/apply/{made}/decision/" in page(visitor, made, "offers/").content.decode()
    assert "Let a person look again" not in spoken(visitor, made, "en")
    assert page(Client(), made, "decision/").status_code == 404
    with platform_scope():
        erasure.erase_person(person_id=Application.objects.get(id=made).person_id, actor=ACTOR, now=now())
    assert page(visitor, made, "decision/").status_code == 404


def test_what_would_help_is_what_he_can_do_something_about(visitor: Client) -> None:
    made = decided(visitor, BAD)
    found = proof_of(made)
    assert 0 < len(found.helps) <= 3
    assert all(can_act(name) for name, _ in found.helps)
    shown = page(visitor, made, "decision/").content.decode()
    for name, missing in found.helps:
        assert what_helps(name, "en", missing=missing) in shown
    assert what_helps("housing", "en") not in shown
