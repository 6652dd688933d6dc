"""A borrower in Chromium without JavaScript: from the landing page to the funded loan, in each of the three languages.

On every page and in every state axe looks for faults, nothing is wider than 320 px, and the browser has no complaint.
"""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from hub.clock import now
from hub.tenancy import platform_scope
from partners.referrals import facade as referrals
from partners.referrals.lender import Verdict
from risk.scoring import reviews
from risk.scoring.models import DecisionReview
from tests.acquisition.journey import world
from tests.acquisition.journey.borrowers import BAD, GOOD
from tests.journeys.conftest import Visitor
from tests.journeys.walks import NAME, Walk, accept, answer, begin, no_faults, prove
from tests.partners import referral_factory

LANGUAGES = [code for code, _ in settings.LANGUAGES]


@pytest.fixture(scope="session")
def plain_browser(browser: Browser) -> Browser:
    return browser


@pytest.fixture
def borrower(
    transactional_db: None, plain_browser: Browser, live_url: str, browser_thread: ThreadPoolExecutor
) -> Iterator[Visitor]:
    """A browser of a small telephone, with JavaScript off."""
    size = {"width": 320, "height": 640}
    made: Any = browser_thread.submit(
        lambda: plain_browser.new_context(java_script_enabled=False, viewport=size)  # type: ignore[arg-type]
    ).result(60)
    yield Visitor(browser_thread, made, live_url, javascript=False)
    browser_thread.submit(made.close).result(60)


@pytest.fixture
def walk(borrower: Visitor) -> Callable[[str], Walk]:
    world.champion()
    return lambda language: Walk(borrower, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_from_the_landing_page_to_the_funded_loan(walk: Callable[[str], Walk], language: str) -> None:
    one, bank = walk(language), world.sandbox(lenders=3)
    one.visitor.open(f"/apply/?lang={language}")
    one.visitor.open("/")
    one.look("landing")
    one.follow("Apply for a loan")
    one.heading("Apply for a loan")
    made = begin(one, bank)
    answer(one, GOOD, badly=True)
    prove(one, made)
    one.heading("Check your answers")
    one.look("review")
    one.follow("Save and come back later")
    one.look("save")
    one.follow("Back")
    one.press("See my offers")
    one.heading("Your offers")
    one.look("offers")
    referral = accept(one, made)
    dearer = referral_factory.same_terms(referral, annual_rate_percent=referral.terms.annual_rate_percent + 4)
    referral_factory.decide(referral, Verdict("counter_offer", dearer))
    one.follow("Look again")
    one.heading("The lender offers other terms")
    one.look("counter")
    one.press("Accept the new terms")
    one.heading("Your contract")
    one.look("contract")
    one.press("Sign the contract")
    one.look("contract, without a name")
    one.fill({"typed_name": NAME})
    one.press("Sign the contract")
    one.heading("Signed")
    one.look("signed")
    with platform_scope():
        terms_hash = referrals.contract_view(application_id=made).terms_hash
    referral_factory.fund(referral, terms_hash)
    one.follow("Look again")
    one.heading("The loan is paid out")
    one.look("funded")
    no_faults(one)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_beside_the_way(walk: Callable[[str], Walk], language: str) -> None:
    one, bank = walk(language), world.sandbox(lenders=2)
    made = begin(one, bank)
    one.follow("Save and come back later")
    one.look("save without a number")
    one.follow("Back")
    answer(one, GOOD)
    prove(one, made)
    one.press("See my offers")
    first = accept(one, made)
    one.follow("Take my consent back and choose another lender")
    one.look("take back")
    one.press("Take it back")
    one.heading("Your offers")
    second = accept(one, made)
    assert second.id != first.id
    referral_factory.decide(second, Verdict("ask_for_more", codes=("payslip",)))
    one.follow("Look again")
    one.heading("The lender has a question")
    one.look("asked")
    referral_factory.decide(second, Verdict("decline", codes=("own_bureau_check",)))
    one.follow("Look again")
    one.heading("The lender said no")
    one.look("lender declined")
    one.visitor.open(f"/apply/{made}/income/")
    one.visitor.open(f"/apply/{made}/withdraw/")
    one.look("withdraw")
    one.press("Withdraw it")
    one.heading("This application has ended")
    one.look("closed")
    assert one.visitor.open("/apply/resume/nonsense/") == 404
    one.look("broken link")
    assert one.visitor.open("/apply/01a207c9-674e-7f98-b623-22ad650e778b/") == 404
    one.look("not here")
    one.visitor.complaints = [said for said in one.visitor.complaints if "status of 404" not in said]
    no_faults(one)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_decline_and_a_second_application(walk: Callable[[str], Walk], language: str) -> None:
    one, bank = walk(language), world.sandbox(rules=[{"fact": "term", "op": "==", "value": 12, "code": "short"}])
    made = begin(one, bank)
    answer(one, BAD)
    prove(one, made)
    one.press("See my offers")
    one.heading("No offer this time")
    one.look("declined")
    reasons = one.visitor.run(lambda page: page.locator(".reasons li").count())
    assert 1 <= reasons <= 4
    contest(one)
    one.visitor.open(f"/apply/{made}/withdraw/")
    one.press("Withdraw it")
    made = begin(one, bank)
    answer(one, GOOD)
    prove(one, made, "9123 9999")
    one.press("See my offers")
    one.heading("No offer this time")
    one.look("no product fits")
    third = begin(one, bank)
    answer(one, GOOD)
    one.fill({"phone": "9123 9999"})
    one.press("Continue")
    one.heading("A code is on its way")
    one.look("too soon")
    assert third != made
    one.visitor.complaints = [said for said in one.visitor.complaints if "status of 429" not in said]
    no_faults(one)


def contest(one: Walk) -> None:
    """Look at how it was decided, ask for a person, and go on to lenders once the refusal is lifted."""
    one.follow("How this decision was made")
    one.heading("How this decision was made")
    one.look("decision")
    one.follow("Back")
    one.follow("Let a person look again")
    one.look("contest")
    one.press("Send it")
    one.look("contest, empty")
    one.fill({"statement": "The debt of 250,000 was paid back last week."})
    one.press("Send it")
    one.heading("A person looks at it again")
    one.look("contested")
    with platform_scope():
        asked, officer = DecisionReview.objects.get(ended_at=None), uuid4()
        reviews.take_review(review_id=asked.id, user_id=officer, now=now())
        reviews.decide_review(
            review_id=asked.id, overturn=True, reason="The bank confirms that the debt is paid.", user_id=officer,
            now=now(), instalment_max=Decimal(1000),
        )  # fmt: skip
    one.visitor.open(f"/apply/{one.application()}/contest/")
    one.heading("The refusal was lifted")
    one.look("overturned")
    one.press("See my offers")
    one.look("after the refusal was lifted")


def test_the_link_on_another_device(
    walk: Callable[[str], Walk], plain_browser: Browser, browser_thread: ThreadPoolExecutor
) -> None:
    one, bank = walk("en"), world.sandbox()
    made = begin(one, bank)
    answer(one, GOOD)
    prove(one, made)
    one.follow("Save and come back later")
    link = one.visitor.run(lambda page: page.get_by_label("Your link").input_value())
    path = link[link.index("/apply/") :]
    context: Any = browser_thread.submit(lambda: plain_browser.new_context(java_script_enabled=False)).result(60)
    other = Walk(Visitor(browser_thread, context, one.visitor.url, javascript=False), "en")
    other.visitor.open(path)
    other.look("resume")
    other.press("Send the code")  # too soon: the first one went out a moment ago
    other.heading("A code is on its way")
    other.look("too soon")
    assert other.visitor.open(f"/apply/{made}/review/") == 404
    browser_thread.submit(context.close).result(60)
    other.visitor.complaints = [
        said for said in other.visitor.complaints if re.search("status of (404|429)", said) is None
    ]
    no_faults(other)


def test_the_keyboard_is_enough(walk: Callable[[str], Walk]) -> None:
    one, bank = walk("en"), world.sandbox()
    begin(one, bank)

    def type_it(page: Page) -> None:
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.locator("a.back")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.get_by_label("Amount in Hong Kong dollars")).to_be_focused()
        page.keyboard.type("60,000")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="What is the loan for?")).to_be_visible()
        page.keyboard.press("Alt+ArrowLeft")

    one.visitor.run(type_it)
    assert borrowers_amount(one.application()) == (60_000, 24)
    one.visitor.open(f"/apply/{one.application()}/purpose/")
    one.press("Continue")

    def jump(page: Page) -> None:
        page.get_by_role("link", name="Choose one of these.").press("Enter")
        page.keyboard.press("Space")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Your work")).to_be_visible()

    one.visitor.run(jump)


def borrowers_amount(application_id: UUID) -> tuple[int | None, int | None]:
    from acquisition.journey.models import Application

    with platform_scope():
        answers = Application.objects.get(id=application_id).draft().answers
    return answers.amount, answers.term
