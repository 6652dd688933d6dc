"""The pages up to the score: each step taken well and badly, out of turn, in a second tab, again, and by a link."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from django.test import Client

from acquisition.journey import links
from acquisition.journey.answers import STEPS
from acquisition.journey.models import Application
from hub.clock import now
from hub.tenancy import platform_scope
from tests.acquisition.journey import borrowers
from tests.acquisition.journey.borrowers import GOOD, page, send
from tests.factories import make_institution

pytestmark = pytest.mark.django_db(transaction=True)
NEXT = dict(zip(STEPS, [*(f"{step}/" for step in list(STEPS)[1:]), ""], strict=True))
FAULTS = [
    ("amount", {"amount": "4999", "term": "24"}, "amount", "between 5,000 and 800,000"),
    ("amount", {"amount": "12000", "term": ""}, "term", "Choose one of these."),
    ("amount", {"amount": "12000", "term": "13"}, "term", "Choose one of these."),
    ("purpose", {}, "purpose", "Choose one of these."),
    ("work", {"employment": "salaried", "employment_years": "long"}, "employment_years", "number in digits"),
    ("work", {"employment": "salaried", "employment_years": "1.55"}, "employment_years", "one decimal"),
    ("housing", {"housing": "castle"}, "housing", "Choose one of these."),
    ("housing", {"housing": "rent", "essential_spending": ""}, "essential_spending", "needs an answer"),
    ("housing", {"housing": "rent", "essential_spending": "1.5"}, "essential_spending", "whole number"),
    ("income", {"monthly_income": "0"}, "monthly_income", "between 1 and"),
    ("income", {"monthly_income": "-5"}, "monthly_income", "number in digits"),
    ("debts", {"existing_debt": "", "monthly_payments": "1"}, "existing_debt", "needs an answer"),
    ("debts", {"existing_debt": "1", "monthly_payments": "1", "card_utilisation": "201"}, "card_utilisation",
     "between 0 and 200"),
    ("history", {"open_accounts": "1.5", "inquiries_6m": "0", "delinquencies_24m": "0"}, "open_accounts",
     "whole number"),
]  # fmt: skip


@pytest.fixture
def visitor() -> Client:
    return Client()


def start(visitor: Client, path: str = "/apply/") -> UUID:
    """Start on the first page and agree."""
    answer = visitor.post(path)
    assert answer.status_code == 302
    found = re.fullmatch(r"/apply/([0-9a-f-]{36})/consent/", answer["Location"])
    assert found
    made = UUID(found[1])
    assert send(visitor, made, "consent/", agree="on")["Location"] == f"/apply/{made}/amount/"
    return made


def fields(step: str) -> dict[str, Any]:
    return {field: GOOD[field] for field in STEPS[step]}


def answer_all(visitor: Client, made: UUID) -> None:
    for step in STEPS:
        assert send(visitor, made, f"{step}/", **fields(step)).status_code == 302


def prove(visitor: Client, made: UUID, phone: str = "9123 4567") -> Any:
    assert send(visitor, made, "phone/", phone=phone)["Location"] == f"/apply/{made}/code/"
    return send(visitor, made, "code/", code=borrowers.code_of(made))


def told(response: Any) -> list[tuple[str, str]]:
    """Return (anchor, sentence) of the summary of faults."""
    text = response.content.decode()
    return re.findall(r'<li><a href="#([^"]+)">([^<]+)</a></li>', text)


def test_who_we_are_stands_first_and_starting_makes_nothing_before_the_button(visitor: Client) -> None:
    first = visitor.get("/apply/")
    assert first.status_code == 200
    assert "How we are paid" in first.content.decode()
    assert first["Cache-Control"].count("no-store") == 1
    with platform_scope():
        assert Application.objects.count() == 0


def test_every_step_leads_to_the_next_and_shows_its_place(visitor: Client) -> None:
    made = start(visitor)
    for number, (step, following) in enumerate(NEXT.items(), start=2):
        shown = page(visitor, made, f"{step}/").content.decode()
        assert f"Step {number} of 10" in shown
        assert f'<progress aria-labelledby="step" max="10" value="{number}">' in shown
        assert send(visitor, made, f"{step}/", **fields(step))["Location"] == f"/apply/{made}/{following}"
    assert page(visitor, made)["Location"] == f"/apply/{made}/phone/"
    assert prove(visitor, made)["Location"] == f"/apply/{made}/"
    assert page(visitor, made)["Location"] == f"/apply/{made}/review/"
    review = page(visitor, made, "review/").content.decode()
    assert "60,000" in review
    assert f"/apply/{made}/income/" in review


@pytest.mark.parametrize(("step", "data", "field", "sentence"), FAULTS)
def test_what_is_wrong_is_named_and_linked_to_its_field(
    visitor: Client, step: str, data: dict[str, str], field: str, sentence: str
) -> None:
    made = start(visitor)
    for before in list(STEPS)[: list(STEPS).index(step)]:
        send(visitor, made, f"{before}/", **fields(before))
    refusal = send(visitor, made, f"{step}/", **data)
    assert refusal.status_code == 422
    faults = dict(told(refusal))
    [anchor] = [one for one in faults if one.startswith(f"id_{field}")]
    assert sentence in faults[anchor]
    text = refusal.content.decode()
    assert f'id="{anchor}"' in text
    assert "<title>Error: " in text
    with platform_scope():
        assert step not in Application.objects.get(id=made).draft().done


def test_numbers_are_read_as_people_write_them(visitor: Client) -> None:
    made = start(visitor)
    send(visitor, made, "amount/", amount="６０,000", term="24")
    with platform_scope():
        assert Application.objects.get(id=made).draft().answers.amount == 60_000
    assert 'value="60000"' in page(visitor, made, "amount/").content.decode()


def test_without_the_consent_nothing_goes_on(visitor: Client) -> None:
    made = UUID(visitor.post("/apply/")["Location"].split("/")[2])
    refusal = send(visitor, made, "consent/")
    assert refusal.status_code == 422
    assert told(refusal) == [("id_agree", "Without your consent we cannot go on. Tick the box if you agree.")]
    assert page(visitor, made, "amount/")["Location"] == f"/apply/{made}/consent/"
    assert send(visitor, made, "amount/", **fields("amount")).status_code == 409


def test_nobody_jumps_ahead(visitor: Client) -> None:
    made = start(visitor)
    for name in ("income/", "review/"):
        assert page(visitor, made, name)["Location"] == f"/apply/{made}/amount/"
    assert page(visitor, made, "offers/").status_code == 404
    assert send(visitor, made, "review/")["Location"] == f"/apply/{made}/amount/"


def test_an_answer_can_be_changed_from_the_review(visitor: Client) -> None:
    made = start(visitor)
    answer_all(visitor, made)
    prove(visitor, made)
    assert send(visitor, made, "income/", monthly_income="50000")["Location"] == f"/apply/{made}/"
    assert "50,000" in page(visitor, made, "review/").content.decode()


def test_a_second_tab_writes_over_and_breaks_nothing(visitor: Client) -> None:
    made = start(visitor)
    send(visitor, made, "amount/", amount="10000", term="12")
    send(visitor, made, "purpose/", **fields("purpose"))
    send(visitor, made, "amount/", amount="20000", term="12")  # the older tab, sent again
    with platform_scope():
        draft = Application.objects.get(id=made).draft()
    assert (draft.answers.amount, draft.answers.purpose, draft.done) == (20_000, "tax", ("amount", "purpose"))


def test_another_browser_finds_nothing(visitor: Client) -> None:
    made = start(visitor)
    for stranger, path in ((Client(), f"/apply/{made}/amount/"), (visitor, f"/apply/{uuid4()}/amount/")):
        answer = stranger.get(path)
        assert answer.status_code == 404
        assert "Not open in this browser" in answer.content.decode()
    assert Client().post(f"/apply/{made}/amount/", fields("amount")).status_code == 404
    with platform_scope():
        assert Application.objects.get(id=made).draft().done == ()


def test_a_wrong_code_is_told_and_counted(visitor: Client) -> None:
    made = start(visitor)
    answer_all(visitor, made)
    send(visitor, made, "phone/", phone="91234567")
    wrong = f"{(int(borrowers.code_of(made)) + 1) % 10**6:06d}"
    for _ in range(5):
        refusal = send(visitor, made, "code/", code=wrong)
        assert refusal.status_code == 422
        assert told(refusal)[0][0] == "id_code"
    spent = send(visitor, made, "code/", code=borrowers.code_of(made))
    assert "no longer good" in told(spent)[0][1]
    assert told(send(visitor, made, "code/", code="12"))[0][1] == "The code has six digits."


@pytest.mark.parametrize("phone", ["", "12345678", "+0", "9123", "call me"])
def test_a_wrong_number_is_told(visitor: Client, phone: str) -> None:
    made = start(visitor)
    answer_all(visitor, made)
    refusal = send(visitor, made, "phone/", phone=phone)
    assert (refusal.status_code, told(refusal)[0][0]) == (422, "id_phone")


def test_too_many_codes_are_explained(visitor: Client) -> None:
    made = start(visitor)
    answer_all(visitor, made)
    send(visitor, made, "phone/", phone="91234567")
    refusal = send(visitor, made, "phone/", phone="91234567")
    assert refusal.status_code == 429
    assert "A code is on its way" in refusal.content.decode()


def test_the_session_key_changes_once_the_number_is_proved(visitor: Client) -> None:
    made = start(visitor)
    answer_all(visitor, made)
    before = visitor.session.session_key
    prove(visitor, made)
    assert visitor.session.session_key != before
    old = Client()
    old.cookies["sessionid"] = str(before)
    assert page(old, made, "review/").status_code == 404


def test_a_link_opens_nothing_without_the_code(visitor: Client) -> None:
    made = start(visitor)
    answer_all(visitor, made)
    prove(visitor, made)
    saved = page(visitor, made, "save/").content.decode()
    found = re.search(r"(/apply/resume/[^\"]+/)", saved)
    assert found
    path = found[1].replace("&quot;", '"')
    assert visitor.get(path)["Location"] == f"/apply/{made}/"
    other = Client()
    asked = other.get(path)
    assert "ending in 67" in asked.content.decode()
    assert page(other, made, "review/").status_code == 404
    assert other.post(path, {"send": "1"}).status_code == 429  # the first code went out a moment ago
    with time_machine.travel(now() + timedelta(seconds=40), tick=True):
        assert other.post(path, {"send": "1"}).status_code == 302
        assert other.post(path, {"code": "000000"}).status_code in (302, 422)
        assert page(other, made, "review/").status_code == 404
        assert other.post(path, {"code": borrowers.code_of(made)})["Location"] == f"/apply/{made}/"
        assert page(other, made, "review/").status_code == 200


def test_an_old_or_broken_link_explains_itself(visitor: Client) -> None:
    made = start(visitor)
    prove(visitor, made)
    token, ends = links.make(application_id=made, now=now() - links.LIFE)
    assert ends <= now()
    broken = links.make(application_id=made, now=now())[0][:-2] + "xx"
    for bad in (token, broken, "nonsense"):
        answer = Client().get(f"/apply/resume/{bad}/")
        assert answer.status_code == 404
        assert "This link does not work" in answer.content.decode()


def test_a_link_needs_a_proved_number_first(visitor: Client) -> None:
    made = start(visitor)
    saved = page(visitor, made, "save/").content.decode()
    assert "resume" not in saved
    assert f"/apply/{made}/phone/" in saved
    prove(visitor, made)
    assert "/apply/resume/" in page(visitor, made, "save/").content.decode()
    assert page(visitor, made)["Location"] == f"/apply/{made}/amount/"


def test_the_language_is_chosen_by_the_link_and_kept(visitor: Client) -> None:
    answer = visitor.get("/apply/?lang=zh-hant")
    assert answer["Location"] == "/apply/"
    assert "申請貸款" in visitor.get("/apply/").content.decode()
    made = start(visitor)
    with platform_scope():
        row = Application.objects.get(id=made)
    assert (row.language, row.consent_version) == ("zh-hant", "scoring-3/zh-hant")
    assert visitor.get("/apply/?lang=xx").status_code == 200


def test_a_sandbox_is_a_world_of_its_own(visitor: Client) -> None:
    world = make_institution()
    assert "This is a sandbox" in visitor.get(f"/apply/sandbox/{world.id}/").content.decode()
    made = start(visitor, f"/apply/sandbox/{world.id}/")
    with platform_scope():
        assert Application.objects.get(id=made).sandbox_id == world.id
    for stranger in (uuid4(), make_institution(sandbox=False).id):
        assert visitor.get(f"/apply/sandbox/{stranger}/").status_code == 404
        assert visitor.post(f"/apply/sandbox/{stranger}/").status_code == 404


def test_forms_from_elsewhere_are_refused() -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/apply/").status_code == 403
    with platform_scope():
        assert Application.objects.count() == 0


def test_the_landing_page_offers_it(visitor: Client) -> None:
    assert 'href="/apply/"' in visitor.get("/").content.decode()
