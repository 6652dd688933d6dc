"""A refusal that its applicant contests is looked at again by a person, in time, and his word is the override."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, ProgrammingError, transaction

from hub import erasure, outbox
from hub.clock import now
from hub.errors import Conflict, Erased, Invalid, NotFound
from hub.models import AuditRow, OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from risk.scoring import facade, reviews
from risk.scoring.facade import Means, ReviewView, ScoredApplication
from risk.scoring.models import Decision, DecisionReview
from tests.risk.borrowers import ACTOR, borrower, score
from tests.risk.registry_factory import make_champion, make_line

SAID = "The income is from last year: I earn twice as much now."
WHY = "The pay slips of three months show the higher income."
OLGA, RITA = uuid4(), uuid4()
POOR = Means("HKD", Decimal(9_000), "stated", Decimal(6_000), Decimal(2_000), Decimal(300_000), 24)
pytestmark = pytest.mark.django_db


@pytest.fixture
def refused() -> Iterator[ScoredApplication]:
    make_champion(make_line())
    made = score(means=POOR)
    assert made.affordability is not None
    assert (made.action, made.affordability.limit_instalment) == ("decline", Decimal(0))
    with platform_scope():
        yield made


def ask(refused: ScoredApplication, statement: str = SAID, *, moment: datetime | None = None) -> ReviewView:
    return facade.ask_review(
        decision_id=refused.decision_id, application_id=refused.decision_id, sandbox_id=None, language="zh-hant",
        statement=statement, actor=ACTOR, now=moment or now(),
    )  # fmt: skip


def decide(review_id: UUID, **changed: Any) -> DecisionReview:
    fields = {"overturn": True, "reason": WHY, "instalment_max": Decimal(1_500), **changed}
    return reviews.decide_review(review_id=review_id, user_id=RITA, now=now(), **fields)


def overturned(refused: ScoredApplication, *, until: datetime | None = None) -> frozenset[UUID]:
    line_id = facade.line_of(decision_id=refused.decision_id).id
    return facade.overturned(line_id=line_id, until=until or now())


def told(review_id: UUID) -> list[str]:
    return list(OutboxEvent.objects.filter(subject_id=review_id).order_by("id").values_list("type", flat=True))


def test_overturned_in_time_it_overrides_the_decision_which_stays_as_it_was(refused: ScoredApplication) -> None:
    asked = ask(refused)
    assert (asked.state, asked.statement, asked.due_at - asked.asked_at) == ("open", SAID, timedelta(days=21))
    assert ask(refused, "Another tab says it again, in other words.") == asked
    reviews.take_review(review_id=asked.id, user_id=OLGA, now=now())
    reviews.take_review(review_id=asked.id, user_id=OLGA, now=now())
    decide(asked.id)
    seen = facade.review_of(decision_id=refused.decision_id)
    assert seen is not None
    assert (seen.state, seen.reason, seen.ended_at is not None) == ("overturned", WHY, True)
    assert told(asked.id) == ["review.asked", "review.assigned", "review.decided"]
    assert AuditRow.objects.filter(subject_id=str(asked.id)).count() == 3
    again = facade.overridden_application(decision_id=refused.decision_id)
    assert again.affordability is not None
    assert (again.action, again.affordability.limit_instalment) == ("review", Decimal(1_500))
    assert (again.grade, again.pd, again.reasons) == (refused.grade, refused.pd, refused.reasons)
    assert overturned(refused) == {refused.decision_id}
    assert overturned(refused, until=asked.asked_at) == frozenset()
    assert facade.read_application(decision_id=refused.decision_id) == refused
    assert facade.replay_application(decision_id=refused.decision_id) == "identical"
    with pytest.raises(Conflict):
        decide(asked.id, overturn=False)


def test_upheld_it_stands_and_is_not_asked_for_again(refused: ScoredApplication) -> None:
    asked = ask(refused)
    reviews.take_review(review_id=asked.id, user_id=OLGA, now=now())
    decide(asked.id, overturn=False)
    assert ask(refused).state == "upheld"
    assert overturned(refused) == frozenset()
    with pytest.raises(Conflict, match="nothing left"):
        reviews.extend_review(review_id=asked.id, reason=WHY, user_id=OLGA, now=now())
    with pytest.raises(Conflict):
        facade.overridden_application(decision_id=refused.decision_id)
    with pytest.raises(Conflict):
        facade.withdraw_review(review_id=asked.id, actor=ACTOR, now=now())


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [({"reason": "No."}, "/reason"), ({"reason": "x" * 2_001}, "/reason"),
     *(({"instalment_max": wrong}, "/instalment_max") for wrong in (None, Decimal(0), Decimal("NaN")))],
)  # fmt: skip
def test_a_verdict_says_why_and_what_is_affordable(
    refused: ScoredApplication, changed: dict[str, Any], pointer: str
) -> None:
    asked = ask(refused)
    reviews.take_review(review_id=asked.id, user_id=OLGA, now=now())
    with pytest.raises(Invalid) as caught:
        decide(asked.id, **changed)
    assert [fault.pointer for fault in caught.value.errors] == [pointer]
    assert DecisionReview.objects.get().state == "assigned"


def test_nobody_decides_what_nobody_has_taken(refused: ScoredApplication) -> None:
    asked = ask(refused)
    with pytest.raises(Conflict):
        decide(asked.id)
    assert DecisionReview.objects.get().state == "open"
    with pytest.raises(NotFound):
        decide(uuid4())


def test_more_time_is_given_once_before_it_is_due_and_told(refused: ScoredApplication) -> None:
    asked = ask(refused, moment=now() - timedelta(days=20))
    late: dict[str, Any] = {"review_id": asked.id, "user_id": OLGA, "reason": WHY}
    assert reviews.overdue(at=now()) == 0
    assert reviews.overdue(at=now() + timedelta(days=2)) == 1
    with pytest.raises(Conflict, match="hide"):
        reviews.extend_review(now=now() + timedelta(days=2), **late)
    reviews.extend_review(now=now(), **late)
    seen = facade.review_of(decision_id=refused.decision_id)
    assert seen is not None
    assert (seen.extension, seen.due_at - seen.asked_at) == (WHY, timedelta(days=51))
    assert told(asked.id)[-1] == "review.extended"
    assert [gauge.value for gauge in facade.gauges() if gauge.name == "reviews_overdue"] == [0]
    with pytest.raises(Conflict, match="already"):
        reviews.extend_review(now=now(), **late)


def test_what_was_withdrawn_may_be_asked_for_again_but_not_for_ever(refused: ScoredApplication) -> None:
    for _ in range(reviews.ASKED_MAX):
        asked = ask(refused)
        facade.withdraw_review(review_id=asked.id, actor=ACTOR, now=now())
        facade.withdraw_review(review_id=asked.id, actor=ACTOR, now=now())
        assert told(asked.id) == ["review.asked", "review.withdrawn"]
    assert facade.review_of(decision_id=refused.decision_id) is None
    with pytest.raises(Conflict, match="too often"):
        ask(refused)


def test_without_a_sentence_nothing_is_asked(refused: ScoredApplication) -> None:
    for statement in ("", "   ", "Unfair!", "x" * 2_001, "a\0" * 20):
        with pytest.raises(Invalid):
            ask(refused, statement)
    with pytest.raises(NotFound):
        facade.ask_review(
            decision_id=uuid4(), application_id=uuid4(), sandbox_id=None, language="en", statement=SAID, actor=ACTOR,
            now=now(),
        )  # fmt: skip
    assert not DecisionReview.objects.exists()


def test_the_database_keeps_to_one_review_and_to_the_flow(refused: ScoredApplication) -> None:
    ask(refused)
    decision = Decision.objects.select_related("person").get()
    with pytest.raises(IntegrityError, match="scoring_decisionreview_one"), transaction.atomic():
        DecisionReview.ask(
            decision=decision, application_id=uuid4(), sandbox_id=None, language="en", statement=SAID, now=now()
        )
    with pytest.raises(IntegrityError, match="scoring_decisionreview_state_flow"), transaction.atomic():
        DecisionReview.objects.update(state="upheld", assignee_id=RITA, decided_by=RITA, verdict=b"x", ended_at=now())


def test_an_erased_person_leaves_nothing_open_and_nothing_to_read() -> None:
    make_champion(make_line())
    person_id = borrower("to be erased")
    made = score(person_id, means=POOR)
    with platform_scope():
        asked = ask(made)
        erasure.erase_person(person_id=person_id, actor=ACTOR, now=now())
        while outbox.relay(now=now()):
            pass
        while outbox.hand_over_one(now=now()):
            pass
        row = DecisionReview.objects.select_related("decision__person").get()
        assert (row.id, row.state) == (asked.id, "withdrawn")
        with pytest.raises(Erased):
            row.said()


def test_institutions_have_no_right_on_reviews() -> None:
    with tenant_scope(uuid4()), pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        DecisionReview.objects.count()
