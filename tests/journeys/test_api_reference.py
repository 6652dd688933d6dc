"""The interactive reference in a real browser: no console error, and a request sent from it is answered."""

import pytest
from playwright.sync_api import Page, expect

from tests.factories import make_client_and_secret
from tests.journeys.conftest import Visitor

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_newcomer_tries_a_request(visitor: Visitor) -> None:
    client, secret = make_client_and_secret(scopes=["institution:read"])
    assert visitor.open("/api/docs/") == 200

    def visit(page: Page) -> None:
        expect(page.get_by_role("heading", name="Luopan API")).to_be_visible()
        page.get_by_role("button", name="Authorize").click()
        page.get_by_label("client_id:").fill(client.client_id)
        page.get_by_label("client_secret:").fill(secret)
        page.locator("label[for^='institution:read']").first.click()
        page.get_by_label("Apply given OAuth2 credentials").click()
        page.get_by_role("button", name="Close", exact=True).click()
        operation = page.locator("#operations-institution-get_institution")
        operation.get_by_role("button").first.click()
        operation.get_by_role("button", name="Try it out").click()
        operation.get_by_role("button", name="Execute").click()
        expect(operation.locator("tbody .response-col_status").first).to_have_text("200")
        expect(operation.locator(".live-responses-table")).to_contain_text(str(client.institution_id))

    visitor.run(visit)
    assert visitor.complaints == []
