"""Events of files of people to be scored."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from hub.events.base import Payload


@dataclass(frozen=True, slots=True)
class ScoreBatchReceived(Payload):
    """A file of people was handed in and waits to be scored."""

    TYPE: ClassVar[str] = "score_batch.received"
    SUBJECT: ClassVar[str] = "score_batch"

    version_id: UUID
    lines: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ScoreBatchAdvanced(Payload):
    """Some lines of a file were scored, each with a decision record; it stands for the events of one at a time.

    `consents`: how many were recorded by their first mention. `digest`: SHA-256 over a text line for each of the
    file's, "number decision consent person" by their ids, or "number -" for one with a problem.
    """

    TYPE: ClassVar[str] = "score_batch.advanced"
    SUBJECT: ClassVar[str] = "score_batch"

    first_line: int
    last_line: int
    scored: int
    problems: int
    consents: int
    digest: str


@dataclass(frozen=True, slots=True)
class ScoreBatchFinished(Payload):
    """A file is through, or was given up: `failure` says why."""

    TYPE: ClassVar[str] = "score_batch.finished"
    SUBJECT: ClassVar[str] = "score_batch"

    scored: int
    problems: int
    failure: str
