"""What scoring does about events: it sends the tasks that long work needs, and ends what an erased person asked for."""

from datetime import datetime

from hub.events import PersonErased, PoliciesReplayed, ScoreBatchReceived
from risk.scoring import reviews, tasks
from risk.scoring.models import PolicyShift


def score_received_batch(event: ScoreBatchReceived, *, now: datetime) -> None:  # noqa: ARG001 - every subscriber gets it
    """Score a file of people that was handed in."""
    tasks.score_batch.delay_on_commit(str(event.institution_id), str(event.subject_id))


def end_reviews_of_erased_person(event: PersonErased, *, now: datetime) -> None:
    """End the open reviews of a person who was erased."""
    reviews.forget_person(person_id=event.subject_id, now=now)


def note_policy_shift(event: PoliciesReplayed, *, now: datetime) -> None:
    """Keep what a challenger would change for one lender."""
    PolicyShift.keep(event, now=now)
