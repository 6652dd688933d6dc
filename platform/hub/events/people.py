"""Events of people and their consents."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from hub.events.base import Payload


@dataclass(frozen=True, slots=True)
class PersonErased(Payload):
    """A person's keys were destroyed."""

    TYPE: ClassVar[str] = "person.erased"
    SUBJECT: ClassVar[str] = "person"


@dataclass(frozen=True, slots=True)
class ConsentGiven(Payload):
    """A consent was recorded. To a lender that it was given for, `person_id` is not told: it knows the consent's id."""

    TYPE: ClassVar[str] = "consent.given"
    SUBJECT: ClassVar[str] = "consent"

    person_id: UUID | None
    purpose: str


@dataclass(frozen=True, slots=True)
class ConsentWithdrawn(Payload):
    """A consent was withdrawn; `person_id` as in `ConsentGiven`."""

    TYPE: ClassVar[str] = "consent.withdrawn"
    SUBJECT: ClassVar[str] = "consent"

    person_id: UUID | None
    purpose: str
