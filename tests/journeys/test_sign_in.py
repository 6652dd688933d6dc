"""Signing in by hand and eye: in Chromium, under the strict content security policy."""

import pytest
from playwright.sync_api import Page, expect

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
        page.get_by_role("link", name="Console").click()
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    visitor.run(look)
    assert visitor.complaints == []
