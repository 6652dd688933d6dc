"""Events of versions that take over, and of institutions that hold on to the one before."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from hub.events.base import Payload


@dataclass(frozen=True, slots=True)
class ModelAnnounced(Payload):
    """A version of a line that the institution uses becomes champion at `effective_at` (RFC 3339).

    `card` is the address of its model card. `shifts`: what it changes under the institution's own live credit
    policies, one for each currency: applications that were replayed, those it would have been shown by the champion
    (`approved_before`) and by this version (`approved_after`), expected losses, mean yearly rates in percent.
    """

    TYPE: ClassVar[str] = "model.announced"
    SUBJECT: ClassVar[str] = "model_version"

    line_id: UUID
    model_line: str
    number: int
    effective_at: str
    card: str
    shifts: list[dict[str, int | str | None]]


@dataclass(frozen=True, slots=True)
class ModelAnnouncementWithdrawn(Payload):
    """A version that was announced does not take over."""

    TYPE: ClassVar[str] = "model.announcement_withdrawn"
    SUBJECT: ClassVar[str] = "model_version"

    line_id: UUID


@dataclass(frozen=True, slots=True)
class ModelPinned(Payload):
    """An institution goes on being scored by a version until a moment (RFC 3339), for its own calls."""

    TYPE: ClassVar[str] = "model.pinned"
    SUBJECT: ClassVar[str] = "model_version"

    line_id: UUID
    pin_id: UUID
    until: str


@dataclass(frozen=True, slots=True)
class ModelPinReminded(Payload):
    """A pin ends within a week."""

    TYPE: ClassVar[str] = "model.pin_reminded"
    SUBJECT: ClassVar[str] = "model_version"

    line_id: UUID
    pin_id: UUID
    until: str


@dataclass(frozen=True, slots=True)
class ModelUnpinned(Payload):
    """A pin is over and the champion scores again: `ended_by` is expired, released or rolled_back."""

    TYPE: ClassVar[str] = "model.unpinned"
    SUBJECT: ClassVar[str] = "model_version"

    line_id: UUID
    pin_id: UUID
    ended_by: str
