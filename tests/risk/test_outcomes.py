"""Outcomes come into the label ledger once, after their window; corrections supersede; nobody changes a row (I10)."""

import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Event, Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from hub import erasure, events, outbox
from hub.clock import now
from hub.crypto import DataKey
from hub.errors import Conflict, Erased, Invalid, NotFound
from hub.models import AuditRow, InboxEntry, OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from risk.learning import queries
from risk.learning.facade import record_outcome
from risk.learning.models import OutcomeEntry
from risk.scoring.facade import SANDBOX_LINE
from risk.scoring.models import Decision
from risk.scoring.services import ConsentReference, score_person
from tests.risk.borrowers import ACTOR, FEATURES, borrower, score
from tests.risk.registry_factory import make_champion, make_line

OPENED, CLOSED = date(2024, 2, 29), date(2025, 2, 28)
SCORED = datetime(2024, 2, 28, 9, tzinfo=UTC)
pytestmark = pytest.mark.django_db
_number = itertools.count(1)


@pytest.fixture
def decision_id() -> UUID:
    make_champion(make_line())
    return score(borrower(f"b-{next(_number)}"), moment=SCORED).decision_id


def record(loan_id: UUID, decision_id: UUID, **changed: Any) -> bool:
    fields: dict[str, Any] = {
        "sandbox": False, "label": "good", "definition_version": 1, "window_months": 12, "opened_on": OPENED,
        "observed_on": CLOSED, **changed,
    }  # fmt: skip
    with platform_scope():
        return record_outcome(loan_id=loan_id, decision_id=decision_id, now=now(), **fields)


def rows() -> list[tuple[str, int]]:
    with platform_scope():
        return list(OutcomeEntry.objects.values_list("label", "revision"))


def test_the_chance_of_a_random_arm_is_kept(decision_id: UUID) -> None:
    loans = [uuid4(), uuid4()]
    assert record(loans[0], decision_id, propensity=Decimal("0.05"))
    assert record(loans[1], decision_id)
    with platform_scope():
        found = list(OutcomeEntry.objects.order_by("id").values_list("loan_id", "propensity"))
    assert found == [(loans[0], Decimal("0.05")), (loans[1], Decimal(1))]


def test_an_outcome_is_entered_once_with_what_was_known_then(decision_id: UUID) -> None:
    loan = uuid4()
    assert [record(loan, decision_id) for _ in range(20)] == [True] + [False] * 19
    with platform_scope():
        entry = OutcomeEntry.objects.select_related("key").get()
        assert (entry.loan_id, entry.decision_id, entry.label, entry.matures_on) == (loan, decision_id, "good", CLOSED)
        assert entry.key.kind == DataKey.LABEL
        assert entry.key_id != Decision.objects.get().person_id
        assert b"9000" in entry.key.open(bytes(entry.sealed), place=entry.place)
        assert b"9000" not in bytes(entry.sealed)
        event = OutboxEvent.objects.get(type="label.recorded")
        assert (event.subject_id, event.institution_id, event.payload["label"]) == (loan, None, "good")
        assert AuditRow.objects.filter(action="label.recorded").count() == 1


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
def test_the_highest_revision_counts_whatever_order_they_come_in(decision_id: UUID, order: tuple[int, ...]) -> None:
    loan, labels = uuid4(), {1: "good", 2: "indeterminate", 3: "bad"}
    for revision in order:
        assert record(loan, decision_id, revision=revision, label=labels[revision])
    for revision in order:
        assert not record(loan, decision_id, revision=revision, label=labels[revision])
    with platform_scope():
        line_id = OutcomeEntry.objects.values_list("line_id", flat=True)[0]
        assert queries.outcome_counts(line_id=line_id) == {"bad": 1}
        assert OutcomeEntry.objects.count() == 3
        assert DataKey.objects.filter(kind=DataKey.LABEL).count() == 1


@pytest.mark.parametrize(
    "changed",
    [{"label": "bad"}, {"observed_on": CLOSED + timedelta(days=1)}, {"opened_on": OPENED - timedelta(days=1)}],
)
def test_a_revision_says_one_thing(decision_id: UUID, changed: dict[str, Any]) -> None:
    loan = uuid4()
    record(loan, decision_id)
    with pytest.raises(Conflict, match="Revision 1"):
        record(loan, decision_id, **changed)
    assert rows() == [("good", 1)]


def test_another_definition_is_another_label(decision_id: UUID) -> None:
    loan = uuid4()
    assert record(loan, decision_id)
    assert record(loan, decision_id, definition_version=2, label="bad")
    assert rows() == [("good", 1), ("bad", 1)]


@pytest.mark.parametrize("label", ["good", "bad"])
def test_nothing_is_entered_before_the_window_has_closed(decision_id: UUID, label: str) -> None:
    with pytest.raises(Conflict, match="2025-02-28"):
        record(uuid4(), decision_id, label=label, observed_on=CLOSED - timedelta(days=1))
    assert rows() == []
    assert record(uuid4(), decision_id, label=label)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"label": "immature"}, Invalid),
        ({"definition_version": 0}, Invalid),
        ({"window_months": 0}, Invalid),
        ({"revision": 0}, Invalid),
        ({"opened_on": date(2024, 2, 26), "observed_on": CLOSED}, Conflict),
    ],
)
def test_what_cannot_be_is_refused(decision_id: UUID, changed: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        record(uuid4(), decision_id, **changed)
    assert rows() == []


def lines() -> list[str]:
    with platform_scope():
        return list(OutcomeEntry.objects.values_list("line__name", flat=True))


def decided_by_the_sandbox_line() -> UUID:
    make_champion(make_line(SANDBOX_LINE))
    return score(borrower(f"b-{next(_number)}"), moment=SCORED, line_name=SANDBOX_LINE).decision_id


@pytest.mark.parametrize("sandbox", [False, True])
def test_an_unknown_decision_and_an_institutions_are_refused(sandbox: bool) -> None:
    bank = uuid4()
    make_champion(make_line(SANDBOX_LINE))
    with tenant_scope(bank):
        own = score_person(
            institution_id=bank, line_name=SANDBOX_LINE, person_reference="p-1",
            consent_reference=ConsentReference("c-1", "2026-01", now()), features=FEATURES, actor=ACTOR, now=now(),
        ).decision  # fmt: skip
    for decision_id in (uuid4(), own.id):
        with pytest.raises(NotFound):
            record(uuid4(), decision_id, sandbox=sandbox)
    assert rows() == []


def test_a_sandbox_teaches_its_own_line_alone_and_nothing_else_does(decision_id: UUID) -> None:
    theirs = decided_by_the_sandbox_line()
    assert not record(uuid4(), decision_id, sandbox=True)
    with pytest.raises(Conflict, match="sandboxes alone"):
        record(uuid4(), theirs)
    assert rows() == []
    assert record(uuid4(), theirs, sandbox=True)
    assert record(uuid4(), decision_id)
    assert lines() == [SANDBOX_LINE, "consumer"]


def test_the_ledger_itself_refuses_an_open_window(decision_id: UUID) -> None:
    record(uuid4(), decision_id)
    with platform_scope():
        entry = OutcomeEntry.objects.get()
    entry.pk, entry.revision, entry.observed_on = None, 2, CLOSED - timedelta(days=1)
    with pytest.raises(IntegrityError, match="learning_outcomeentry_window_closed"), platform_scope():
        entry.save(force_insert=True)


@pytest.mark.parametrize(
    "statement", ["UPDATE learning_outcomeentry SET label = 'bad'", "DELETE FROM learning_outcomeentry"]
)
def test_nobody_changes_an_entry(decision_id: UUID, statement: str) -> None:
    record(uuid4(), decision_id)
    with pytest.raises(ProgrammingError, match="permission denied"), platform_scope(), transaction.atomic():
        connection.cursor().execute(statement)


def test_the_ledger_is_closed_to_institutions() -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), tenant_scope(uuid4()), transaction.atomic():
        OutcomeEntry.objects.count()


# --- by event ---------------------------------------------------------------------------------------------------------


def matured(loan_id: UUID, decision_id: UUID, **changed: Any) -> None:
    fields: dict[str, Any] = {
        "line_name": "consumer", "sandbox": False, "decision_id": decision_id, "label": "bad", "definition_version": 1,
        "window_months": 12, "opened_on": OPENED.isoformat(), "observed_on": CLOSED.isoformat(), "revision": 1,
        **changed,
    }  # fmt: skip
    with platform_scope():
        outbox.publish(events.OutcomeMatured(loan_id, uuid4(), **fields), actor=ACTOR, now=now())


def relay() -> None:
    with platform_scope():
        outbox.relay(now=now())
        while outbox.hand_over_one(now=now()):
            pass


def test_a_matured_outcome_reaches_the_ledger_however_often_it_is_told(decision_id: UUID) -> None:
    loan = uuid4()
    for _ in range(3):
        matured(loan, decision_id)
    matured(loan, decision_id, label="good", revision=2)
    relay()
    assert rows() == [("bad", 1), ("good", 2)]
    with platform_scope():
        entries = InboxEntry.objects.filter(event__type="outcome.matured")
        assert set(entries.values_list("state", flat=True)) == {"done"}


def test_an_outcome_told_too_early_waits_in_sight(decision_id: UUID) -> None:
    matured(uuid4(), decision_id, observed_on=(CLOSED - timedelta(days=1)).isoformat())
    relay()
    assert rows() == []
    with platform_scope():
        entry = InboxEntry.objects.get(event__type="outcome.matured")
        assert (entry.state, entry.attempts, entry.fault) == ("waiting", 1, "Conflict")


@pytest.mark.parametrize(
    ("by_sandbox_line", "sandbox", "entered", "left"),
    [
        (True, True, [SANDBOX_LINE], ("done", "")),
        (False, True, [], ("done", "")),
        (False, False, ["consumer"], ("done", "")),
        (True, False, [], ("waiting", "Conflict")),  # cannot be: it waits in sight
    ],
)
def test_outcomes_of_sandboxes_and_of_live_loans_part(
    decision_id: UUID, by_sandbox_line: bool, sandbox: bool, entered: list[str], left: tuple[str, str]
) -> None:
    decided = decided_by_the_sandbox_line() if by_sandbox_line else decision_id
    matured(uuid4(), decided, line_name=SANDBOX_LINE if by_sandbox_line else "consumer", sandbox=sandbox)
    relay()
    assert lines() == entered
    with platform_scope():
        entry = InboxEntry.objects.get(event__type="outcome.matured")
        assert (entry.state, entry.fault) == left
        assert OutboxEvent.objects.filter(type="label.recorded").count() == len(entered)


def test_the_labels_of_an_erased_person_cannot_be_read(decision_id: UUID) -> None:
    loan = uuid4()
    record(loan, decision_id)
    other = score(borrower("other"), moment=SCORED).decision_id
    record(uuid4(), other)
    with platform_scope():
        erasure.erase_person(person_id=Decision.objects.get(id=decision_id).person_id, actor=ACTOR, now=now())
    relay()
    with platform_scope():
        mine = OutcomeEntry.objects.select_related("key").get(loan_id=loan)
        with pytest.raises(Erased):
            mine.key.open(bytes(mine.sealed), place=mine.place)
        theirs = OutcomeEntry.objects.select_related("key").exclude(loan_id=loan).get()
        assert theirs.key.erased_at is None
    assert not record(loan, decision_id, revision=2, label="bad")
    assert len(rows()) == 2


@pytest.mark.django_db(transaction=True)
def test_ids_become_visible_in_their_order() -> None:
    make_champion(make_line())
    first, second = (score(borrower(name), moment=SCORED).decision_id for name in ("one", "two"))
    entered, ended = Event(), []

    def later() -> None:
        entered.wait()
        record(uuid4(), second)
        ended.append(True)
        connection.close()

    thread = Thread(target=later)
    thread.start()
    with platform_scope():
        assert record_outcome(
            sandbox=False, loan_id=uuid4(), decision_id=first, label="good", definition_version=1,
            window_months=12, opened_on=OPENED, observed_on=CLOSED, now=now(),
        )  # fmt: skip
        entered.set()
        thread.join(0.5)
        assert ended == []
    thread.join()
    assert ended == [True]
    assert len(rows()) == 2
