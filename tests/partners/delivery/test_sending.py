"""I4: a webhook is delivered at least once or visibly parked, with the same id and body each time."""

import time
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Barrier, Event, Lock, Thread
from uuid import UUID

import pytest
from django.db import connections
from pytest_django import Settings

from hub.outbox import OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from partners.delivery import outcomes, sending, services, tasks
from partners.delivery.models import Delivery, WebhookEndpoint
from partners.delivery.outcomes import Outcome
from partners.delivery.schedule import DELAYS_S
from partners.delivery.transport import Answer, Outgoing
from tests.factories import ACTOR
from tests.harness import count
from tests.partners.delivery import world
from tests.partners.delivery.world import BEGIN, World
from tests.partners.receiver import Receiver, receiving

pytestmark = pytest.mark.django_db


@pytest.fixture
def bank() -> World:
    return world.make()


def parked_events() -> int:
    with platform_scope():
        return OutboxEvent.objects.filter(type="delivery.parked").count()


def test_an_event_arrives_signed(bank: World) -> None:
    with receiving() as receiver:
        bank.endpoint(receiver)
        event_id = bank.happen()
        assert bank.round() == 1
        assert bank.round() == 0
    (got,) = receiver.requests
    assert (got.refusal, got.id) == ("", str(event_id))
    assert got.headers["webhook-timestamp"] == str(int(BEGIN.timestamp()))
    row = bank.only()
    assert (row.state, row.attempts, row.last_status, row.last_fault) == ("delivered", 1, 204, "")
    assert got.body == bytes(row.body)


@pytest.mark.fault("F14")
def test_a_failing_receiver_is_tried_by_the_schedule_and_then_parked(bank: World) -> None:
    statuses = [500, 404, 301, 400, 503, 401, 418, 307, 500, 500]
    with receiving(answers=list(statuses)) as receiver:
        bank.endpoint(receiver)
        bank.happen()
        bank.relay()
        for n, delay_s in enumerate([*DELAYS_S, None], start=1):
            assert bank.send() == 1
            row = bank.only()
            assert (row.attempts, row.last_status, row.last_fault) == (n, statuses[n - 1], "status")
            if delay_s is None:
                break
            assert timedelta(seconds=delay_s) <= row.due_at - bank.moment <= timedelta(seconds=delay_s * 1.1)
            bank.moment = row.due_at - timedelta(microseconds=1)
            assert bank.send() == 0
            bank.moment = row.due_at
        assert bank.only().state == "parked"
        bank.pass_time(days=365)
        assert bank.send() == 0
    assert len(receiver.requests) == 10
    assert {request.id for request in receiver.requests} == {str(bank.only().event_id)}
    assert len({request.body for request in receiver.requests}) == 1
    assert len({request.headers["webhook-timestamp"] for request in receiver.requests}) == 10
    assert {request.refusal for request in receiver.requests} == {""}
    assert parked_events() == 1


def test_what_is_parked_is_sent_again_on_demand_with_all_its_attempts(bank: World) -> None:
    with receiving(answers=[500]) as receiver:
        endpoint_id = bank.endpoint(receiver)
        bank.happen()
        bank.round()
        with platform_scope():
            row = Delivery.objects.get()
            row.park(status=500, fault="status")
        with tenant_scope(bank.institution_id):
            view = services.resend(delivery_id=row.id, actor=ACTOR, now=bank.moment)
        assert (view.state, view.attempts, view.due_at) == ("waiting", 0, bank.moment)
        assert bank.send() == 1
        row = bank.only()
        assert (row.state, row.attempts, row.endpoint_id) == ("delivered", 1, endpoint_id)
        with tenant_scope(bank.institution_id):
            services.resend(delivery_id=row.id, actor=ACTOR, now=bank.moment)
        assert bank.send() == 1
        assert bank.only().state == "delivered"
    first, second, third = receiver.requests
    assert (first.id, first.body) == (second.id, second.body) == (third.id, third.body)
    assert bank.told().count("delivery.resent") == 2
    assert len(receiver.events) == 1, "by its id the receiver knows it"


def test_an_odd_answer_of_one_receiver_keeps_no_other_waiting(bank: World) -> None:
    other = world.make()
    odd = (503, {"Retry-After": "Mon, 23 Nov 99999999999 10:30:00 GMT"})
    with receiving(answers=[odd]) as receiver, receiving() as second:
        bank.endpoint(receiver)
        other.endpoint(second)
        bank.happen()
        other.happen()
        bank.round()
    found = {row.institution_id: (row.state, row.last_status) for row in bank.deliveries()}
    assert found == {bank.institution_id: ("waiting", 503), other.institution_id: ("delivered", 204)}


def test_gone_disables_the_endpoint_and_parks_the_rest(bank: World) -> None:
    with receiving(answers=[500, 500, 500, 410]) as receiver:
        endpoint_id = bank.endpoint(receiver)
        for _ in range(3):
            bank.happen()
        bank.round()
        with platform_scope():
            one = Delivery.objects.order_by("id")[0]
            one.wait(now=bank.moment)
        assert bank.send() == 1
        row = bank.row(endpoint_id)
        assert (row.state, row.disabled_reason) == ("disabled", "gone")
        found = {delivery.id: (delivery.state, delivery.last_fault) for delivery in bank.deliveries()}
        assert found.pop(one.id) == ("parked", "status")
        assert list(found.values()) == [("parked", "endpoint_disabled")] * 2
        bank.pass_time(days=9)
        bank.happen()
        assert bank.round() == 0
    assert len(receiver.requests) == 4
    with platform_scope():
        event = OutboxEvent.objects.get(type="webhook_endpoint.disabled")
    assert (event.payload["reason"], event.payload["parked"]) == ("gone", 2)


def test_enabled_again_parked_ones_are_sent_on_demand(bank: World) -> None:
    with receiving(answers=[410]) as receiver:
        endpoint_id = bank.endpoint(receiver)
        first = bank.happen()
        assert bank.round() == 1
        with tenant_scope(bank.institution_id):
            services.change_endpoint(endpoint_id=endpoint_id, state="active", actor=ACTOR, now=bank.moment)
        second = bank.happen()
        assert bank.round() == 1
        with platform_scope():
            assert services.resend_parked(endpoint_id=endpoint_id, actor=ACTOR, now=bank.moment) == 1
        assert bank.send() == 1
    assert [event["id"] for event in receiver.events] == [str(first), str(second)]
    assert [row.state for row in bank.deliveries()] == ["delivered"] * 2


@pytest.mark.fault("F14")
@pytest.mark.parametrize(
    ("status", "retry_after", "wait_s"),
    [(429, "", 60), (502, "", 60), (504, "", 60), (503, "7200", 7200), (400, "90", 90)],
)
def test_an_endpoint_that_asks_for_rest_gets_it(bank: World, status: int, retry_after: str, wait_s: int) -> None:
    """Its other messages wait too; those of other endpoints do not."""
    headers = {"Retry-After": retry_after} if retry_after else {}
    with receiving(answers=[(status, headers)]) as tired, receiving() as fresh:
        bank.endpoint(tired)
        bank.happen()
        bank.round()
        bank.endpoint(fresh)
        bank.pass_time(seconds=wait_s - 1)
        bank.happen()
        bank.round()
        assert (len(tired.requests), len(fresh.requests)) == (1, 1)
        bank.pass_time(seconds=1)
        bank.send()
    assert len(tired.requests) == 3
    assert len(tired.events) == 2


def test_retry_after_as_a_date(bank: World) -> None:
    with receiving(answers=[(503, {"Retry-After": "Mon, 23 Nov 2026 11:00:00 GMT"})]) as receiver:
        bank.endpoint(receiver)
        bank.happen()
        bank.round()
    assert bank.only().due_at == BEGIN + timedelta(minutes=90)


@pytest.mark.fault("F33")
def test_during_a_rotation_both_secrets_sign(bank: World) -> None:
    with receiving() as receiver:
        endpoint_id = bank.endpoint(receiver)
        old = receiver.secrets[0]
        with tenant_scope(bank.institution_id):
            rotated = services.rotate_secret(endpoint_id=endpoint_id, actor=ACTOR, now=bank.moment)
        for secrets, hours, refused in (([old], 0, False), ([rotated.secret], 0, False), ([old], 23, False),
                                        ([old], 25, True), ([rotated.secret], 25, False)):  # fmt: skip
            receiver.secrets, bank.moment = secrets, BEGIN + timedelta(hours=hours)
            bank.happen()
            bank.round()
            assert bool(receiver.requests[-1].refusal) == refused
            assert receiver.requests[-1].headers["webhook-signature"].count("v1,") == (2 if hours < 24 else 1)


def test_rotated_twice_the_oldest_secret_is_out_at_once(bank: World) -> None:
    with receiving() as receiver:
        endpoint_id = bank.endpoint(receiver)
        for _ in range(2):
            bank.pass_time(seconds=1)
            with tenant_scope(bank.institution_id):
                services.rotate_secret(endpoint_id=endpoint_id, actor=ACTOR, now=bank.moment)
        bank.happen()
        bank.round()
    assert receiver.requests[0].refusal
    assert receiver.requests[0].headers["webhook-signature"].count("v1,") == 2


def test_the_loopback_is_refused_at_delivery_once_the_setting_is_off(bank: World, settings: Settings) -> None:
    with receiving() as receiver:
        bank.endpoint(receiver)
        bank.happen()
        settings.WEBHOOK_LOOPBACK = False
        assert bank.round() == 1
    assert receiver.requests == []
    assert (bank.only().state, bank.only().last_fault) == ("waiting", "address_refused")


@dataclass
class Script:
    """A transport that answers by itself, where a test needs no network: it is what a receiver would look like."""

    answer: Answer = field(default_factory=lambda: Answer(204))
    sent: list[Outgoing] = field(default_factory=list)
    error: Exception | None = None
    takes_s: float = 0
    at_once: int = 0
    most_at_once: int = 0
    lock: Lock = field(default_factory=Lock)

    def __call__(self, outgoing: Outgoing) -> Answer:
        with self.lock:
            self.sent.append(outgoing)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.takes_s)
        with self.lock:
            self.at_once -= 1
        if self.error is not None:
            raise self.error
        return self.answer


def silent(bank: World, events: int = 1) -> UUID:
    """An endpoint whose messages a script takes."""
    endpoint_id = bank.endpoint(Receiver(url="http://127.0.0.1:9000/hooks"))
    for _ in range(events):
        bank.happen()
    bank.relay()
    return endpoint_id


@pytest.mark.fault("F16")
def test_a_sender_that_falls_leaves_the_message_to_the_next(bank: World) -> None:
    silent(bank)

    class Killed(BaseException):
        """What no handler catches."""

    with pytest.raises(Killed):
        bank.transport = Script(error=Killed())  # type: ignore[arg-type]  # as if the process were gone
        bank.send()
    bank.transport = script = Script()
    assert bank.send() == 0, "the lease holds"
    bank.pass_time(seconds=59)
    assert bank.send() == 0
    bank.pass_time(seconds=1)
    assert bank.send() == 1
    assert len(script.sent) == 1
    assert (bank.only().state, bank.only().attempts) == ("delivered", 2)


def test_what_fells_every_sender_is_parked(bank: World) -> None:
    silent(bank)
    with platform_scope():
        Delivery.objects.update(attempts=10)
    bank.transport = script = Script()
    assert bank.send() == 0
    assert script.sent == []
    assert (bank.only().state, bank.only().last_fault) == ("parked", "never_settled")
    assert parked_events() == 1


def test_a_mistake_of_ours_is_a_failed_attempt_of_that_message(bank: World) -> None:
    silent(bank)
    bank.transport = Script(error=RuntimeError("secret text"))
    assert bank.send() == 1
    assert (bank.only().state, bank.only().last_fault, bank.only().attempts) == ("waiting", "not_sent", 1)


def test_who_lost_the_lease_writes_nothing(bank: World) -> None:
    """While one sends, its lease ends, another delivers: the first one's failure comes too late."""
    silent(bank)
    with platform_scope():
        first = Delivery.claim(lease=sending.LEASE, each=1, quick=1, slow=0, now=bank.moment)
    bank.pass_time(seconds=61)
    bank.transport = Script()
    assert bank.send() == 1
    with platform_scope():
        assert Delivery.held(first[0]) is None
        outcomes.write([Outcome(first[0], Answer(500), 0.1)], late={}, now=bank.moment)
    assert (bank.only().state, bank.only().last_status) == ("delivered", 204)


def test_who_lost_the_lease_delivers_nothing(bank: World) -> None:
    """While one sends, its lease ends, another fails: the first one's success comes too late to be noted."""
    silent(bank)
    with platform_scope():
        first = Delivery.claim(lease=sending.LEASE, each=1, quick=1, slow=0, now=bank.moment)
    bank.pass_time(seconds=61)
    bank.transport = Script(answer=Answer(500))
    assert bank.send() == 1
    with platform_scope():
        outcomes.write([Outcome(first[0], Answer(204), 0.1)], late={}, now=bank.moment)
    assert (bank.only().state, bank.only().last_status) == ("waiting", 500)


@pytest.mark.django_db(transaction=True)
def test_senders_share_the_work_and_overrun_nobody(bank: World) -> None:
    """After an outage all workers have the same backlog before them."""
    silent(bank, events=count(40, soak=2_000))
    bank.transport = Script(answer=Answer(503))
    bank.send()
    bank.pass_time(seconds=6)
    bank.transport = script = Script(takes_s=0.05)
    together = Barrier(4)

    def work() -> None:
        try:
            together.wait()
            bank.send()
        finally:
            connections["default"].close()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bank.send()
    ids = [outgoing.headers["webhook-id"] for outgoing in script.sent]
    assert len(ids) == len(set(ids)) == count(40, soak=2_000)
    assert 1 < script.most_at_once <= sending.PER_ENDPOINT
    assert {row.state for row in bank.deliveries()} == {"delivered"}


@pytest.mark.fault("F37")
@pytest.mark.django_db(transaction=True)
def test_outcomes_wait_for_an_endpoint_before_they_lock_any_delivery(bank: World) -> None:
    """Whoever turns an endpoint off has it locked and parks its deliveries: neither waits for the other for ever."""
    endpoint_id = silent(bank, events=2)
    first = bank.deliveries()[0]
    has_it, faults = Event(), list[BaseException]()

    def overrun(outgoing: Outgoing) -> Answer:
        return Answer(204 if outgoing.headers["webhook-id"] == str(first.event_id) else 429)

    def turn_off() -> None:
        try:
            with platform_scope():
                row = WebhookEndpoint.locked(endpoint_id)
                has_it.set()
                _until_somebody_waits()
                services.disable(row, reason="asked", actor=ACTOR, now=bank.moment)
        except BaseException as error:  # noqa: BLE001 - the test must see it
            faults.append(error)
        finally:
            connections["default"].close()

    bank.transport = overrun
    other = Thread(target=turn_off)
    other.start()
    has_it.wait()
    assert bank.send() == 2
    other.join()
    assert faults == []
    assert bank.row(endpoint_id).state == "disabled"


def _until_somebody_waits() -> None:
    for _ in range(500):
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits for the endpoint")


def test_the_task_does_all_of_it() -> None:
    from hub import outbox
    from hub.clock import now

    with receiving() as receiver:
        bank = world.make()
        bank.moment = now()
        bank.endpoint(receiver)
        receiver.clock = now
        event_id = bank.happen()
        with platform_scope():
            outbox.relay(now=now())
        tasks.deliver()
        tasks.deliver()
    assert [request.id for request in receiver.requests] == [str(event_id)]
    assert receiver.requests[0].refusal == ""


def test_secrets_and_addresses_stay_out_of_the_logs(bank: World, capfd: pytest.CaptureFixture[str]) -> None:
    with receiving(answers=[500]) as receiver:
        receiver.url += "?key=tell-nobody"
        bank.endpoint(receiver)
        bank.happen()
        bank.round()
    out, err = capfd.readouterr()
    for text in (*receiver.secrets, "tell-nobody"):
        assert text not in out + err
    with platform_scope():
        payloads = str(list(OutboxEvent.objects.values_list("payload", flat=True)))
    assert "whsec_" not in payloads
    assert "127.0.0.1" not in payloads
