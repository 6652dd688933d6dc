"""Events of the watch over models."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from hub.events.base import Payload


@dataclass(frozen=True, slots=True)
class LineMonitored(Payload):
    """The figures of a model line were computed as of the end of a day (ISO 8601)."""

    TYPE: ClassVar[str] = "line.monitored"
    SUBJECT: ClassVar[str] = "monitoring_run"

    line_id: UUID
    version_id: UUID
    day: str
    figures: int


@dataclass(frozen=True, slots=True)
class AlertOpened(Payload):
    """A figure of a model line is beyond its limit. `segment` is its kind and name, or empty for the whole."""

    TYPE: ClassVar[str] = "alert.opened"
    SUBJECT: ClassVar[str] = "alert"

    line_id: UUID
    metric: str
    segment: str


@dataclass(frozen=True, slots=True)
class AlertClosed(Payload):
    """A figure is back within its limit, or belonged to a version that is not in use any more."""

    TYPE: ClassVar[str] = "alert.closed"
    SUBJECT: ClassVar[str] = "alert"

    line_id: UUID
    metric: str
    segment: str
