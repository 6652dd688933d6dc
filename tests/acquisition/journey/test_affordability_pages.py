"""What a borrower is told of affordability: a refusal for it, a smaller offer, and no offer, in his language."""

import re
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.test import Client

from acquisition.journey.answers import Draft
from hub.errors import Invalid
from partners.institutions.queries import InstitutionView
from tests.acquisition.journey import borrowers, world
from tests.acquisition.journey.borrowers import GOOD, page, send

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _champion(transactional_db: None) -> None:
    world.champion()


@pytest.fixture
def visitor() -> Client:
    return Client()


def sent(visitor: Client, bank: InstitutionView, **answers: Any) -> UUID:
    """Send an application with other answers than the good ones, from this browser."""
    made = UUID(visitor.post(f"/apply/sandbox/{bank.id}/")["Location"].split("/")[2])
    send(visitor, made, "consent/", agree="on")
    borrowers.answer(made, {**GOOD, **answers})
    send(visitor, made, "phone/", phone="91234567")
    send(visitor, made, "code/", code=borrowers.code_of(made))
    send(visitor, made, "review/")
    return made


def spoken(visitor: Client, made: UUID, name: str, language: str) -> str:
    visitor.cookies["django_language"] = language
    return str(page(visitor, made, name).content.decode()).replace("\xa0", " ")


def test_a_refusal_for_affordability_says_so_and_not_that_the_risk_is_too_high(visitor: Client) -> None:
    made = sent(visitor, world.sandbox(), essential_spending=34_000)
    assert page(visitor, made)["Location"] == f"/apply/{made}/declined/"
    told = spoken(visitor, made, "declined/", "en")
    assert "live on what is left" in told
    assert "risk that a loan is not paid back" not in told
    [listed] = re.findall(r'<ul class="reasons">(.*?)</ul>', told, re.DOTALL)
    assert listed.count("<li>") == 1
    assert "does not carry the instalments" in listed
    assert "不足以承擔供款" in spoken(visitor, made, "declined/", "zh-hant")
    assert "不足以承担每月还款" in spoken(visitor, made, "declined/", "zh-hans")


def test_a_smaller_offer_says_why_it_is_smaller(visitor: Client) -> None:
    made = sent(visitor, world.sandbox(lenders=1), essential_spending=32_000)
    told = spoken(visitor, made, "offers/", "en")
    found = re.search(r"This is HKD ([\d,]+)\.00 and not the HKD 60,000\.00 that you asked for", told)
    assert found
    assert 20_000 < int(found[1].replace(",", "")) < 36_000
    assert "供款會令您餘下的錢不足以應付生活" in spoken(visitor, made, "offers/", "zh-hant")
    assert "每月还款会令您余下的钱不足以应付生活" in spoken(visitor, made, "offers/", "zh-hans")


def test_no_offer_says_that_even_the_smallest_is_not_affordable(visitor: Client) -> None:
    made = sent(visitor, world.sandbox(amount_min="50000"), essential_spending=32_000)
    assert "even the smallest loan of this lender" in spoken(visitor, made, "offers/", "en")


def test_a_draft_with_the_new_answer_is_read_by_a_release_that_does_not_know_it() -> None:
    draft = Draft().answered("housing", {"housing": "rent", "essential_spending": 9_000})
    assert draft.told("essential_spending") == 9_000
    stored = msgspec.json.decode(msgspec.json.encode(draft))
    assert stored["answers"] == {"housing": "rent"}
    with pytest.raises(Invalid) as caught:
        draft.answered("housing", {"housing": "rent", "essential_spending": -1})
    assert [fault.pointer for fault in caught.value.errors] == ["/essential_spending"]
