"""Applications, the routing ledger and referrals in the console: what happened, and nothing that is sealed."""

from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import Settings

from hub.accounts.policies import Role
from hub.tenancy import platform_scope
from partners.referrals.models import RoutingRun
from tests import people
from tests.factories import make_institution
from tests.partners.product_factory import make_live
from tests.partners.referral_factory import make_case, make_signed, match

pytestmark = pytest.mark.django_db
CONSOLE = "/console/referrals"
SEALED = ("Chan Siu Ming", "5550", "card_utilisation", "35.5")


@pytest.fixture
def officer(settings: Settings) -> Client:
    people.quick_passwords(settings)
    return people.signed_in(people.make(f"{uuid4().hex}@luopan.example", [Role.RISK_OFFICER]))


def page(client: Client, path: str) -> str:
    response = client.get(f"{CONSOLE}/{path}")
    assert response.status_code == 200
    text: str = response.content.decode()
    for private in SEALED:
        assert private not in text
    return text


def test_an_application_with_its_offers_and_referral(officer: Client) -> None:
    referral, contract = make_signed()
    assert str(referral.application_id) in page(officer, "case/")
    shown = page(officer, f"case/{referral.application_id}/change/")
    for part in (referral.product_name, referral.institution_name, str(referral.id), str(referral.terms.apr_percent)):
        assert part in shown
    assert "signed" in page(officer, "referral/")
    shown = page(officer, f"referral/{referral.id}/change/")
    assert contract.terms_hash in shown
    assert "approve" in shown


def test_the_ledger_tells_why_and_replays(officer: Client) -> None:
    world = make_institution()
    make_live(world.id, name="Wanted")
    make_live(world.id, name="Unwanted", rules=[{"fact": "monthly_income", "op": ">=", "value": 90000, "code": "rich"}])
    match(make_case(world))
    with platform_scope():
        run = RoutingRun.objects.get()
    shown = page(officer, f"routingrun/{run.id}/change/")
    assert shown.index("Wanted") < shown.index("Unwanted") < shown.index("rich")
    assert str(run.id) in page(officer, "routingrun/")
    answer = officer.post(f"{CONSOLE}/routingrun/{run.id}/do/replay/", {}, follow=True)
    assert "comes out the same" in answer.content.decode()


def test_the_overview_counts(officer: Client) -> None:
    make_signed()
    assert "Signed, not funded yet" in officer.get("/console/").content.decode()
