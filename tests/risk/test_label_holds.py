"""Labels that look made up train nothing until a person has decided; what is honest goes on."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import numpy as np
import pytest

from hub.clock import now
from hub.errors import Conflict, Invalid
from hub.models import AuditRow, OutboxEvent
from hub.tenancy import platform_scope
from risk.learning import holds
from risk.learning.facade import record_agreement, record_outcome, training_gauges
from risk.learning.models import LabelHold, LoanBook, OutcomeEntry
from risk.scoring import facade as scoring
from risk.scoring.models import ModelVersion
from tests.risk.borrowers import borrower, score
from tests.risk.factories import ACTOR, book_bytes, imported, lines
from tests.risk.registry_factory import RITA
from tests.risk.test_training_outcomes import approve, trained

HONEST, CROOKED = uuid4(), uuid4()
SCORED = datetime(2025, 2, 28, 12, tzinfo=UTC)
LOANS, ROWS = 80, 300
NOTE = "Their system wrote goods for bads in March."
pytestmark = pytest.mark.django_db


@pytest.fixture
def book() -> LoanBook:
    """The book of the line `small`, whose champion was trained on it; then two lenders report of their loans."""
    made = imported(book_bytes(lines(ROWS)))
    approve(trained(made).version_id)
    for at, lender in enumerate((HONEST, CROOKED)):
        share(lender)
        report(lender, first=at * LOANS)
    return made


def share(lender: UUID) -> None:
    """Let trainings read what a lender reports."""
    with platform_scope():
        record_agreement(
            lender_id=lender, reference="Agreement 17", begins_on=date(2026, 1, 1), actor=ACTOR, now=now()
        )  # fmt: skip


def report(lender: UUID, *, first: int) -> None:
    """Outcomes of a lender: the riskier half of the honest one's loans is bad, the other one's are as a coin falls."""
    rng = np.random.default_rng(first)
    scored = []
    for number in range(first, first + LOANS):
        known = {"income": float(rng.gamma(4, 5000)), "used": float(rng.uniform(0, 100)), "housing": "own"}
        scored.append(score(borrower(f"b-{number}"), moment=SCORED, line_name="small", features=known))
    risky = np.argsort([float(one.pd) for one in scored])[LOANS // 2 :] if lender == HONEST else rng.permutation(LOANS)
    for at, one in enumerate(scored):
        with platform_scope():
            record_outcome(
                sandbox=False, loan_id=uuid4(), decision_id=one.decision_id, lender_id=lender,
                label="bad" if at in risky[: LOANS // 2] else "good", definition_version=2, window_months=12,
                opened_on=date(2025, 3, 1), observed_on=date(2026, 3, 1), now=now(),
            )  # fmt: skip


def report_of(book: LoanBook) -> dict[str, object]:
    run = trained(book)
    assert run.failure == ""
    with platform_scope():
        found: dict[str, object] = ModelVersion.objects.get(run_id=run.id).report
    return found


def decide(hold: LabelHold, *, release: bool, note: str = NOTE) -> LabelHold:
    with platform_scope():
        return holds.decide_hold(hold_id=hold.id, release=release, note=note, user_id=RITA, now=now())


def the_hold() -> LabelHold:
    with platform_scope():
        return LabelHold.objects.select_related("line").get()


def test_made_up_labels_are_named_held_and_then_released(book: LoanBook) -> None:
    assert report_of(book)["rows"] == ROWS + LOANS
    hold = the_hold()
    assert (hold.lender_id, hold.state, hold.line_id) == (CROOKED, "held", book.line_id)
    assert "AUC" in hold.says
    assert hold.due_at - hold.found_at == timedelta(days=10)
    with platform_scope():
        assert OutboxEvent.objects.get(type="labels.held").payload["lender_id"] == str(CROOKED)
        gauges = [one.value for one in training_gauges() if one.name == "label_holds_overdue"]
        LabelHold.objects.update(due_at=now())
        gauges += [one.value for one in training_gauges() if one.name == "label_holds_overdue"]
        assert scoring.champion(line_name="small").version_id
        assert OutcomeEntry.objects.count() == 2 * LOANS  # the ledger keeps them
    assert gauges == [0, 1]
    assert report_of(book)["rows"] == ROWS + LOANS  # held still, and held once
    assert decide(the_hold(), release=True).state == "released"
    assert report_of(book)["rows"] == ROWS + 2 * LOANS
    assert the_hold().decided_by == RITA


def test_rejected_labels_never_train_and_later_ones_do(book: LoanBook) -> None:
    report_of(book)
    decide(the_hold(), release=False)
    report(HONEST, first=2 * LOANS)
    assert report_of(book)["rows"] == ROWS + 2 * LOANS
    with platform_scope():
        assert AuditRow.objects.filter(action="labels.decided", actor_id=str(RITA)).count() == 1


def test_a_decision_needs_a_sentence_and_is_final(book: LoanBook) -> None:
    with platform_scope():
        first = OutcomeEntry.objects.filter(lender_id=CROOKED).order_by("id")[0].id
        [hold] = holds.hold_labels(line_id=book.line_id, suspicions={CROOKED: "Why."}, actor=ACTOR, now=now())
        assert hold.first_entry == first
        again = holds.hold_labels(line_id=book.line_id, suspicions={CROOKED: "Why."}, actor=ACTOR, now=now())
        assert again == []
    for words in ("", "because", " " * 30):
        with pytest.raises(Invalid) as refusal:
            decide(hold, release=True, note=words)
        assert refusal.value.errors[0].pointer == "/note"
    decide(hold, release=False)
    with pytest.raises(Conflict):
        decide(hold, release=True)
    with platform_scope():  # nothing came since
        assert not holds.hold_labels(line_id=book.line_id, suspicions={CROOKED: "Why."}, actor=ACTOR, now=now())
