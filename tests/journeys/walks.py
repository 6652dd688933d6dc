"""A borrower's way through the pages, step by step, as a person goes it."""

import re
from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext
from playwright.sync_api import Locator, Page, expect

from acquisition.journey.answers import STEPS
from hub.tenancy import platform_scope
from partners.institutions.queries import InstitutionView
from partners.referrals import facade as referrals
from partners.referrals.facade import ReferralView
from tests.acquisition.journey import borrowers
from tests.journeys.conftest import Visitor

NAME = "Chan Siu Ming"
CHOICES = ("term", "purpose", "employment", "housing")
Told = dict[str, list[str]]


class Walk:
    """One borrower's way; what was wrong on each page is kept by its name, unless nobody looks."""

    looked_at: ClassVar[set[tuple[str, str]]] = set()

    def __init__(self, visitor: Visitor, language: str, *, looks: bool = True) -> None:
        self.visitor, self.language, self.looks = visitor, language, looks
        self.faults: Told = {}

    def say(self, message: str) -> str:
        """Return a sentence as this borrower reads it."""
        with translation.override(self.language):
            return gettext(message)

    def look(self, name: str) -> None:
        """Look for faults of the page as it stands; once for each name and language, for it takes a second."""
        if not self.looks or (self.language, name) in self.looked_at:
            return
        self.looked_at.add((self.language, name))
        found = self.visitor.faults()
        hidden = self.visitor.run(_hidden)
        self.faults[name] = [*found, *([f"{hidden} px wider than the window"] if hidden else [])]
        assert self.visitor.run(lambda page: page.locator("html").get_attribute("lang")) == self.language

    def press(self, message: str) -> None:
        """Press the button of this name."""
        name = self.say(message)
        self.go(lambda page: page.get_by_role("button", name=name, exact=True))

    def follow(self, message: str) -> None:
        """Follow the first link of this name."""
        name = self.say(message)
        self.go(lambda page: page.get_by_role("link", name=name).first)

    def go(self, find: Callable[[Page], Locator]) -> None:
        """Click what leads to a page, and wait for it: a click alone does not."""

        def visit(page: Page) -> None:
            with page.expect_navigation():
                find(page).click()

        self.visitor.run(visit)

    def heading(self, message: str) -> None:
        """Expect this heading."""
        name = self.say(message)
        self.visitor.run(lambda page: expect(page.get_by_role("heading", level=1, name=name)).to_be_visible())

    def fill(self, answers: dict[str, Any]) -> None:
        """Fill fields in by their names, and choose among the radio buttons."""

        def visit(page: Page) -> None:
            for field, value in answers.items():
                if field in CHOICES:
                    page.locator(f"input[name={field}][value='{value}']").check()
                else:
                    page.locator(f"[name={field}]").fill(f"{value:g}" if isinstance(value, float) else str(value))

        self.visitor.run(visit)

    def application(self) -> UUID:
        """The application of the open page."""
        found = re.search(r"/apply/([0-9a-f-]{36})/", self.visitor.run(lambda page: page.url))
        assert found
        return UUID(found[1])


def _hidden(page: Page) -> int:
    """How many px of the page's width lie outside the window."""
    # Scripts of the page are off; the browser's own are not.
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def begin(walk: Walk, bank: InstitutionView) -> UUID:
    """From the landing page into the application, in the walk's language."""
    walk.visitor.open(f"/apply/sandbox/{bank.id}/?lang={walk.language}")
    walk.look("start")
    walk.press("Start")
    walk.look("consent")
    walk.press("Continue")
    walk.look("consent, not given")
    walk.visitor.run(lambda page: page.locator("input[name=agree]").check())
    walk.press("Continue")
    return walk.application()


def answer(walk: Walk, answers: dict[str, Any], *, badly: bool = False) -> None:
    """Go through the questions; with `badly` send each page empty first."""
    for step, fields in STEPS.items():
        walk.look(step)
        if badly:
            walk.press("Continue")
            walk.look(f"{step}, empty")
        walk.fill({field: answers[field] for field in fields})
        walk.press("Continue")


def prove(walk: Walk, made: UUID, phone: str = "9123 4567") -> None:
    """Give the number, a wrong code, and the one that came."""
    walk.look("phone")
    walk.fill({"phone": phone})
    walk.press("Continue")
    walk.look("code")
    walk.fill({"code": "12"})
    walk.press("Continue")
    walk.look("code, wrong")
    walk.fill({"code": borrowers.code_of(made)})
    walk.press("Continue")


def accept(walk: Walk, made: UUID, at: int = 0) -> ReferralView:
    """Choose an offer and share."""
    walk.go(lambda page: page.locator(".offers .button").nth(at))
    walk.look("share")
    walk.press("Accept the offer and share")
    walk.look("share, not agreed")
    walk.fill({"name": NAME})
    walk.visitor.run(lambda page: page.locator("input[name=agree]").check())
    walk.press("Accept the offer and share")
    walk.heading("The lender decides")
    walk.look("waiting")
    with platform_scope():
        referral = referrals.case_view(application_id=made).referral
    assert referral is not None
    return referral


def no_faults(walk: Walk) -> None:
    """Nothing was wrong anywhere, and the browser complains of refused forms alone."""
    faults = {name: found for name, found in walk.faults.items() if found}
    assert not faults, faults
    assert [one for one in walk.visitor.complaints if "status of 422" not in one and "status of 409" not in one] == []
