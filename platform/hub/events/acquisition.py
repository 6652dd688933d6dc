"""Events of borrowers' applications."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from hub.events.base import Payload


@dataclass(frozen=True, slots=True)
class ApplicationStarted(Payload):
    """Somebody began to fill in an application; `sandbox_id` names its world."""

    TYPE: ClassVar[str] = "application.started"
    SUBJECT: ClassVar[str] = "application"

    sandbox_id: UUID | None


@dataclass(frozen=True, slots=True)
class ApplicationProved(Payload):
    """The telephone number of an application was proved: it has its person."""

    TYPE: ClassVar[str] = "application.proved"
    SUBJECT: ClassVar[str] = "application"

    person_id: UUID


@dataclass(frozen=True, slots=True)
class ApplicationResumed(Payload):
    """The person of an application opened it on another device, by a new code."""

    TYPE: ClassVar[str] = "application.resumed"
    SUBJECT: ClassVar[str] = "application"

    person_id: UUID


@dataclass(frozen=True, slots=True)
class ApplicationDecided(Payload):
    """An application was scored and went to matching, or was declined."""

    TYPE: ClassVar[str] = "application.decided"
    SUBJECT: ClassVar[str] = "application"

    person_id: UUID
    decision_id: UUID
    outcome: str
