"""Events of the reviews of refusals by a person. `due_at` is a moment (ISO 8601)."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from hub.events.base import Payload


@dataclass(frozen=True, slots=True)
class ReviewAsked(Payload):
    """An applicant asked for a person to look at a refusal again."""

    TYPE: ClassVar[str] = "review.asked"
    SUBJECT: ClassVar[str] = "decision_review"

    decision_id: UUID
    application_id: UUID
    due_at: str


@dataclass(frozen=True, slots=True)
class ReviewAssigned(Payload):
    """A review was given to somebody, or went from one to another."""

    TYPE: ClassVar[str] = "review.assigned"
    SUBJECT: ClassVar[str] = "decision_review"

    decision_id: UUID
    assignee_id: UUID


@dataclass(frozen=True, slots=True)
class ReviewExtended(Payload):
    """A review takes longer, and the applicant can read why."""

    TYPE: ClassVar[str] = "review.extended"
    SUBJECT: ClassVar[str] = "decision_review"

    decision_id: UUID
    due_at: str


@dataclass(frozen=True, slots=True)
class ReviewDecided(Payload):
    """A person decided on a refusal again: it stands, or it was `overturned`, which overrides the decision."""

    TYPE: ClassVar[str] = "review.decided"
    SUBJECT: ClassVar[str] = "decision_review"

    decision_id: UUID
    application_id: UUID
    overturned: bool


@dataclass(frozen=True, slots=True)
class ReviewWithdrawn(Payload):
    """A review ended without a decision: the applicant took it back, or was erased."""

    TYPE: ClassVar[str] = "review.withdrawn"
    SUBJECT: ClassVar[str] = "decision_review"

    decision_id: UUID
