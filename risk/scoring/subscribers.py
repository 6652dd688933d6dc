"""What scoring does about events: it sends the tasks that long work needs."""

from datetime import datetime

from hub.events import ScoreBatchReceived
from risk.scoring import tasks


def score_received_batch(event: ScoreBatchReceived, *, now: datetime) -> None:  # noqa: ARG001 - every subscriber gets it
    """Score a file of people that was handed in."""
    tasks.score_batch.delay_on_commit(str(event.institution_id), str(event.subject_id))
