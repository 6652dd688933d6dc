"""A training makes one version from all matured labels; a second worker is kept off, and what fails says why."""

from datetime import timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from hub.clock import now
from hub.errors import Conflict, Invalid, NotFound
from hub.leases import Busy, LeaseLost
from hub.models import OutboxEvent
from hub.tenancy import platform_scope
from risk.learning import queries, services, sweeper, training
from risk.learning.models import LoanBook, TrainingCheckpoint, TrainingRun
from risk.scoring.models import ModelVersion
from tests.risk.factories import ACTOR, MAPPING, QUICK, book_bytes, imported, lines

pytestmark = pytest.mark.django_db
ROWS = 400


def request(book: LoanBook, **more: Any) -> TrainingRun:
    with platform_scope():
        settings = {"requested_by": None, "recipe": QUICK, "seed": 7, **more}
        return services.request_training(line_id=book.line_id, actor=ACTOR, now=now(), **settings)


def train(run_id: UUID, **more: Any) -> TrainingRun:
    return training.train(run_id=run_id, scope=platform_scope, clock=now, actor=ACTOR, **more)


def version_of(run: TrainingRun) -> ModelVersion:
    with platform_scope():
        return ModelVersion.objects.get(run_id=run.id)


def events_of(run: TrainingRun) -> list[str]:
    with platform_scope():
        return list(OutboxEvent.objects.filter(subject_id=run.id).order_by("id").values_list("type", flat=True))


def test_a_training_registers_a_challenger_with_its_report() -> None:
    book = imported(book_bytes(lines(ROWS)))
    trainer = uuid4()
    seen: list[tuple[int, str]] = []
    run = train(request(book, requested_by=trainer).id, progress=lambda row: seen.append((row.percent, row.step)))
    version = version_of(run)
    assert (run.state, run.percent, run.version_id, run.attempts) == ("done", 100, version.id, 1)
    assert (version.state, version.trainer_id, version.line_id) == ("challenger", trainer, book.line_id)
    assert [axis.name for axis in version.scorer().features] == ["income", "used", "housing"]
    report = version.report
    assert (report["kind"], report["rows"], report["bads"]) == ("out_of_time", ROWS, book.bads)
    assert report["cutoff"] >= "2022-09-15"
    assert (report["reference"]["kind"], report["reference"]["jurisdiction"]) == ("BestValue", "*")
    assert 0.5 < report["measures"]["auc"] < 1
    assert sum(point["rows"] for point in report["reliability"]) == report["tested_rows"]
    histogram = report["histogram"]
    assert sum(histogram["goods"]) + sum(histogram["bads"]) == report["tested_rows"]
    assert [percent for percent, _ in seen] == sorted(percent for percent, _ in seen)
    assert seen[-1] == (100, "Done")
    assert events_of(run) == ["training.requested", "training.started", "training.finished"]
    with platform_scope():
        assert not TrainingCheckpoint.objects.filter(run=run).exists()


def test_without_dates_a_small_book_is_checked_by_folds() -> None:
    mapping = MAPPING.replace(b"opened: {role: time}", b"opened: {role: ignored}")
    run = train(request(imported(book_bytes(lines(ROWS)), mapping=mapping)).id)
    report = version_of(run).report
    assert (report["kind"], report["splits"], report["tested_rows"], report["cutoff"]) == ("folds", 5, ROWS, None)


def test_the_same_book_and_seed_give_the_same_artefact_and_another_seed_another() -> None:
    content = book_bytes(lines(ROWS))
    first = version_of(train(request(imported(content)).id))
    again = version_of(train(request(imported(content, line="elsewhere")).id))
    other = version_of(train(request(imported(content, line="elsewhere"), seed=8).id))
    assert bytes(first.artefact) == bytes(again.artefact)
    assert (first.slope_micro, first.intercept_micro) == (again.slope_micro, again.intercept_micro)
    assert first.sha256 != other.sha256


def test_labels_whose_window_was_open_are_left_out() -> None:
    young = MAPPING.replace(b"as_of: 2024-06-30", b"as_of: 2023-06-30")
    book = imported(book_bytes(lines(ROWS)), mapping=young)
    report = version_of(train(request(book).id)).report
    # The accounts were opened from January to December 2022: those from July on had not run for a year.
    late = sum(at % 12 + 1 > 6 for at in range(ROWS))
    assert (report["rows"], report["immature_left_out"]) == (ROWS - late, late)


def test_an_account_counts_once_as_in_its_last_line() -> None:
    imported(book_bytes(lines(ROWS, seed=1)))
    book = imported(book_bytes(lines(ROWS, seed=2, first=101)))
    report = version_of(train(request(book).id)).report
    assert (report["rows"], report["repeated_left_out"]) == (ROWS + 100, ROWS - 100)
    assert [one["rows"] for one in report["books"]] == [ROWS, ROWS]


def test_a_run_that_fails_says_why_on_its_row() -> None:
    book = imported(book_bytes(lines(60)))
    run = train(request(book).id)
    assert run.state == "failed"
    assert "100 loans" in run.failure
    assert events_of(run)[-1] == "training.finished"
    other = imported(book_bytes(lines(60)), mapping=MAPPING.replace(b"currency: HKD", b"currency: USD"))
    failed = train(request(other).id)
    assert "differ in currency" in failed.failure
    with platform_scope():
        assert ModelVersion.objects.count() == 0


def test_a_book_whose_key_is_gone_cannot_train() -> None:
    book = imported(book_bytes(lines(ROWS)))
    with platform_scope():
        book.key.erase(now=now())
    run = train(request(book).id)
    assert (run.state, "erased" in run.failure.lower()) == ("failed", True)


def test_a_request_that_waits_already_is_returned_and_another_one_refused() -> None:
    book = imported(book_bytes(lines(ROWS)))
    first = request(book)
    assert request(book).id == first.id
    with pytest.raises(Conflict):
        request(book, seed=8)
    assert train(first.id).state == "done"
    assert request(book).id != first.id


@pytest.mark.parametrize("more", [{"recipe": {"bags": "two"}}, {"recipe": {"colour": 1}}, {"seed": -1}])
def test_a_wrong_setting_is_refused(more: dict[str, Any]) -> None:
    book = imported(book_bytes(lines(10)))
    with pytest.raises(Invalid):
        request(book, **more)
    with platform_scope():
        assert TrainingRun.objects.count() == 0


def test_a_line_without_a_book_and_an_unknown_line_are_refused() -> None:
    refused = imported(book_bytes(["x"]))
    with pytest.raises(Conflict):
        request(refused)
    with pytest.raises(NotFound), platform_scope():
        services.request_training(line_id=uuid4(), requested_by=None, actor=ACTOR, now=now())


def test_a_cancelled_training_writes_nothing_more() -> None:
    book = imported(book_bytes(lines(ROWS)))
    run_id = request(book).id

    def cancel(run: TrainingRun) -> None:
        if run.step.startswith("Fitting bag 2"):
            with platform_scope():
                services.cancel_training(run_id=run_id, actor=ACTOR, now=now())

    with pytest.raises(LeaseLost):
        train(run_id, progress=cancel)
    with platform_scope():
        run = queries.run_by_id(run_id=run_id)
        assert (run.state, ModelVersion.objects.count(), TrainingCheckpoint.objects.count()) == ("cancelled", 0, 0)
    with pytest.raises(Conflict), platform_scope():
        services.cancel_training(run_id=run_id, actor=ACTOR, now=now())


def test_a_worker_that_lost_its_lease_leaves_the_version_to_the_other() -> None:
    book = imported(book_bytes(lines(ROWS)))
    run_id = request(book).id

    def take_over(run: TrainingRun) -> None:
        if run.attempts == 1 and run.step.startswith("Checking"):
            with platform_scope():
                TrainingRun.locked(run_id).renew(until=now() - timedelta(seconds=1))
                assert sweeper.sweep(now=now()).run_ids == [run_id]
            assert train(run_id).state == "done"

    with pytest.raises(LeaseLost):
        train(run_id, progress=take_over)
    with platform_scope():
        assert ModelVersion.objects.filter(run_id=run_id).count() == 1
        assert queries.run_by_id(run_id=run_id).attempts == 2


@pytest.mark.django_db(transaction=True)
def test_of_two_trainings_at_once_on_one_run_one_works() -> None:
    run_id = request(imported(book_bytes(lines(ROWS)))).id
    barrier, ends = Barrier(2), []

    def work() -> None:
        barrier.wait()
        try:
            ends.append(train(run_id).state)
        except Busy:
            ends.append("busy")
        finally:
            connection.close()

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["busy", "done"]
    with platform_scope():
        assert ModelVersion.objects.filter(run_id=run_id).count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_lease_is_renewed_while_the_worker_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "LEASE", timedelta(seconds=1))
    monkeypatch.setattr(training, "RENEW_S", 0.2)
    slow = {"bags": 8, "growths": [{"leaves": 8, "rounds": 300}]}
    run_id = request(imported(book_bytes(lines(1_500))), recipe=slow).id
    leases = []

    def watch(run: TrainingRun) -> None:
        leases.append(run.lease_until)

    start = now()
    run = train(run_id, progress=watch)
    assert (run.state, run.attempts) == ("done", 1)
    assert (now() - start).total_seconds() > 1.5, "too quick to prove anything"
    assert len({lease for lease in leases if lease}) > 2
