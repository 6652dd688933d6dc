"""A borrower who was refused asks for a person, reads what was decided, and goes on where the refusal was lifted."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.test import Client

from acquisition.journey import cases, contests, services
from acquisition.journey.errors import Blocked
from acquisition.journey.models import Application
from hub.clock import now
from hub.models import OutboxEvent
from hub.tenancy import platform_scope
from partners.referrals.facade import case_view
from risk.scoring import reviews
from risk.scoring.models import DecisionReview
from tests.acquisition.journey import borrowers, world
from tests.acquisition.journey.borrowers import GOOD, page, send

pytestmark = pytest.mark.django_db(transaction=True)
SAID = "My rent went down: I moved to my parents last month."
WHY = "上載的租約顯示，申請人每月的開支較低。"
RITA = uuid4()


@pytest.fixture
def visitor() -> Client:
    return Client()


@pytest.fixture
def refused(transactional_db: None, visitor: Client) -> UUID:
    """An application that was declined because too little would be left to live on."""
    world.champion()
    bank = world.sandbox()
    made = UUID(visitor.post(f"/apply/sandbox/{bank.id}/")["Location"].split("/")[2])
    send(visitor, made, "consent/", agree="on")
    borrowers.answer(made, {**GOOD, "essential_spending": 34_000})
    send(visitor, made, "phone/", phone="91234567")
    send(visitor, made, "code/", code=borrowers.code_of(made))
    send(visitor, made, "review/")
    assert page(visitor, made)["Location"] == f"/apply/{made}/declined/"
    return made


def shown(visitor: Client, made: UUID, language: str = "en") -> str:
    visitor.cookies["django_language"] = language
    return str(page(visitor, made, "contest/").content.decode())


def decided(*, overturn: bool, instalment_max: int = 1_000) -> DecisionReview:
    with platform_scope():
        review_id = DecisionReview.objects.get(ended_at=None).id
        reviews.take_review(review_id=review_id, user_id=RITA, now=now())
        return reviews.decide_review(
            review_id=review_id, overturn=overturn, reason=WHY, user_id=RITA, now=now(),
            instalment_max=Decimal(instalment_max),
        )  # fmt: skip


def state_of(made: UUID) -> str:
    with platform_scope():
        return Application.objects.get(id=made).state


def test_what_a_person_overturned_goes_on_to_lenders(visitor: Client, refused: UUID) -> None:
    assert f"/apply/{refused}/contest/" in page(visitor, refused, "declined/").content.decode()
    assert "Why do you disagree?" in shown(visitor, refused)
    assert send(visitor, refused, "contest/go-on/").status_code == 409
    assert send(visitor, refused, "contest/", statement="Bad.").status_code == 422
    for _ in range(2):  # a second tab changes nothing
        assert send(visitor, refused, "contest/", statement=SAID)["Location"] == f"/apply/{refused}/contest/"
    told = shown(visitor, refused)
    assert SAID in told
    assert f"{now() + timedelta(days=21):%Y-%m-%d}" in told
    assert send(visitor, refused, "contest/go-on/").status_code == 409
    assert state_of(refused) == "declined"
    decided(overturn=True)
    assert f'<blockquote lang="en"><p>{WHY}</p></blockquote>' in shown(visitor, refused, "zh-hant")
    assert send(visitor, refused, "contest/go-on/")["Location"] == f"/apply/{refused}/"
    assert (state_of(refused), page(visitor, refused)["Location"]) == ("matched", f"/apply/{refused}/offers/")
    assert send(visitor, refused, "contest/go-on/").status_code == 302
    assert "contest/go-on/" not in shown(visitor, refused)
    with platform_scope():
        case = case_view(application_id=refused)
        assert OutboxEvent.objects.filter(subject_id=refused, type="case.opened").count() == 1
    assert case.offers
    assert all(offer.terms.instalment <= 1_000 for offer in case.offers)


def test_what_was_upheld_stays_and_says_why(visitor: Client, refused: UUID) -> None:
    visitor.cookies["django_language"] = "zh-hant"
    send(visitor, refused, "contest/", statement="我上個月搬到父母家，租金支出已減少。")
    decided(overturn=False)
    told = shown(visitor, refused, "zh-hans")
    assert f'<blockquote lang="zh-hant"><p>{WHY}</p></blockquote>' in told
    assert "维持原来的决定" in told
    assert send(visitor, refused, "contest/go-on/").status_code == 409
    assert send(visitor, refused, "contest/end/").status_code == 409
    assert state_of(refused) == "declined"


def test_it_may_be_taken_back_and_a_stranger_sees_nothing(visitor: Client, refused: UUID) -> None:
    send(visitor, refused, "contest/", statement=SAID)
    assert page(Client(), refused, "contest/").status_code == 404
    assert send(Client(), refused, "contest/end/").status_code == 404
    assert send(visitor, refused, "contest/end/").status_code == 302
    assert send(visitor, refused, "contest/end/").status_code == 302
    assert "Why do you disagree?" in shown(visitor, refused)
    with platform_scope():
        assert [one.state for one in DecisionReview.objects.all()] == ["withdrawn"]


def test_who_was_not_refused_has_nothing_to_contest(visitor: Client, transactional_db: None) -> None:
    world.champion()
    made = borrowers.begin(sandbox_id=world.sandbox().id)
    borrowers.answer(made, GOOD)
    borrowers.prove(made)
    with platform_scope(), pytest.raises(Blocked):
        contests.ask(application_id=made, statement=SAID, language="en", now=now())
    with platform_scope():
        assert not DecisionReview.objects.exists()


def test_an_overturned_refusal_waits_while_another_application_is_open(visitor: Client, refused: UUID) -> None:
    send(visitor, refused, "contest/", statement=SAID)
    decided(overturn=True)
    with platform_scope():
        bank_id = Application.objects.get(id=refused).sandbox_id
    other = borrowers.begin(sandbox_id=bank_id)
    borrowers.answer(other, GOOD)
    later = now() + timedelta(minutes=2)
    with platform_scope():
        services.send_code(application_id=other, phone=borrowers.PHONE, now=later)
    with platform_scope():
        services.prove_phone(application_id=other, digits=borrowers.code_of(other), now=later)
        assert cases.find_offers(application_id=other, now=later) == "matched"
    answer = send(visitor, refused, "contest/go-on/")
    assert (answer.status_code, state_of(refused)) == (409, "declined")
    assert f"/apply/{other}/" in answer.content.decode()
    with platform_scope():
        cases.withdraw(application_id=other, now=later)
    assert send(visitor, refused, "contest/go-on/").status_code == 302
    assert state_of(refused) == "matched"
