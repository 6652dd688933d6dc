"""An endpoint that takes nothing for days is disabled, said so, and shown; what waited for it is parked."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from pytest_django import Settings

from hub.accounts.policies import Role
from hub.outbox import OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from partners.delivery import services
from partners.delivery.transport import Answer, Outgoing
from tests import people
from tests.factories import ACTOR
from tests.partners.delivery import world
from tests.partners.delivery.world import BEGIN, World
from tests.partners.receiver import Receiver

pytestmark = pytest.mark.django_db


class Moody:
    """A receiver's answers, without a network."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def __call__(self, _: Outgoing) -> Answer:
        return self.answer


REFUSING = Answer(500)
TAKING = Answer(204)


@pytest.fixture
def bank() -> World:
    return world.make()


@pytest.fixture
def endpoint_id(bank: World) -> UUID:
    """An endpoint that has refused since the beginning."""
    bank.transport = Moody(REFUSING)
    made = bank.endpoint(Receiver(url="http://127.0.0.1:9000/hooks"))
    bank.happen()
    bank.round()
    assert bank.row(made).failing_since == BEGIN
    return made


def go_on(bank: World, *, until: float) -> None:
    """Send what is due, twice a day, and tell of something new each day."""
    while bank.moment < BEGIN + timedelta(days=until):
        bank.pass_time(hours=12)
        if bank.moment.hour == BEGIN.hour:
            bank.happen()
        bank.round()


def disabled_events() -> list[tuple[str, int]]:
    with platform_scope():
        rows = OutboxEvent.objects.filter(type="webhook_endpoint.disabled")
        return [(row.payload["reason"], row.payload["parked"]) for row in rows]


@pytest.mark.fault("F14")
def test_five_days_of_nothing_but_failures_disable_it(bank: World, endpoint_id: UUID) -> None:
    go_on(bank, until=4.5)
    assert bank.row(endpoint_id).state == "active"
    assert bank.row(endpoint_id).failing_since == BEGIN, "of the first failure"
    go_on(bank, until=5)
    row = bank.row(endpoint_id)
    assert (row.state, row.disabled_reason) == ("disabled", "failing")
    rows = bank.deliveries()
    assert {delivery.state for delivery in rows} == {"parked"}
    assert disabled_events() == [("failing", sum(one.last_fault == "endpoint_disabled" for one in rows))]
    bank.happen()
    assert bank.round() == 0


def test_one_success_in_between_begins_anew(bank: World, endpoint_id: UUID) -> None:
    go_on(bank, until=3)
    bank.transport = Moody(TAKING)
    bank.happen()
    bank.round()
    assert bank.row(endpoint_id).failing_since is None
    bank.transport = Moody(REFUSING)
    go_on(bank, until=7.5)
    row = bank.row(endpoint_id)
    assert row.state == "active"
    assert row.failing_since is not None
    assert row.failing_since > BEGIN + timedelta(days=3)


def test_one_failure_after_a_long_silence_is_not_the_end(bank: World, endpoint_id: UUID) -> None:
    while bank.only().state == "waiting":
        bank.moment = bank.only().due_at
        assert bank.send() == 1
    assert bank.only().last_fault == "status"
    bank.pass_time(days=25)
    assert bank.row(endpoint_id).failing_since == BEGIN
    bank.happen()
    for seconds in (0, 6, 331):
        bank.pass_time(seconds=seconds)
        assert bank.round() == 1
    assert bank.row(endpoint_id).state == "active"
    bank.pass_time(seconds=1981)
    assert bank.round() == 1
    assert bank.row(endpoint_id).disabled_reason == "failing"


def test_a_mistake_of_ours_counts_against_nobody(bank: World, endpoint_id: UUID) -> None:
    bank.transport = Moody(TAKING)
    go_on(bank, until=1)
    assert bank.row(endpoint_id).failing_since is None

    def broken(_: Outgoing) -> Answer:
        raise RuntimeError

    bank.transport = broken
    bank.happen()
    bank.round()
    assert bank.row(endpoint_id).failing_since is None


@pytest.mark.parametrize("change", [{"url": "http://127.0.0.1:9001/hooks"}, {"state": "active"}])
def test_a_new_address_or_a_new_start_has_the_days_again(
    bank: World, endpoint_id: UUID, change: dict[str, Any]
) -> None:
    go_on(bank, until=2)
    with tenant_scope(bank.institution_id):
        if "state" in change:
            services.change_endpoint(endpoint_id=endpoint_id, state="disabled", actor=ACTOR, now=bank.moment)
        services.change_endpoint(endpoint_id=endpoint_id, actor=ACTOR, now=bank.moment, **change)
    assert bank.row(endpoint_id).failing_since is None
    go_on(bank, until=6)
    assert bank.row(endpoint_id).state == "active"


def test_the_console_shows_it_and_has_it_sent_again(bank: World, endpoint_id: UUID, settings: Settings) -> None:
    go_on(bank, until=5)
    people.quick_passwords(settings)
    operator: Client = people.signed_in(people.make("operator@luopan.example", [Role.OPERATOR]))
    overview = operator.get("/console/").content.decode()
    assert "Disabled after days of failures" in overview
    page = f"/console/delivery/webhookendpoint/{endpoint_id}"
    listed = operator.get("/console/delivery/webhookendpoint/?disabled_reason__exact=failing").content.decode()
    assert page in listed
    shown = operator.get(f"{page}/change/").content.decode()
    for text in ("failing since", "2026-11-23", ">failing<", "parked"):
        assert text in shown.lower(), re.findall(r"[^<>]*failing[^<>]*|[^<>]*2026[^<>]*", shown)
    parked = sum(row.state == "parked" for row in bank.deliveries())
    assert operator.post(f"{page}/do/enable/").status_code == 302
    said = operator.post(f"{page}/do/send-parked/", follow=True).content.decode()
    assert f"{parked} deliveries are sent again now" in said
    bank.transport = Moody(TAKING)
    bank.pass_time(days=400)  # the console's clock is the system's
    assert bank.send() == parked
    assert {row.state for row in bank.deliveries()} == {"delivered"}
