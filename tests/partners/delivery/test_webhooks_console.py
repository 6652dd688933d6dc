"""Webhooks in the console: what an operator sees and does, and what others may not."""

import pytest
from django.test import Client
from pytest_django import Settings

from hub.accounts.policies import Role
from hub.tenancy import platform_scope
from partners.delivery.models import Delivery, WebhookEndpoint
from tests import people
from tests.partners.delivery import world
from tests.partners.delivery.world import World
from tests.partners.receiver import Receiver

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Settings) -> None:
    people.quick_passwords(settings)


def staff(role: Role) -> Client:
    return people.signed_in(people.make(f"{role.name.lower()}@luopan.example", [role]))


@pytest.fixture
def bank() -> World:
    return world.make()


def parked(bank: World) -> tuple[str, str]:
    """A parked delivery; return the pages of its endpoint and of itself, without their last word."""
    endpoint_id = bank.endpoint(Receiver(url="http://127.0.0.1:9000/hooks"), description="Desk")
    bank.happen()
    bank.relay()
    with platform_scope():
        Delivery.objects.get().park(status=500, fault="status")
    return f"/console/delivery/webhookendpoint/{endpoint_id}", f"/console/delivery/delivery/{bank.only().id}"


def test_parked_ones_are_found_and_sent_again(bank: World) -> None:
    endpoint, delivery = parked(bank)
    operator = staff(Role.OPERATOR)
    overview = operator.get("/console/").content.decode()
    assert "/console/delivery/delivery/?state__exact=parked" in overview
    listed = operator.get("/console/delivery/delivery/?state__exact=parked").content.decode()
    assert delivery in listed
    page = operator.get(f"{delivery}/change/").content.decode()
    assert str(bank.only().event_id) in page
    said = operator.post(f"{delivery}/do/again/", follow=True).content.decode()
    assert "It is sent again now" in said
    assert (bank.only().state, bank.only().attempts) == ("waiting", 0)
    assert "Newest deliveries" in operator.get(f"{endpoint}/change/").content.decode()


def test_all_parked_ones_of_an_endpoint(bank: World) -> None:
    endpoint, _ = parked(bank)
    said = staff(Role.OPERATOR).post(f"{endpoint}/do/send-parked/", follow=True).content.decode()
    assert "1 deliveries are sent again now" in said
    assert bank.only().state == "waiting"


def test_an_operator_registers_for_a_private_network(bank: World) -> None:
    operator = staff(Role.OPERATOR)
    path = f"/console/institutions/institution/{bank.institution_id}/do/webhook/"
    refused = operator.post(path, {"url": "https://10.20.0.5:8443/hooks"})
    assert "port 443" in refused.content.decode()
    form = {"url": "https://10.20.0.5:8443/hooks", "approved_network": "10.20.0.0/16", "event_types": ["book.imported"]}
    assert "RFC 1918" in operator.post(path, {**form, "approved_network": "0.0.0.0/0"}).content.decode()
    answer = operator.post(path, form)
    (_, url), (_, secret) = answer.context["once"].lines
    assert (url, secret[:6]) == (form["url"], "whsec_")
    with platform_scope():
        row = WebhookEndpoint.objects.get()
    assert (row.approved_network, row.event_types) == ("10.20.0.0/16", ["book.imported"])
    for shown in ("", f"{row.id}/change/"):
        assert secret not in operator.get(f"/console/delivery/webhookendpoint/{shown}").content.decode()


def test_disable_enable_rotate_test(bank: World) -> None:
    endpoint, delivery = parked(bank)
    operator = staff(Role.OPERATOR)
    assert operator.post(f"{endpoint}/do/rotate/").context["once"].lines[0][1].startswith("whsec_")
    assert "on its way" in operator.post(f"{endpoint}/do/test/", follow=True).content.decode()
    assert operator.post(f"{endpoint}/do/disable/").status_code == 302
    assert operator.post(f"{endpoint}/do/test/").status_code == 404
    assert operator.post(f"{delivery}/do/again/").status_code == 404
    assert operator.post(f"{endpoint}/do/enable/").status_code == 302
    assert bank.told()[-3:] == ["webhook_endpoint.tested", "webhook_endpoint.disabled", "webhook_endpoint.enabled"]


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.RISK_OFFICER])
def test_other_roles_read_only(bank: World, role: Role) -> None:
    endpoint, delivery = parked(bank)
    reader = staff(role)
    before = bank.told()
    for page in (endpoint, delivery):
        assert reader.get(f"{page}/change/").status_code == 200
    for deed in (f"{delivery}/do/again/", *(f"{endpoint}/do/{name}/" for name in ("test", "rotate", "disable"))):
        assert reader.post(deed).status_code == 403
    assert (bank.told(), bank.only().state) == (before, "parked")
