"""The event log, and the deliveries made of it: nothing late is missed, nothing comes twice, nobody sees another's."""

import json
from threading import Event, Thread
from uuid import uuid4

import pytest
from django.db import connections

from hub import events, outbox
from hub.outbox import OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from partners.delivery import services
from partners.delivery.models import Delivery, FeedCursor
from tests.factories import ACTOR
from tests.partners.delivery import world
from tests.partners.delivery.world import World
from tests.partners.receiver import Receiver

pytestmark = pytest.mark.django_db
URL = "http://127.0.0.1:9000/hooks"


@pytest.fixture
def bank() -> World:
    return world.make()


def endpoint(bank: World, **changes: object) -> object:
    return bank.endpoint(Receiver(url=URL), **changes)


def test_the_log_has_the_own_events_in_order(bank: World) -> None:
    other = world.make()
    subject = uuid4()
    (before,) = bank.log()
    mine = sorted([bank.happen(subject_id=subject), bank.happen(), bank.happen(subject_id=subject)])
    other.happen()
    assert bank.log(after=before.position) == [], "an event has no place in the log before its position"
    bank.relay()
    found = bank.log(after=before.position)
    assert [event.id for event in found] == mine
    assert [event.sequence for event in found if event.subject_id == subject] == [1, 2]
    assert [event.position for event in found] == sorted({event.position for event in found})
    assert found[0].data.keys() == {"person_id", "purpose"}
    assert bank.log(after=found[0].position, limit=1) == [found[1]]
    assert bank.log(after=found[2].position) == []
    assert {event.id for event in other.log()}.isdisjoint(mine)


@pytest.mark.django_db(transaction=True)
def test_a_poller_misses_no_event_that_commits_late(bank: World) -> None:
    begun, go_on = Event(), Event()
    late: list[object] = []

    def slow() -> None:
        try:
            with tenant_scope(bank.institution_id):
                payload = events.ConsentGiven(uuid4(), bank.institution_id, person_id=uuid4(), purpose="p")
                late.append(outbox.publish(payload, actor=ACTOR, now=bank.moment))
                OutboxEvent.objects.count()  # sends the waiting insert
                begun.set()
                assert go_on.wait(30)
        finally:
            connections["default"].close()

    thread = Thread(target=slow)
    thread.start()
    assert begun.wait(30)
    quick = bank.happen()
    bank.relay()
    seen = bank.log()
    assert seen[-1].id == quick
    assert late[0] not in [event.id for event in seen]
    go_on.set()
    thread.join()
    bank.relay()
    assert [event.id for event in bank.log(after=seen[-1].position)] == late, "it began first and stands last"


def test_one_delivery_for_each_event_and_endpoint_that_asked(bank: World) -> None:
    every, chosen, others = (
        endpoint(bank), endpoint(bank, event_types=["consent.given"]), endpoint(bank, event_types=["book.imported"]),
    )  # fmt: skip
    event_id = bank.happen()
    bank.relay()
    assert {(row.endpoint_id, row.event_id) for row in bank.deliveries()} == {(every, event_id), (chosen, event_id)}
    assert others not in {row.endpoint_id for row in bank.deliveries()}


def test_the_body_is_the_item_of_the_log(bank: World) -> None:
    endpoint(bank)
    bank.happen()
    bank.relay()
    row = bank.only()
    (item,) = [event for event in bank.log() if event.id == row.event_id]
    body = json.loads(bytes(row.body))
    assert list(body) == ["id", "type", "position", "sequence", "subject_type", "subject_id", "created_at", "data"]
    assert (body["id"], body["position"], body["data"]) == (str(item.id), item.position, item.data)


def test_nobody_gets_another_institutions_events(bank: World) -> None:
    endpoint(bank)
    world.make().happen()
    bank.relay()
    assert bank.deliveries() == []


@pytest.mark.fault("F16")
def test_read_again_from_the_start_nothing_comes_twice(bank: World) -> None:
    endpoint(bank)
    bank.happen()
    bank.relay()
    before = [row.id for row in bank.deliveries()]
    with platform_scope():
        cursor = FeedCursor.take()
        assert cursor is not None
        cursor.advance(0)
    while bank.feed(limit=1):
        pass
    assert [row.id for row in bank.deliveries()] == before


@pytest.mark.fault("F05")
@pytest.mark.django_db(transaction=True)
def test_only_one_reads_on_at_a_time(bank: World) -> None:
    endpoint(bank)
    bank.happen()
    bank.relay()
    bank.happen()
    with platform_scope():
        outbox.relay(now=bank.moment)
    counts: list[int] = []

    def second() -> None:
        try:
            counts.append(bank.feed())
        finally:
            connections["default"].close()

    with platform_scope():
        assert FeedCursor.take() is not None
        thread = Thread(target=second)
        thread.start()
        thread.join()
    assert counts == [0]
    assert bank.feed() > 0
    assert len(bank.deliveries()) == 2


def test_what_tells_of_webhooks_stands_in_the_log_only(bank: World) -> None:
    endpoint(bank)
    endpoint(bank)
    bank.relay()
    assert bank.deliveries() == []
    assert [event.type for event in bank.log()][-2:] == ["webhook_endpoint.registered"] * 2


def test_a_test_goes_to_the_one_endpoint_whatever_it_asked_for(bank: World) -> None:
    endpoint(bank)
    tested = bank.endpoint(Receiver(url=URL), event_types=["book.imported"])
    with tenant_scope(bank.institution_id):
        event_id = services.send_test(endpoint_id=tested, actor=ACTOR, now=bank.moment)
    bank.relay()
    row = bank.only()
    assert (row.endpoint_id, row.event_id, row.event_type) == (tested, event_id, "webhook_endpoint.tested")


def test_a_disabled_endpoint_gets_no_new_deliveries(bank: World) -> None:
    disabled = bank.endpoint(Receiver(url=URL))
    with tenant_scope(bank.institution_id):
        services.change_endpoint(endpoint_id=disabled, state="disabled", actor=ACTOR, now=bank.moment)
    bank.happen()
    bank.relay()
    assert bank.deliveries() == []


def test_many_events_are_read_by_portions(bank: World) -> None:
    endpoint(bank)
    made = sorted(bank.happen() for _ in range(7))
    with platform_scope():
        outbox.relay(now=bank.moment)
    portions = []
    while portion := bank.feed(limit=3):
        portions.append(portion)
    assert max(portions) == 3
    with platform_scope():
        assert list(Delivery.objects.order_by("event__position").values_list("event_id", flat=True)) == made
