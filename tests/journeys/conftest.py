"""A real server on the test database, and a real browser in a thread of its own.

Playwright's synchronous calls and the ORM cannot share a thread; so a test hands the browser functions of a page to
run, and keeps the database for itself.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.db import connection
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Route, sync_playwright

from tests import people
from tests.harness import HOME
from tests.stack import Stack, until

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(__file__).resolve().parents[1] / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# What passes is only counted: to tell every element of it takes longer than to look.
LOOK = """async rules => {
    const found = await axe.run(document, {runOnly: rules, resultTypes: ["violations"]})
    return [found.passes.length, found.violations.flatMap(one => one.nodes.map(node => `${one.id}: ${node.html}`))]
}"""
Result = TypeVar("Result")


def need_chromium() -> None:
    """Skip the test where there is no Chromium; where LUOPAN_REQUIRE_BROWSER=1, fail it."""
    if CHROMIUM.exists():
        return
    if os.environ.get("LUOPAN_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{CHROMIUM} is missing, and LUOPAN_REQUIRE_BROWSER=1 asks for it")
    pytest.skip(f"{CHROMIUM} is missing: install the package chromium to run the browser tests")


class Visitor:
    """One browser context. `complaints` holds what Chromium wrote to the console, what scripts threw, what failed."""

    def __init__(
        self, thread: ThreadPoolExecutor, context: BrowserContext, url: str, *, javascript: bool = True
    ) -> None:
        self._thread = thread
        self.javascript = javascript
        self._reader: Page | None = None
        self.context = context
        self.url = url
        self.complaints: list[str] = []
        self.page: Page = thread.submit(context.new_page).result(60)
        self.run(self._listen)

    def run(self, visit: Callable[[Page], Result]) -> Result:
        """Let `visit` use the page in the browser's thread, and return what it returns."""
        return self._thread.submit(visit, self.page).result(120)

    def open(self, path: str) -> int:
        """Open a page of the server; return its status."""

        def visit(page: Page) -> int:
            answer = page.goto(self.url + path)
            return answer.status if answer else 0

        return self.run(visit)

    def give_password(self, person: people.Someone) -> None:
        """Fill the sign-in page in and send it."""

        def visit(page: Page) -> None:
            page.goto(f"{self.url}/accounts/login/")
            page.get_by_label("Email").fill(person.email)
            page.get_by_label("Password").fill(person.password)
            page.get_by_role("button", name="Sign In", exact=True).click()
            page.wait_for_load_state("networkidle")

        self.run(visit)

    def sign_in(self, person: people.Someone) -> None:
        """Sign in for the first time, and set the authenticator app up from the secret on the page."""
        self.give_password(person)
        self.set_up_app(person)

    def set_up_app(self, person: people.Someone) -> None:
        """Set the authenticator app up, having given the password."""

        def visit(page: Page) -> None:
            page.goto(f"{self.url}/accounts/2fa/app/")
            person.secret = page.get_by_label("Authenticator secret").input_value()
            page.get_by_label("Authenticator code").fill(people.code(person.secret))
            page.get_by_role("button", name="Activate").click()
            page.wait_for_load_state("networkidle")
            page.get_by_label("I have saved my recovery codes").check()

        self.run(visit)

    def faults(self) -> list[str]:
        """What axe-core finds wrong with the page as it stands, by the rules of WCAG 2.2 A and AA."""
        if not AXE.exists():
            pytest.skip("axe-core is missing: run `npm ci` in tests/")
        rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]

        def visit(page: Page) -> list[str]:
            seen = page if self.javascript else self._copy(page)
            seen.evaluate(AXE.read_text())
            passes, violations = seen.evaluate(LOOK, rules)
            assert passes  # it did look
            return violations  # type: ignore[no-any-return]  # what a script returns

        return self.run(visit)

    def _copy(self, page: Page) -> Page:
        """The same document in a page that runs scripts: axe waits by timers, and without scripts none goes off."""
        assert page.context.browser
        if self._reader is None:
            self._reader = page.context.browser.new_context(viewport=page.viewport_size).new_page()
        html = page.content()

        def answer(route: Route) -> None:
            if route.request.is_navigation_request():
                route.fulfill(body=html, content_type="text/html; charset=utf-8")
            else:
                route.continue_()

        self._reader.unroute_all()
        self._reader.route("**/*", answer)
        self._reader.goto(page.url)
        return self._reader

    def _listen(self, page: Page) -> None:
        def said(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.complaints.append(f"{page.url}: {message.text}")

        def failed(request: Request) -> None:
            if request.failure != "net::ERR_ABORTED":  # that is what leaving a page early looks like
                self.complaints.append(f"{request.url}: {request.failure}")

        page.on("console", said)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("requestfailed", failed)


@pytest.fixture(scope="session")
def browser_thread() -> Iterator[ThreadPoolExecutor]:
    """The one thread in which Playwright lives."""
    with ThreadPoolExecutor(1) as thread:
        yield thread


@pytest.fixture(scope="session")
def browser(browser_thread: ThreadPoolExecutor) -> Iterator[Browser]:
    """Debian's Chromium; to be touched in `browser_thread` only."""
    need_chromium()
    driver = browser_thread.submit(lambda: sync_playwright().start()).result(60)
    launched: Any = browser_thread.submit(
        lambda: driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
    ).result(60)
    yield launched
    browser_thread.submit(launched.close).result(60)
    browser_thread.submit(driver.stop).result(60)


@pytest.fixture(scope="session")
def live_url(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `manage.py web` on this worker's test database."""
    stack = Stack(tmp_path_factory.mktemp("journeys"), LUOPAN_HOME=str(HOME))
    try:
        yield stack.web()
    finally:
        stack.close()


@pytest.fixture
def visitor(
    transactional_db: None, browser: Browser, live_url: str, browser_thread: ThreadPoolExecutor
) -> Iterator[Visitor]:
    """A browser without a past."""
    context: Any = browser_thread.submit(browser.new_context).result(60)
    yield Visitor(browser_thread, context, live_url)
    browser_thread.submit(context.close).result(60)
    # A page may have asked for something just then: the tables are not emptied below a request.
    until(_is_quiet, within_s=30, what="the server has answered all that was asked")


def _is_quiet() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND xact_start IS NOT NULL)"
        )
        return bool(cursor.fetchone()[0])
