"""The pages from the score to the funded loan, with a lender who decides by his own services."""

import re
import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.db import connections
from django.test import Client

from acquisition.journey.models import Application, OneTimeCode
from hub.clock import now
from hub.tenancy import platform_scope, tenant_scope
from partners.institutions.facade import advance_clock
from partners.institutions.queries import InstitutionView
from partners.referrals import facade as referrals
from partners.referrals.lender import Verdict
from partners.referrals.models import Case, Referral
from partners.referrals.shapes import ReferralView
from tests.acquisition.journey import borrowers, world
from tests.acquisition.journey.borrowers import BAD, GOOD, page, send
from tests.partners import referral_factory

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "Chan Siu Ming"


@pytest.fixture(autouse=True)
def _champion(transactional_db: None) -> None:
    world.champion()


@pytest.fixture
def visitor() -> Client:
    return Client()


def reviewed(visitor: Client, bank: InstitutionView, answers: dict[str, Any] | None = None) -> UUID:
    """Bring an application to its review in this browser."""
    made = UUID(visitor.post(f"/apply/sandbox/{bank.id}/")["Location"].split("/")[2])
    send(visitor, made, "consent/", agree="on")
    borrowers.answer(made, answers or GOOD)
    with platform_scope():
        for code in OneTimeCode.objects.all():
            OneTimeCode.objects.filter(id=code.id).update(sent_at=code.sent_at - timedelta(minutes=1))
    send(visitor, made, "phone/", phone="91234567")
    send(visitor, made, "code/", code=borrowers.code_of(made))
    return made


def offered(visitor: Client, bank: InstitutionView) -> UUID:
    """Bring an application to its offers."""
    made = reviewed(visitor, bank)
    assert send(visitor, made, "review/")["Location"] == f"/apply/{made}/"
    assert page(visitor, made)["Location"] == f"/apply/{made}/offers/"
    return made


def case(made: UUID) -> referrals.CaseView:
    with platform_scope():
        return referrals.case_view(application_id=made)


def accept(visitor: Client, made: UUID, at: int = 0) -> ReferralView:
    """Accept an offer on its page."""
    answer = send(visitor, made, f"offers/{case(made).offers[at].id}/", name=NAME, agree="on")
    assert answer.status_code == 302
    referral = case(made).referral
    assert referral is not None
    return referral


def sign(visitor: Client, made: UUID, **changes: str) -> Any:
    shown = page(visitor, made, "contract/").content.decode()
    found = re.search(r'name="terms_hash" value="([0-9a-f]{64})"', shown)
    assert found
    return send(visitor, made, "contract/", **{"typed_name": NAME, "terms_hash": found[1], **changes})


def counter_shown(visitor: Client, made: UUID) -> str:
    """Return what the page of the counter-offer says of whose terms it shows."""
    found = re.search(r'name="referral" value="([0-9a-f-]{36})"', page(visitor, made, "counter/").content.decode())
    assert found
    return found[1]


def answer_counter(visitor: Client, made: UUID, answer: str) -> None:
    send(visitor, made, "counter/", answer=answer, referral=counter_shown(visitor, made))


def heading(response: Any) -> str:
    found = re.search(r"<h1>(.*?)</h1>", response.content.decode(), re.DOTALL)
    assert found
    return found[1].strip()


def text(response: Any) -> str:
    return str(response.content.decode()).replace("\xa0", " ")


def test_the_whole_way(visitor: Client) -> None:
    made = offered(visitor, world.sandbox())
    offers = text(page(visitor, made, "offers/"))
    first, second = case(made).offers
    assert offers.index(f"HKD {first.terms.total_cost:,.2f}") < offers.index(f"HKD {second.terms.total_cost:,.2f}")
    for shown in (f"{first.terms.apr_percent:.2f}%", f"HKD {first.terms.instalment:,.2f}", first.institution_name):
        assert shown in offers
    share = text(page(visitor, made, f"offers/{first.id}/"))
    assert f"costs you HKD {first.terms.total_cost:,.2f} in all" in share
    referral = accept(visitor, made)
    assert page(visitor, made)["Location"] == f"/apply/{made}/lender/"
    assert heading(page(visitor, made, "lender/")) == "The lender decides"
    referral_factory.approve(referral)
    assert page(visitor, made)["Location"] == f"/apply/{made}/contract/"
    contract = text(page(visitor, made, "contract/"))
    assert f"HKD {referral.terms.total_payable:,.2f}" in contract
    assert sign(visitor, made)["Location"] == f"/apply/{made}/"
    signed = page(visitor, made, "lender/")
    assert heading(signed) == "Signed"
    with platform_scope():
        terms_hash = referrals.contract_view(application_id=made).terms_hash
    assert terms_hash in text(signed)
    referral_factory.fund(referral, terms_hash)
    assert heading(page(visitor, made, "lender/")) == "The loan is paid out"
    assert send(visitor, made, "withdraw/").status_code == 409


def test_the_lender_receives_name_and_number_under_his_own_key(visitor: Client) -> None:
    bank = world.sandbox()
    accept(visitor, offered(visitor, bank))
    with platform_scope():
        row = Referral.objects.select_related("person").get()
        assert row.person.institution_id == bank.id
        package = row.person.open(bytes(row.package), place=Referral.place(row.id)).decode()
    assert NAME in package
    assert borrowers.PHONE in package


def test_a_decline_shows_its_true_reasons_and_no_lender_learns_of_it(visitor: Client) -> None:
    made = reviewed(visitor, world.sandbox(), BAD)
    send(visitor, made, "review/")
    assert page(visitor, made)["Location"] == f"/apply/{made}/declined/"
    declined = text(page(visitor, made, "declined/"))
    [listed] = re.findall(r'<ul class="reasons">(.*?)</ul>', declined, re.DOTALL)
    assert 1 <= listed.count("<li>") <= 4
    assert "card" in listed
    assert "A person then looks at the decision again" in declined
    assert str(made) in declined
    with platform_scope():
        assert Case.objects.count() == 0
    assert send(visitor, made, "review/")["Location"] == f"/apply/{made}/"


def test_no_fitting_product_shows_the_reasons_of_the_policies(visitor: Client) -> None:
    rules = [{"fact": "monthly_income", "op": ">=", "value": 90_000, "code": "income_floor"}]
    made = offered(visitor, world.sandbox(rules=rules))
    shown = page(visitor, made, "offers/")
    assert heading(shown) == "No offer this time"
    assert "Your monthly income is outside what this lender asks for." in text(shown)
    assert send(visitor, made, "offers/again/")["Location"] == f"/apply/{made}/offers/"


def test_no_room_is_no_fault_of_the_applicant(visitor: Client) -> None:
    made = offered(visitor, world.sandbox(caps={"cap_amount": "1000"}))
    shown = text(page(visitor, made, "offers/"))
    assert "no lender has room" in shown
    assert 'class="reasons"' not in shown


def test_sharing_needs_name_and_consent(visitor: Client) -> None:
    made = offered(visitor, world.sandbox())
    refusal = send(visitor, made, f"offers/{case(made).offers[0].id}/", name="")
    assert refusal.status_code == 422
    assert re.findall(r'<li><a href="#([^"]+)">', text(refusal)) == ["id_name", "id_agree"]
    assert case(made).referral is None


def test_a_second_tab_accepts_no_second_offer(visitor: Client) -> None:
    made = offered(visitor, world.sandbox())
    accept(visitor, made)
    second = send(visitor, made, f"offers/{case(made).offers[1].id}/", name=NAME, agree="on")
    assert second.status_code == 409
    assert heading(second) == "This offer is gone"
    with platform_scope():
        assert Referral.objects.count() == 1


def test_twenty_tabs_accept_one_offer(visitor: Client) -> None:
    """Acceptance 4, on the pages: of many tabs that accept at once, one does it and the others are told why not."""
    made = offered(visitor, world.sandbox())
    offers, answers = case(made).offers, []

    def tab(at: int) -> None:
        one = Client()
        one.cookies.load({name: cookie.value for name, cookie in visitor.cookies.items()})
        try:
            answers.append(send(one, made, f"offers/{offers[at % 2].id}/", name=NAME, agree="on").status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=tab, args=(at,)) for at in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [302, *[409] * 19]
    with platform_scope():
        assert Referral.objects.count() == 1


def test_a_second_application_of_the_person_is_explained(visitor: Client) -> None:
    bank = world.sandbox()
    first = offered(visitor, bank)
    second = reviewed(visitor, bank)
    answer = send(visitor, second, "review/")
    assert answer.status_code == 409
    assert heading(answer) == "You have an open application already"
    assert f"/apply/{first}/" in text(answer)
    with platform_scope():
        assert Application.objects.get(id=second).state == "draft"
        assert Application.objects.get(id=second).decision_id is None
    assert send(visitor, first, "withdraw/")["Location"] == f"/apply/{first}/"
    assert send(visitor, second, "review/").status_code == 302
    assert heading(page(visitor, first, "closed/")) == "This application has ended"


def test_without_a_model_the_answers_are_kept(visitor: Client) -> None:
    from risk.scoring.models import ModelVersion

    made = reviewed(visitor, world.sandbox())
    with platform_scope():
        ModelVersion.objects.filter(state="champion").update(state="retired")
    answer = send(visitor, made, "review/")
    assert answer.status_code == 409
    assert "We cannot work out scores at the moment" in text(answer)
    assert page(visitor, made, "review/").status_code == 200


def test_a_counter_offer_is_taken_or_turned_down(visitor: Client) -> None:
    bank = world.sandbox()
    made = offered(visitor, bank)
    referral = accept(visitor, made)
    dearer = referral_factory.same_terms(referral, annual_rate_percent=referral.terms.annual_rate_percent + 5)
    referral_factory.decide(referral, Verdict("counter_offer", dearer))
    assert page(visitor, made)["Location"] == f"/apply/{made}/counter/"
    shown = text(page(visitor, made, "counter/"))
    assert heading(page(visitor, made, "counter/")) == "The lender offers other terms"
    assert f"instead of HKD {referral.terms.total_cost:,.2f}" in shown
    assert page(visitor, made, "contract/")["Location"] == f"/apply/{made}/"
    answer_counter(visitor, made, "decline")
    assert page(visitor, made)["Location"] == f"/apply/{made}/offers/"
    again = accept(visitor, made, at=1)
    dearer = referral_factory.same_terms(again, annual_rate_percent=again.terms.annual_rate_percent + 5)
    referral_factory.decide(again, Verdict("counter_offer", dearer))
    answer_counter(visitor, made, "accept")
    assert page(visitor, made)["Location"] == f"/apply/{made}/contract/"
    assert send(visitor, made, "counter/", answer="decline")["Location"] == f"/apply/{made}/"


def test_a_tab_with_another_lenders_terms_answers_nothing(visitor: Client) -> None:
    made = offered(visitor, world.sandbox())
    for at in range(2):
        referral = accept(visitor, made, at=at)
        dearer = referral_factory.same_terms(referral, annual_rate_percent=referral.terms.annual_rate_percent + 5)
        referral_factory.decide(referral, Verdict("counter_offer", dearer))
        if at == 0:
            left_open = counter_shown(visitor, made)
            answer_counter(visitor, made, "decline")
    for answer in ("accept", "decline"):
        assert send(visitor, made, "counter/", answer=answer, referral=left_open).status_code == 409
        assert send(visitor, made, "counter/", answer=answer).status_code == 409
    assert page(visitor, made)["Location"] == f"/apply/{made}/counter/"


def test_the_lenders_refusal_is_his_own(visitor: Client) -> None:
    made = offered(visitor, world.sandbox())
    referral = accept(visitor, made)
    referral_factory.decide(referral, Verdict("decline", codes=("own_bureau_check",)))
    shown = page(visitor, made, "lender/")
    assert heading(shown) == "The lender said no"
    assert "own_bureau_check" in text(shown)
    assert send(visitor, made, "offers/again/")["Location"] == f"/apply/{made}/offers/"
    assert page(visitor, made, "offers/").status_code == 200


def test_the_lenders_question_is_shown(visitor: Client) -> None:
    made = offered(visitor, world.sandbox())
    referral_factory.decide(accept(visitor, made), Verdict("ask_for_more", codes=("payslip",)))
    shown = page(visitor, made, "lender/")
    assert heading(shown) == "The lender has a question"
    assert "payslip" in text(shown)


def test_the_consent_is_taken_back_and_another_lender_chosen(visitor: Client) -> None:
    made = offered(visitor, world.sandbox())
    accept(visitor, made)
    assert "may no longer use your application" in text(page(visitor, made, "take-back/"))
    assert send(visitor, made, "take-back/")["Location"] == f"/apply/{made}/"
    assert page(visitor, made)["Location"] == f"/apply/{made}/offers/"
    assert accept(visitor, made, at=1).state == "created"


def test_an_offer_past_its_time_goes_back(visitor: Client) -> None:
    bank = world.sandbox()
    made = offered(visitor, bank)
    accept(visitor, made)
    with platform_scope():
        assert referrals.expire_due(sandbox_id=bank.id, now=now() + timedelta(days=15)) == 1
    assert heading(page(visitor, made, "lender/")) == "Time ran out"


def test_only_the_shown_terms_are_signed_and_only_by_the_name(visitor: Client) -> None:
    made = offered(visitor, world.sandbox())
    referral_factory.approve(accept(visitor, made))
    other = sign(visitor, made, typed_name="Somebody Else")
    assert other.status_code == 422
    assert 'href="#id_typed_name"' in text(other)
    assert sign(visitor, made, typed_name="").status_code == 422
    assert sign(visitor, made, terms_hash="0" * 64).status_code == 409
    with platform_scope():
        assert referrals.contract_view(application_id=made).signed_at is None
    assert sign(visitor, made, typed_name="  chan  siu MING ").status_code == 302
    assert send(visitor, made, "contract/", typed_name=NAME, terms_hash="0" * 64)["Location"] == f"/apply/{made}/"


def test_a_contract_past_its_time_is_not_signed(visitor: Client) -> None:
    """The time is that of the application's world: a sandbox may be ahead."""
    bank = world.sandbox()
    made = offered(visitor, bank)
    referral_factory.approve(accept(visitor, made))
    with platform_scope():
        terms_hash = referrals.contract_view(application_id=made).terms_hash
    page(visitor, made, "contract/")
    with tenant_scope(bank.id):
        advance_clock(institution_id=bank.id, advance_days=15, to=None, actor=world.ACTOR, now=now())
    answer = send(visitor, made, "contract/", typed_name=NAME, terms_hash=terms_hash)
    assert answer.status_code == 409
    with platform_scope():
        assert referrals.contract_view(application_id=made).signed_at is None


def test_what_was_sent_stays_as_it_is(visitor: Client) -> None:
    made = offered(visitor, world.sandbox())
    late = send(visitor, made, "income/", monthly_income="999999")
    assert late.status_code == 409
    assert heading(late) == "You sent this already"
    assert page(visitor, made, "income/")["Location"] == f"/apply/{made}/"
    assert send(visitor, made, "phone/", phone="91234567")["Location"] == f"/apply/{made}/"
    with platform_scope():
        assert Application.objects.get(id=made).draft().answers.monthly_income == 45_000


def test_another_persons_offer_is_unknown(visitor: Client) -> None:
    bank = world.sandbox()
    mine = offered(visitor, bank)
    stranger = Client()
    made = UUID(stranger.post(f"/apply/sandbox/{bank.id}/")["Location"].split("/")[2])
    send(stranger, made, "consent/", agree="on")
    borrowers.answer(made, GOOD)
    send(stranger, made, "phone/", phone="98765432")
    send(stranger, made, "code/", code=borrowers.code_of(made))
    send(stranger, made, "review/")
    foreign = case(mine).offers[0].id
    assert send(stranger, made, f"offers/{foreign}/", name=NAME, agree="on").status_code == 404
    assert page(stranger, mine, "offers/").status_code == 404
    assert case(mine).referral is None


@pytest.mark.parametrize("language", ["zh-hant", "zh-hans"])
def test_the_same_in_chinese(visitor: Client, language: str) -> None:
    visitor.get(f"/apply/?lang={language}")
    made = offered(visitor, world.sandbox())
    referral = accept(visitor, made)
    referral_factory.approve(referral)
    with time_machine.travel(now(), tick=True):
        assert sign(visitor, made).status_code == 302
    assert f'lang="{language}"' in text(page(visitor, made, "lender/"))
    with platform_scope():
        row = Application.objects.get(id=made)
    assert row.consent_version == f"scoring-3/{language}"
