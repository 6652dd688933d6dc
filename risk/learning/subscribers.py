"""What learning does about events: it sends the tasks that long work needs."""

from datetime import datetime

from hub.events import BookRegistered, TrainingRequested
from risk.learning import tasks


def read_registered_book(event: BookRegistered, *, now: datetime) -> None:  # noqa: ARG001 - every subscriber gets it
    """Read a book that was handed in."""
    tasks.read_book.delay_on_commit(str(event.subject_id))


def start_requested_training(event: TrainingRequested, *, now: datetime) -> None:  # noqa: ARG001 - as above
    """Carry out a training that was asked for."""
    tasks.train.delay_on_commit(str(event.subject_id))
