"""What the journey does about events."""

from datetime import datetime

from acquisition.journey import services
from hub.events import PersonErased


def forget_erased_person(event: PersonErased, *, now: datetime) -> None:  # noqa: ARG001 - every subscriber gets it
    """Drop the telephone number of a borrower who was erased."""
    services.forget_person(person_id=event.subject_id)
