"""A line learns from its books and its own outcomes together: one set, each loan once, the same set again (I10)."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest

from hub import erasure
from hub.clock import now
from hub.errors import Conflict
from hub.tenancy import platform_scope
from risk.learning import outcomes, queries, services, training
from risk.learning.assembly import NothingToLearn, TrainingSet, assemble
from risk.learning.facade import record_outcome, train_line
from risk.learning.models import LoanBook, OutcomeEntry, TrainingRun
from risk.scoring import facade as scoring
from risk.scoring import registry
from risk.scoring.models import Decision, ModelVersion
from tests.risk.borrowers import ACTOR, borrower, score
from tests.risk.factories import QUICK, book_bytes, imported, lines
from tests.risk.registry_factory import OSCAR, RITA

OPENED, CLOSED = date(2025, 3, 1), date(2026, 3, 1)
SCORED = datetime(2025, 2, 28, 12, tzinfo=UTC)
BOOK_ROWS = 300
pytestmark = pytest.mark.django_db


@cache
def content() -> bytes:
    return book_bytes(lines(BOOK_ROWS))


@pytest.fixture
def book() -> LoanBook:
    """The book of the line `small`, whose champion was trained on it."""
    made = imported(content())
    approve(trained(made).version_id)
    return made


def trained(book: LoanBook, **more: Any) -> TrainingRun:
    with platform_scope():
        run = services.request_training(
            line_id=book.line_id, requested_by=None, recipe=QUICK, seed=7, actor=ACTOR, now=now(), **more
        )
    return training.train(run_id=run.id, scope=platform_scope, clock=now, actor=ACTOR)


def approve(version_id: UUID | None) -> None:
    assert version_id is not None
    for user_id in (RITA, OSCAR):
        with platform_scope():
            waiver = "So few loans prove nothing yet."
            registry.approve_version(version_id=version_id, user_id=user_id, waiver=waiver, now=now())


def features(number: int) -> dict[str, Any]:
    return {"income": 1000.0 * number, "used": float(number), "housing": "rent" if number % 2 else None}


def funded(number: int, *, income: float | None = None) -> tuple[UUID, UUID]:
    """A loan to a borrower of his own: its id, and the decision it rests on."""
    known = {**features(number), **({"income": income} if income else {})}
    scored = score(borrower(f"b-{number}"), moment=SCORED, line_name="small", features=known)
    return uuid4(), scored.decision_id


def record(loan: tuple[UUID, UUID], label: str = "good", **changed: Any) -> None:
    fields: dict[str, Any] = {
        "sandbox": False, "definition_version": 2, "window_months": 12, "opened_on": OPENED,
        "observed_on": CLOSED, "now": now(), **changed,
    }  # fmt: skip
    with platform_scope():
        record_outcome(loan_id=loan[0], decision_id=loan[1], label=label, **fields)


def newest(book: LoanBook) -> int:
    with platform_scope():
        return queries.newest_outcome(line_id=book.line_id)


def assembled(book: LoanBook, *, until: int | None = None, as_of: date | None = None) -> TrainingSet:
    return assemble(
        [book], scope=platform_scope, check=lambda: None, as_of=as_of,
        outcomes_until=newest(book) if until is None else until,
    )  # fmt: skip


def same(one: TrainingSet, other: TrainingSet) -> bool:
    assert one.time is not None
    assert other.time is not None
    return (
        np.array_equal(one.labels, other.labels)
        and np.array_equal(one.time, other.time)
        and all(
            np.array_equal(column, other.frame.columns[name], equal_nan=name != "housing")
            for name, column in one.frame.columns.items()
        )
    )


def test_outcomes_follow_the_books_with_what_was_known_when_they_were_scored(book: LoanBook) -> None:
    for number, label in ((1, "good"), (2, "bad"), (3, "indeterminate"), (4, "excluded")):
        record(funded(number), label)
    found = assembled(book)
    assert (len(found.labels), found.outcomes, found.immature, found.erased) == (BOOK_ROWS + 2, 2, 0, 0)
    assert found.labels[-2:].tolist() == [0, 1]
    assert found.time is not None
    assert found.time[-2:].tolist() == [OPENED.toordinal()] * 2
    columns = found.frame.columns
    assert [(columns["income"][at], columns["used"][at], columns["housing"][at]) for at in (-2, -1)] == [
        (1000.0, 1.0, "rent"), (2000.0, 2.0, None),
    ]  # fmt: skip


def test_a_correction_takes_the_place_of_what_it_corrects(book: LoanBook) -> None:
    loan, other = funded(1), funded(2)
    record(loan, "good")
    record(other, "good")
    before = newest(book)
    record(loan, "bad", revision=2)
    assert assembled(book).labels[-2:].tolist() == [0, 1]
    assert assembled(book, until=before).labels[-2:].tolist() == [0, 0]
    record(other, "excluded", revision=2)
    assert assembled(book).outcomes == 1


def test_what_came_later_changes_no_earlier_set(book: LoanBook) -> None:
    for number in range(1, 6):
        record(funded(number), "bad" if number % 2 else "good")
    until = newest(book)
    before = assembled(book, until=until)
    record(funded(6), "bad")
    assert same(before, assembled(book, until=until))
    assert not same(before, assembled(book))
    assert assembled(book, until=0).outcomes == 0


def test_as_of_a_day_only_what_was_known_then_counts(book: LoanBook) -> None:
    early, late = funded(1), funded(2)
    record(early, "good")
    record(late, "good", observed_on=CLOSED + timedelta(days=40))
    record(early, "bad", revision=2, observed_on=CLOSED + timedelta(days=30))
    days = [CLOSED - timedelta(days=1), CLOSED, CLOSED + timedelta(days=30), CLOSED + timedelta(days=40)]
    found = [assembled(book, as_of=day) for day in days]
    assert [one.labels[BOOK_ROWS:].tolist() for one in found] == [[], [0], [1], [0, 1]]


def test_as_of_holds_for_books_too(book: LoanBook) -> None:
    found = assembled(book, as_of=date(2024, 6, 30))
    assert (len(found.labels), found.immature) == (BOOK_ROWS, 0)
    with pytest.raises(NothingToLearn, match="not mature yet"):
        assembled(book, as_of=date(2024, 6, 29))


def test_labels_of_another_definition_or_window_are_left_out(book: LoanBook) -> None:
    record(funded(1), definition_version=1)
    record(funded(2), window_months=11)
    assert assembled(book).outcomes == 0
    record(funded(3))
    assert assembled(book).outcomes == 1


def test_an_erased_persons_outcome_is_left_out_and_counted(book: LoanBook) -> None:
    gone, stays = funded(1), funded(2)
    record(gone)
    record(stays, "bad")
    with platform_scope():
        person_id = Decision.objects.get(id=gone[1]).person_id
        erasure.erase_person(person_id=person_id, actor=ACTOR, now=now())
        assert outcomes.forget_person(person_id=person_id, now=now()) == 1
        assert outcomes.forget_person(person_id=person_id, now=now()) == 0
    found = assembled(book)
    assert (found.outcomes, found.erased, found.labels[-1]) == (1, 1, 1)


def test_the_next_version_is_trained_on_both_and_says_so(book: LoanBook) -> None:
    for number in range(1, 61):
        record(funded(number, income=60_000.0 / number), "bad" if number > 40 or number % 9 == 0 else "good")
    done = train_line(
        line_id=book.line_id, requested_by=None, scope=platform_scope, clock=now, actor=ACTOR, say=lambda _: None,
        seed=7, recipe=QUICK,
    )  # fmt: skip
    assert done.failure == ""
    with platform_scope():
        versions = ModelVersion.objects.order_by("number")
        first, second = (version.report for version in versions)
        run = TrainingRun.objects.get(version_id=done.version_id)
    assert (first["rows"], first["outcomes"]["rows"]) == (BOOK_ROWS, 0)
    assert (second["rows"], second["outcomes"]) == (
        BOOK_ROWS + 60, {"rows": 60, "until": newest(book), "erased_left_out": 0, "let_in_by_random_arms": 0},
    )  # fmt: skip
    assert run.outcomes_until == newest(book)
    approve(done.version_id)
    assert score(borrower("next"), line_name="small", features=features(5)).version_id == done.version_id


def test_a_run_keeps_the_outcomes_that_it_began_with(book: LoanBook) -> None:
    record(funded(1))
    with platform_scope():
        run = services.request_training(
            line_id=book.line_id, requested_by=None, recipe=QUICK, seed=7, actor=ACTOR, now=now()
        )

    def more(row: TrainingRun) -> None:
        if row.step.startswith("Fitting bag 1"):
            record(funded(2), "bad")

    training.train(run_id=run.id, scope=platform_scope, clock=now, actor=ACTOR, progress=more)
    with platform_scope():
        report = ModelVersion.objects.get(run_id=run.id).report
        assert OutcomeEntry.objects.count() == 2
    assert report["outcomes"]["rows"] == 1


def test_the_same_labels_give_the_same_version_to_the_bit(book: LoanBook) -> None:
    for number in range(1, 21):
        record(funded(number), "bad" if number % 2 else "good")
    first, again = trained(book), trained(book, as_of=CLOSED)
    with platform_scope():
        one, other = (ModelVersion.objects.get(run_id=run.id) for run in (first, again))
    assert bytes(one.artefact) == bytes(other.artefact)
    assert (other.report["as_of"], one.report["as_of"]) == (CLOSED.isoformat(), None)


def test_a_challenger_from_shuffled_labels_is_refused_and_the_champion_goes_on(book: LoanBook) -> None:
    with platform_scope():
        first = ModelVersion.objects.get(line_id=book.line_id, state="champion")
    assert [one["name"] for one in first.report["criteria"]] == [
        "better_than_chance", "calibrated", "complete", "fair",
    ]  # fmt: skip
    newer = [line.replace(",2022-", ",2023-") for line in lines(600, seed=3, first=BOOK_ROWS + 1)]
    outcomes_ = [line.rsplit(",", 1)[1] for line in newer]
    np.random.default_rng(4).shuffle(outcomes_)
    parts = [line.rsplit(",", 1)[0] for line in newer]
    imported(book_bytes([f"{part},{outcome}" for part, outcome in zip(parts, outcomes_, strict=True)]))
    run = trained(book)
    with platform_scope():
        version = ModelVersion.objects.get(run_id=run.id)
        unmet = {one["name"] for one in version.unmet}
        assert "better_than_chance" in unmet
        assert version.report["champion"] == str(first.id)
        with pytest.raises(Conflict, match="does not meet the promotion criteria"):
            registry.approve_version(version_id=version.id, user_id=RITA, now=now())
        assert scoring.champion(line_name="small").version_id == first.id


def test_labels_that_have_judged_do_not_judge_again(book: LoanBook) -> None:
    again = trained(book)
    with platform_scope():
        [evidence] = [
            one for one in ModelVersion.objects.get(run_id=again.id).report["criteria"] if one["name"] == "evidence"
        ]
    assert (evidence["figure"], evidence["met"], evidence["waivable"]) == ("0", False, True)
