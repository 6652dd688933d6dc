"""The console in Chromium: every page without a complaint, its figures to be seen, its menus alive."""

from playwright.sync_api import Page, expect

from hub.accounts.policies import Role
from tests import console_world, people
from tests.journeys.conftest import Visitor

LISTS = [
    "hub/outboxevent", "hub/inboxentry", "hub/auditrow", "hub/consententry", "hub/datakey", "hub/brokerdead",
    "accounts/user", "institutions/institution", "institutions/client", "scoring/modelline", "scoring/modelversion",
    "scoring/decision", "learning/loanbook", "learning/trainingrun", "monitoring/alert", "monitoring/monitoringrun",
]  # fmt: skip
QUESTIONS = ["learning/loanbook/do/hand-in/", "institutions/institution/do/onboard/", "accounts/user/do/open/"]


def test_every_list_and_form_opens_without_a_complaint(visitor: Visitor) -> None:
    visitor.sign_in(people.make("chief@luopan.example", [Role.OPERATOR], admin=True))
    paths = ["", *(f"{name}/" for name in LISTS), *QUESTIONS]
    assert {path: visitor.open(f"/console/{path}") for path in paths} == dict.fromkeys(paths, 200)
    assert visitor.complaints == []


def test_every_row_opens_without_a_complaint(visitor: Visitor) -> None:
    world = console_world.make()
    chief = people.make("chief@luopan.example", [Role.OPERATOR], admin=True)
    visitor.sign_in(chief)
    rows = [
        f"scoring/modelline/{world.line_id}", f"scoring/modelversion/{world.version_id}",
        f"scoring/decision/{world.decision_id}", f"learning/loanbook/{world.book_id}",
        f"learning/trainingrun/{world.run_id}", f"institutions/institution/{world.institution_id}",
        f"accounts/user/{chief.id}",
    ]  # fmt: skip
    paths = [f"/console/{row}/change/" for row in rows]
    assert {path: visitor.open(path) for path in ["/console/", *paths]} == dict.fromkeys(["/console/", *paths], 200)
    assert visitor.complaints == []


def test_the_figures_can_be_seen(visitor: Visitor) -> None:
    world = console_world.make()
    visitor.sign_in(people.make("auditor@luopan.example", [Role.AUDITOR]))
    visitor.open(f"/console/scoring/modelversion/{world.version_id}/change/")

    def validation(page: Page) -> None:
        for name in ("ROC curve", "Calibration", "Scores"):
            figure = page.get_by_role("img", name=name)
            expect(figure).to_be_visible()
            box = figure.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) > 150, name

    visitor.run(validation)
    visitor.open(f"/console/scoring/decision/{world.decision_id}/change/")

    def waterfall(page: Page) -> None:
        figure = page.get_by_role("img", name="How this score came about")
        expect(figure).to_be_visible()
        assert figure.locator("polygon").count() >= 3
        expect(page.get_by_role("cell", name="card_utilisation").first).to_be_visible()

    visitor.run(waterfall)
    assert visitor.complaints == []


def test_menus_and_theme_live_under_the_policy(visitor: Visitor) -> None:
    visitor.sign_in(people.make("auditor@luopan.example", [Role.AUDITOR]))
    visitor.open("/console/")

    def sign_out(page: Page) -> None:
        expect(page.get_by_role("button", name="Log out")).to_be_hidden()
        page.get_by_text("auditor@luopan.example").first.click()
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url(f"{visitor.url}/")

    visitor.run(sign_out)
    assert visitor.open("/console/") == 200
    assert "/accounts/login/" in visitor.run(lambda page: page.url)
    assert visitor.complaints == []


def test_a_training_is_asked_for_on_the_page(visitor: Visitor) -> None:
    book = console_world.read_book(rows=300).book
    visitor.sign_in(people.make("officer@luopan.example", [Role.RISK_OFFICER]))
    visitor.open(f"/console/scoring/modelline/{book.line_id}/change/")

    def ask(page: Page) -> None:
        page.get_by_role("link", name="Train", exact=True).click()
        page.get_by_label("Seed").fill("11")
        page.get_by_role("button", name="Train").click()
        expect(page.get_by_text("waits for a worker (seed 11)")).to_be_visible()
        page.get_by_role("link", name="queued").or_(page.locator("section.part a")).first.click()

    visitor.run(ask)
    assert visitor.complaints == []
