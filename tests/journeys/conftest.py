"""A real server on the test database, and a real browser in a thread of its own.

Playwright's synchronous calls and the ORM cannot share a thread; so a test hands the browser functions of a page to
run, and keeps the database for itself.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import URLError

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, sync_playwright

from tests import people
from tests.harness import HOME

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
Result = TypeVar("Result")


class Visitor:
    """One browser context. `complaints` holds every error that Chromium wrote to the console or a script threw."""

    def __init__(self, thread: ThreadPoolExecutor, context: BrowserContext, url: str) -> None:
        self._thread = thread
        self.context = context
        self.url = url
        self.complaints: list[str] = []
        self.page: Page = self.run(lambda _page: context.new_page())
        self.run(self._listen)

    def run(self, visit: Callable[[Page], Result]) -> Result:
        """Let `visit` use the page in the browser's thread, and return what it returns."""
        return self._thread.submit(lambda: visit(getattr(self, "page", None))).result(120)  # type: ignore[arg-type]

    def open(self, path: str) -> int:
        """Open a page of the server; return its status."""

        def visit(page: Page) -> int:
            answer = page.goto(self.url + path)
            page.wait_for_load_state("networkidle")
            return answer.status if answer else 0

        return self.run(visit)

    def sign_in(self, person: people.Someone) -> None:
        """Sign in as a person does, and set the authenticator app up from the secret on the page."""

        def visit(page: Page) -> None:
            page.goto(f"{self.url}/accounts/login/")
            page.get_by_label("Email").fill(person.email)
            page.get_by_label("Password").fill(person.password)
            page.get_by_role("button", name="Sign In", exact=True).click()
            person.secret = page.get_by_label("Authenticator secret").input_value()
            page.get_by_label("Authenticator code").fill(people.code(person.secret))
            page.get_by_role("button", name="Activate").click()
            page.get_by_label("I have saved my recovery codes").check()

        self.run(visit)

    def _listen(self, page: Page) -> None:
        def said(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.complaints.append(f"{page.url}: {message.text}")

        page.on("console", said)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("requestfailed", lambda request: self.complaints.append(f"{request.url}: {request.failure}"))


@pytest.fixture(scope="session")
def _thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as thread:
        yield thread


@pytest.fixture(scope="session")
def chromium(_thread: ThreadPoolExecutor) -> Iterator[Any]:
    """Debian's Chromium. Without one the test is skipped, but where LUOPAN_REQUIRE_BROWSER=1 it fails."""
    if not Path(CHROMIUM).exists():
        if os.environ.get("LUOPAN_REQUIRE_BROWSER") == "1":
            pytest.fail(f"{CHROMIUM} is missing, and LUOPAN_REQUIRE_BROWSER=1 asks for it")
        pytest.skip(f"{CHROMIUM} is missing: install the package chromium to run the browser tests")
    driver = _thread.submit(lambda: sync_playwright().start()).result(60)
    browser = _thread.submit(lambda: driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)).result(60)
    yield browser
    _thread.submit(browser.close).result(60)
    _thread.submit(driver.stop).result(60)


@pytest.fixture(scope="session")
def live_url(django_db_setup: None) -> Iterator[str]:
    """The address of `manage.py web` in a process of its own, on this worker's test database."""
    from django.db import connections

    place = connections["default"].settings_dict
    port = _free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": f"postgresql://luopan_app@/{place['NAME']}?host={place['HOST']}",
        "LUOPAN_HOME": str(HOME),
        "LUOPAN_PORT": str(port),
    }
    command = [sys.executable, str(ROOT / "manage.py"), "web"]
    with (HOME / "web.log").open("wb") as log:
        server = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log)
    url = f"http://localhost:{port}"
    try:
        _wait_for(url, server)
        yield url
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture
def visitor(transactional_db: None, chromium: Any, live_url: str, _thread: ThreadPoolExecutor) -> Iterator[Visitor]:
    """A browser without a past."""
    context = _thread.submit(chromium.new_context).result(60)
    yield Visitor(_thread, context, live_url)
    _thread.submit(context.close).result(60)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/livez", timeout=5):
                return
        except (URLError, ConnectionError, TimeoutError):
            if server.poll() is not None:
                break
            time.sleep(0.1)
    pytest.fail("the web server did not start:\n" + (HOME / "web.log").read_text()[-3000:])
