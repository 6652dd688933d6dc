"""Events of loan books and trainings."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from hub.events.base import Payload


@dataclass(frozen=True, slots=True)
class BookBatchImported(Payload):
    """A batch of lines of a loan book is in the label ledger."""

    TYPE: ClassVar[str] = "book.batch_imported"
    SUBJECT: ClassVar[str] = "loan_book"

    first_line: int
    last_line: int
    rows: int
    problems: int
    digest: str


@dataclass(frozen=True, slots=True)
class BookImported(Payload):
    """A whole loan book was read."""

    TYPE: ClassVar[str] = "book.imported"
    SUBJECT: ClassVar[str] = "loan_book"

    line_id: UUID
    rows: int
    problems: int


@dataclass(frozen=True, slots=True)
class BookRefused(Payload):
    """A loan book was not taken: `reason` is a sentence without any of its values."""

    TYPE: ClassVar[str] = "book.refused"
    SUBJECT: ClassVar[str] = "loan_book"

    line_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class BookRegistered(Payload):
    """A loan book was handed in and waits to be read."""

    TYPE: ClassVar[str] = "book.registered"
    SUBJECT: ClassVar[str] = "loan_book"

    line_id: UUID


@dataclass(frozen=True, slots=True)
class TrainingRequested(Payload):
    """Somebody asked for a training of a model line."""

    TYPE: ClassVar[str] = "training.requested"
    SUBJECT: ClassVar[str] = "training_run"

    line_id: UUID


@dataclass(frozen=True, slots=True)
class TrainingStarted(Payload):
    """A worker took a training up, for the first time or again after a fall."""

    TYPE: ClassVar[str] = "training.started"
    SUBJECT: ClassVar[str] = "training_run"

    line_id: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class TrainingInterrupted(Payload):
    """The worker of a training is gone; it waits in the queue again."""

    TYPE: ClassVar[str] = "training.interrupted"
    SUBJECT: ClassVar[str] = "training_run"

    line_id: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class TrainingFinished(Payload):
    """A training ended: `version_id` where it made a version, `failure` where it did not."""

    TYPE: ClassVar[str] = "training.finished"
    SUBJECT: ClassVar[str] = "training_run"

    line_id: UUID
    version_id: UUID | None
    failure: str


@dataclass(frozen=True, slots=True)
class OutcomeMatured(Payload):
    """The window of a loan has closed: how it turned out. Days are ISO 8601.

    `label` is good, bad, indeterminate or excluded (never immature). `revision` is 1 at first, and one more for each
    correction; the highest one counts, in whatever order they arrive. `line_name` is the platform's line that scored;
    `sandbox` tells that the loan is a sandbox's, whose outcome never trains a line that scores live applicants.
    `propensity` is less than 1 where a lender's random arm let the borrower in: the chance that it did.
    """

    TYPE: ClassVar[str] = "outcome.matured"
    SUBJECT: ClassVar[str] = "loan"

    line_name: str
    sandbox: bool
    decision_id: UUID
    label: str
    definition_version: int
    window_months: int
    opened_on: str
    observed_on: str
    revision: int
    propensity: str = "1"


@dataclass(frozen=True, slots=True)
class LabelsHeld(Payload):
    """What a lender reported of his loans looks made up: it trains nothing until a person has decided."""

    TYPE: ClassVar[str] = "labels.held"
    SUBJECT: ClassVar[str] = "label_hold"

    line_id: UUID
    lender_id: UUID


@dataclass(frozen=True, slots=True)
class LabelsDecided(Payload):
    """A person decided on labels that were held."""

    TYPE: ClassVar[str] = "labels.decided"
    SUBJECT: ClassVar[str] = "label_hold"

    line_id: UUID
    lender_id: UUID
    released: bool


@dataclass(frozen=True, slots=True)
class SharingAgreed(Payload):
    """A lender agreed that the platform's models learn from how his loans turned out."""

    TYPE: ClassVar[str] = "sharing.agreed"
    SUBJECT: ClassVar[str] = "sharing_agreement"


@dataclass(frozen=True, slots=True)
class SharingEnded(Payload):
    """A lender's agreement to data sharing ended."""

    TYPE: ClassVar[str] = "sharing.ended"
    SUBJECT: ClassVar[str] = "sharing_agreement"


@dataclass(frozen=True, slots=True)
class LabelRecorded(Payload):
    """The outcome of a loan is in the label ledger, for the first time or corrected."""

    TYPE: ClassVar[str] = "label.recorded"
    SUBJECT: ClassVar[str] = "loan"

    line_id: UUID
    label: str
    definition_version: int
    revision: int
