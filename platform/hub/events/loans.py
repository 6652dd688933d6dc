"""Events of funded loans and of what institutions report of them. How they turned out: `learning.OutcomeMatured`."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from hub.events.base import Payload


@dataclass(frozen=True, slots=True)
class LoanFunded(Payload):
    """A loan began. `application_id` is its one application; the terms are those of the signed contract."""

    TYPE: ClassVar[str] = "loan.funded"
    SUBJECT: ClassVar[str] = "loan"

    referral_id: UUID
    application_id: UUID
    product_id: UUID
    terms_hash: str
    opened_on: str
    matures_on: str


@dataclass(frozen=True, slots=True)
class LoanRescinded(Payload):
    """A loan was undone, as if it had never been."""

    TYPE: ClassVar[str] = "loan.rescinded"
    SUBJECT: ClassVar[str] = "loan"

    application_id: UUID


@dataclass(frozen=True, slots=True)
class PerformanceRecorded(Payload):
    """An institution reported on a loan."""

    TYPE: ClassVar[str] = "performance.recorded"
    SUBJECT: ClassVar[str] = "loan"

    report_id: UUID
    sequence: int
    kind: str
    as_of: str


@dataclass(frozen=True, slots=True)
class PerformanceCorrected(Payload):
    """An institution replaced what it had reported on a loan under the number `corrects`."""

    TYPE: ClassVar[str] = "performance.corrected"
    SUBJECT: ClassVar[str] = "loan"

    report_id: UUID
    sequence: int
    kind: str
    as_of: str
    corrects: int


@dataclass(frozen=True, slots=True)
class PerformanceReceived(Payload):
    """A file of reports came in and waits to be taken."""

    TYPE: ClassVar[str] = "performance.received"
    SUBJECT: ClassVar[str] = "performance_batch"

    lines: int
    sha256: str


@dataclass(frozen=True, slots=True)
class PerformanceBatchRecorded(Payload):
    """Some lines of a file of reports were taken. `digest` is the SHA-256 of the new reports' digests, in order."""

    TYPE: ClassVar[str] = "performance.batch_recorded"
    SUBJECT: ClassVar[str] = "performance_batch"

    first_line: int
    last_line: int
    recorded: int
    unchanged: int
    problems: int
    digest: str
