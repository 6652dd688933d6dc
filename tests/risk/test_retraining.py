"""A line is trained again by itself: with new labels after a month, sooner with many, and as its figures drift."""

from datetime import date, timedelta
from uuid import uuid4

import pytest

from hub.clock import now
from hub.errors import Conflict
from hub.tenancy import platform_scope
from risk.learning import queries, services
from risk.learning.facade import record_agreement
from risk.learning.models import LoanBook, TrainingRun
from risk.learning.retraining import BADS_ENOUGH, EVERY, LABELS_ENOUGH, REST, request_due_trainings, retrain_on_drift
from tests.risk.factories import ACTOR, book_bytes, imported, lines
from tests.risk.test_training_outcomes import BOOK_ROWS, approve, funded, record, trained

pytestmark = pytest.mark.django_db
SOON = REST + timedelta(minutes=1)
AGREED = date(2026, 1, 1)


@pytest.fixture
def book() -> LoanBook:
    """The book of a line that was trained on it a moment ago."""
    made = imported(book_bytes(lines(BOOK_ROWS)))
    approve(trained(made).version_id)
    return made


def due(after: timedelta) -> list[TrainingRun]:
    with platform_scope():
        return request_due_trainings(now=now() + after)


def drifted(book: LoanBook, metric: str, after: timedelta) -> TrainingRun | None:
    with platform_scope():
        return retrain_on_drift(line_id=book.line_id, metric=metric, now=now() + after)


def test_nothing_new_is_no_reason(book: LoanBook) -> None:
    assert due(timedelta(days=400)) == []
    assert drifted(book, "psi", timedelta(days=400)) is None


def test_a_month_and_one_new_label_are_a_reason_once(book: LoanBook) -> None:
    record(funded(1), "bad")
    assert due(EVERY - timedelta(minutes=1)) == []
    [run] = due(EVERY)
    assert (run.line_id, run.requested_by, run.state) == (book.line_id, None, "queued")
    assert due(EVERY + timedelta(days=40)) == []  # it waits
    with platform_scope():
        assert queries.runs(line_id=book.line_id).count() == 2


def test_many_new_labels_are_a_reason_after_a_day(book: LoanBook) -> None:
    imported(book_bytes(lines(LABELS_ENOUGH - 1, seed=2, first=BOOK_ROWS + 1)))
    assert due(SOON) == []
    record(funded(1), "bad")
    with platform_scope():
        rows, bads = queries.labels_since(run=queries.runs(line_id=book.line_id)[0])
    assert rows == LABELS_ENOUGH
    assert bads >= BADS_ENOUGH
    assert due(REST - timedelta(minutes=1)) == []
    assert len(due(SOON)) == 1


def test_labels_that_nobody_shares_are_no_reason(book: LoanBook) -> None:
    lender = uuid4()
    record(funded(1), "bad", lender_id=lender)
    assert due(EVERY) == []
    assert drifted(book, "psi", SOON) is None
    with platform_scope():
        record_agreement(lender_id=lender, reference="Agreement 17", begins_on=AGREED, actor=ACTOR, now=now())
    assert len(due(EVERY)) == 1


def test_drift_is_a_reason_where_there_is_something_to_learn(book: LoanBook) -> None:
    record(funded(1))
    assert drifted(book, "impact_ratio", SOON) is None  # another model would not mend it by itself
    assert drifted(book, "calibration", timedelta(minutes=1)) is None
    run = drifted(book, "calibration", SOON)
    assert run is not None
    assert run.state == "queued"
    assert drifted(book, "csi", SOON) is None  # it waits


def test_one_that_failed_rests_before_it_is_tried_again(book: LoanBook) -> None:
    record(funded(1))
    [run] = due(EVERY)
    with platform_scope():
        services.cancel_training(run_id=run.id, actor=ACTOR, now=now() + EVERY)
        with pytest.raises(Conflict):
            services.cancel_training(run_id=run.id, actor=ACTOR, now=now() + EVERY)
    assert due(EVERY + REST - timedelta(minutes=1)) == []
    assert due(EVERY + EVERY) != []
