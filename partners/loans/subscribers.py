"""What loans do about events: after a report, a file or an advanced clock, outcomes may be due at once."""

from datetime import datetime

from hub.events import Payload
from hub.sandbox import offset_of
from partners.loans.outcomes import mature_outcomes


def mature_after(event: Payload, *, now: datetime) -> None:
    """Look at the loans of the institution that the event is of, by its own clock."""
    if event.institution_id is not None:
        mature_outcomes(now=now + offset_of(event.institution_id), institution_id=event.institution_id)
