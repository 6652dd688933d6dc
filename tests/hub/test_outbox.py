"""I3: events are positioned after the commit, in order, and each subscriber has its effect once."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.test import override_settings

from hub import audit, events, outbox
from hub.clock import now
from hub.models import AuditRow, InboxEntry, OutboxEvent
from hub.tenancy import platform_scope, tenant_scope

BANK = uuid4()
ACTOR = audit.client_actor("bank-1")
heard: list[events.Payload] = []
pytestmark = pytest.mark.django_db


def hear(payload: events.Payload, *, now: datetime) -> None:
    heard.append(payload)


def refuse(payload: events.Payload, *, now: datetime) -> None:
    audit.record(actor=ACTOR, action="half", subject_type="t", subject_id="1", now=now)
    raise ValueError("secret text")


def consent(person: UUID) -> events.ConsentGiven:
    return events.ConsentGiven(uuid4(), BANK, person_id=person, purpose="credit_scoring")


def publish(payload: events.Payload) -> None:
    with tenant_scope(BANK):
        outbox.publish(payload, actor=ACTOR, now=now())


def relay(moment: datetime | None = None) -> int:
    with platform_scope():
        count = outbox.relay(now=moment or now())
        while outbox.hand_over_one(now=moment or now()):
            pass
    return count


@pytest.fixture(autouse=True)
def _quiet() -> None:
    heard.clear()


def test_an_event_has_its_audit_row() -> None:
    payload = consent(uuid4())
    publish(payload)
    with platform_scope():
        row = AuditRow.objects.get()
        assert (row.action, row.subject_id, row.actor_id) == ("consent.given", str(payload.subject_id), "bank-1")
        assert row.details == {"person_id": str(payload.person_id), "purpose": "credit_scoring"}


def test_nothing_is_written_when_the_change_is_undone() -> None:
    with pytest.raises(RuntimeError), tenant_scope(BANK):
        outbox.publish(consent(uuid4()), actor=ACTOR, now=now())
        raise RuntimeError
    with platform_scope():
        assert not OutboxEvent.objects.exists()
        assert not AuditRow.objects.exists()


def test_positions_have_no_gap_and_sequences_run_per_subject() -> None:
    subject = uuid4()
    for _ in range(3):
        publish(events.ConsentGiven(subject, BANK, person_id=uuid4(), purpose="p"))
        publish(consent(uuid4()))
    assert relay() == 6
    publish(events.ConsentGiven(subject, BANK, person_id=uuid4(), purpose="p"))
    assert relay() == 1
    assert relay() == 0
    with platform_scope():
        positions = list(OutboxEvent.objects.order_by("id").values_list("position", flat=True))
        assert positions == list(range(positions[0] or 0, (positions[0] or 0) + 7))
        mine = OutboxEvent.objects.filter(subject_id=subject).order_by("position")
        assert list(mine.values_list("sequence", flat=True)) == [1, 2, 3, 4]


@override_settings(EVENT_SUBSCRIBERS={"consent.given": ["tests.hub.test_outbox.hear"]})
def test_a_subscriber_hears_the_typed_payload_once() -> None:
    payload = consent(uuid4())
    publish(payload)
    relay()
    relay()
    assert heard == [payload]
    with platform_scope():
        assert InboxEntry.objects.get().state == "done"


@override_settings(EVENT_SUBSCRIBERS={"consent.given": ["tests.hub.test_outbox.refuse", "tests.hub.test_outbox.hear"]})
def test_a_failing_subscriber_is_parked_after_five_times_and_disturbs_nobody() -> None:
    publish(consent(uuid4()))
    moment = now()
    for _ in range(8):
        relay(moment)
        moment += timedelta(days=1)
    with platform_scope():
        entry = InboxEntry.objects.get(subscriber__endswith="refuse")
        assert (entry.state, entry.attempts, entry.fault) == ("parked", 5, "ValueError")
        assert not AuditRow.objects.filter(action="half").exists()
    assert len(heard) == 1


def test_every_declared_type_reads_back_what_it_wrote() -> None:
    payload = events.ModelPromoted(uuid4(), None, line_id=uuid4(), previous_id=None, rolled_back=True)
    assert events.read(payload.TYPE, payload.body()) == payload
    for name, kind in events.known_types().items():
        assert name == kind.TYPE
        noun, _, verb = name.partition(".")
        assert noun
        assert verb
        assert kind.SUBJECT
