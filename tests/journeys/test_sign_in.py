"""Signing in by hand and eye: in Chromium, under the strict content security policy."""

import pytest
from playwright.sync_api import CDPSession, Page, expect

from hub.accounts.policies import Role
from tests import people
from tests.journeys.conftest import Visitor


@pytest.fixture
def officer(transactional_db: None) -> people.Someone:
    return people.make("officer@bank.example", [Role.RISK_OFFICER])


def test_password_app_and_recovery_codes_lead_to_the_console(visitor: Visitor, officer: people.Someone) -> None:
    visitor.sign_in(officer)

    def look(page: Page) -> None:
        assert len(page.get_by_label("Unused codes").input_value().split()) == 10
        page.get_by_role("link", name="Continue").click()
        expect(page.get_by_role("link", name="Overview")).to_be_visible()

    visitor.run(look)
    assert visitor.complaints == []


def test_the_qr_code_is_drawn(visitor: Visitor, officer: people.Someone) -> None:
    visitor.give_password(officer)
    width = visitor.run(lambda page: page.locator("img.qr").evaluate("image => image.naturalWidth"))
    assert width > 100
    assert visitor.complaints == []


def test_the_code_is_asked_for_and_a_wrong_one_is_told(visitor: Visitor, officer: people.Someone) -> None:
    visitor.sign_in(officer)
    visitor.run(lambda page: page.get_by_role("button", name="Sign out").click())
    visitor.give_password(officer)

    def guess(page: Page) -> None:
        page.get_by_label("Code").fill("000000")
        page.get_by_role("button", name="Sign In").click()
        expect(page.get_by_role("alert")).to_contain_text("Incorrect code.")

    visitor.run(guess)
    assert visitor.open("/console/") == 200
    assert "/accounts/" in visitor.run(lambda page: page.url)


def test_the_keyboard_is_enough(visitor: Visitor, officer: people.Someone) -> None:
    visitor.open("/accounts/login/")

    def type_it(page: Page) -> None:
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_label("Email")).to_be_focused()
        page.keyboard.type(officer.email)
        page.keyboard.press("Tab")
        page.keyboard.type(officer.password)
        page.keyboard.press("Enter")
        expect(page.get_by_label("Authenticator code")).to_be_visible()

    visitor.run(type_it)


def test_the_pages_fit_a_small_screen(visitor: Visitor, officer: people.Someone) -> None:
    visitor.run(lambda page: page.set_viewport_size({"width": 320, "height": 640}))

    def too_wide() -> bool:
        return bool(visitor.run(lambda page: page.evaluate("document.documentElement.scrollWidth > innerWidth")))

    for path in ("/", "/accounts/login/"):
        visitor.open(path)
        assert not too_wide(), path
    visitor.give_password(officer)
    assert not too_wide()
    visitor.open("/accounts/2fa/passkeys/add/")
    assert not too_wide()


def test_axe_finds_no_fault(visitor: Visitor, officer: people.Someone) -> None:
    faults: dict[str, list[str]] = {}
    for scheme in ("light", "dark"):
        visitor.run(lambda page, to=scheme: page.emulate_media(color_scheme=to))  # type: ignore[misc]  # bound here
        for path in ("/", "/accounts/login/", "/nowhere"):
            visitor.open(path)
            faults[f"{scheme} {path}"] = visitor.faults()
    visitor.give_password(officer)
    faults["set-up"] = visitor.faults()
    visitor.open("/accounts/2fa/passkeys/add/")
    faults["passkey"] = visitor.faults()
    visitor.set_up_app(officer)
    faults["codes"] = visitor.faults()
    for path in ("/accounts/2fa/", "/accounts/password/", "/accounts/logout/"):
        visitor.open(path)
        faults[path] = visitor.faults()
    assert [one for found in faults.values() for one in found] == [], faults


def test_the_lock_out_page_explains_itself(visitor: Visitor, officer: people.Someone) -> None:
    wrong = people.Someone(officer.id, officer.email, "not the password")
    for _ in range(5):
        visitor.give_password(wrong)
    told = visitor.run(lambda page: page.get_by_role("heading", level=1).inner_text())
    assert told == "Too many attempts"
    assert visitor.faults() == []


def test_a_passkey_is_a_second_factor_and_signs_in_alone(visitor: Visitor, officer: people.Someone) -> None:
    def plug_in(page: Page) -> CDPSession:
        device = page.context.new_cdp_session(page)
        device.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
            "isUserVerified": True,
        }  # fmt: skip
        device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        return device

    visitor.run(plug_in)
    visitor.give_password(officer)

    def set_up(page: Page) -> None:
        page.get_by_role("link", name="Use a passkey instead").click()
        page.get_by_label("Passwordless").check()
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_role("heading", name="Recovery Codes")).to_be_visible()
        page.get_by_label("I have saved my recovery codes").check()
        page.get_by_role("button", name="Sign out").click()

    def use(page: Page) -> None:
        page.goto(f"{visitor.url}/accounts/login/")
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.wait_for_url("**/console/")

    visitor.run(set_up)
    visitor.run(use)
    assert visitor.open("/console/hub/auditrow/") == 200
    assert visitor.complaints == []
