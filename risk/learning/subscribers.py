"""What learning does about events: it sends the tasks that long work needs, and enters what loans turned out to be."""

from datetime import date, datetime
from decimal import Decimal

from hub.events import AlertOpened, BookRegistered, OutcomeMatured, PersonErased, TrainingRequested
from risk.learning import outcomes, retraining, tasks


def read_registered_book(event: BookRegistered, *, now: datetime) -> None:  # noqa: ARG001 - every subscriber gets it
    """Read a book that was handed in."""
    tasks.read_book.delay_on_commit(str(event.subject_id))


def start_requested_training(event: TrainingRequested, *, now: datetime) -> None:  # noqa: ARG001 - as above
    """Carry out a training that was asked for."""
    tasks.train.delay_on_commit(str(event.subject_id))


def record_matured_outcome(event: OutcomeMatured, *, now: datetime) -> None:
    """Enter an outcome into the label ledger, unless it is a sandbox's that has no place there."""
    outcomes.record_outcome(
        sandbox=event.sandbox, loan_id=event.subject_id, decision_id=event.decision_id,
        label=event.label, definition_version=event.definition_version, window_months=event.window_months,
        opened_on=date.fromisoformat(event.opened_on), observed_on=date.fromisoformat(event.observed_on),
        revision=event.revision, lender_id=event.institution_id, propensity=Decimal(event.propensity), now=now,
    )  # fmt: skip


def retrain_as_figures_drift(event: AlertOpened, *, now: datetime) -> None:
    """Train a line again whose figures left their limits."""
    retraining.retrain_on_drift(line_id=event.line_id, metric=event.metric, now=now)


def forget_erased_person(event: PersonErased, *, now: datetime) -> None:
    """Make the labels of an erased person's loans unreadable too."""
    outcomes.forget_person(person_id=event.subject_id, now=now)
