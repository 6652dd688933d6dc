"""Law as data: dated entries per jurisdiction, each with its source. Pure: no Django, no database."""

from hub.rulebook.entry import ANYWHERE, Entry, NoReviewedEntry, in_force
from hub.rulebook.reasons import REASON_REFERENCES, BestValue, NearCutOff, ReasonRule

__all__ = [
    "ANYWHERE",
    "REASON_REFERENCES",
    "BestValue",
    "Entry",
    "NearCutOff",
    "NoReviewedEntry",
    "ReasonRule",
    "in_force",
]
