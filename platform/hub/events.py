"""Events: what happened, as typed payloads. Bodies carry ids and figures, no personal data."""

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self
from uuid import UUID

_known: dict[str, type["Payload"]] = {}


@dataclass(frozen=True, slots=True)
class Payload:
    """The base of every payload. TYPE is `noun.past_participle`; SUBJECT names the kind of thing it is about."""

    TYPE: ClassVar[str] = ""
    SUBJECT: ClassVar[str] = ""

    subject_id: UUID
    institution_id: UUID | None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super(Payload, cls).__init_subclass__(**kwargs)
        _known[cls.TYPE] = cls

    def body(self) -> dict[str, Any]:
        """Return the payload as JSON values; UUIDs become text."""
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: str(value) if isinstance(value, UUID) else value for name, value in values}

    @classmethod
    def read(cls, body: dict[str, Any]) -> Self:
        """Make the payload of a stored body again."""
        ids = {field.name for field in fields(cls) if "UUID" in str(field.type)}
        return cls(**{name: UUID(value) if name in ids and value else value for name, value in body.items()})


def read(event_type: str, body: dict[str, Any]) -> Payload:
    """Make the typed payload of a stored event; a KeyError for a type that no code declares."""
    return _known[event_type].read(body)


def known_types() -> dict[str, type[Payload]]:
    """Every declared event type."""
    return dict(_known)


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
class ModelVersionRegistered(Payload):
    """A model version came into the registry as a challenger."""

    TYPE: ClassVar[str] = "model.registered"
    SUBJECT: ClassVar[str] = "model_version"

    line_id: UUID
    number: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ModelApproved(Payload):
    """One person approved a model version."""

    TYPE: ClassVar[str] = "model.approved"
    SUBJECT: ClassVar[str] = "model_version"

    line_id: UUID
    approver_id: UUID


@dataclass(frozen=True, slots=True)
class ModelPromoted(Payload):
    """A model version became the champion of its line, by two approvals or by a roll-back."""

    TYPE: ClassVar[str] = "model.promoted"
    SUBJECT: ClassVar[str] = "model_version"

    line_id: UUID
    previous_id: UUID | None
    rolled_back: bool


@dataclass(frozen=True, slots=True)
class DecisionScored(Payload):
    """A decision record was made for a person."""

    TYPE: ClassVar[str] = "decision.scored"
    SUBJECT: ClassVar[str] = "decision"

    version_id: UUID
    grade: str


@dataclass(frozen=True, slots=True)
class PersonErased(Payload):
    """A person's keys were destroyed."""

    TYPE: ClassVar[str] = "person.erased"
    SUBJECT: ClassVar[str] = "person"


@dataclass(frozen=True, slots=True)
class ConsentGiven(Payload):
    """A consent was recorded."""

    TYPE: ClassVar[str] = "consent.given"
    SUBJECT: ClassVar[str] = "consent"

    person_id: UUID
    purpose: str


@dataclass(frozen=True, slots=True)
class ConsentWithdrawn(Payload):
    """A consent was withdrawn."""

    TYPE: ClassVar[str] = "consent.withdrawn"
    SUBJECT: ClassVar[str] = "consent"

    person_id: UUID
    purpose: str


@dataclass(frozen=True, slots=True)
class InstitutionOnboarded(Payload):
    """An institution (or its sandbox) was opened."""

    TYPE: ClassVar[str] = "institution.onboarded"
    SUBJECT: ClassVar[str] = "institution"

    sandbox: bool


@dataclass(frozen=True, slots=True)
class InstitutionSuspended(Payload):
    """All clients of an institution are kept out."""

    TYPE: ClassVar[str] = "institution.suspended"
    SUBJECT: ClassVar[str] = "institution"


@dataclass(frozen=True, slots=True)
class InstitutionResumed(Payload):
    """The clients of a suspended institution are let in again."""

    TYPE: ClassVar[str] = "institution.resumed"
    SUBJECT: ClassVar[str] = "institution"


@dataclass(frozen=True, slots=True)
class ClientIssued(Payload):
    """An API client was issued to an institution."""

    TYPE: ClassVar[str] = "client.issued"
    SUBJECT: ClassVar[str] = "client"

    method: str


@dataclass(frozen=True, slots=True)
class ClientRevoked(Payload):
    """An API client was revoked; its tokens are dead."""

    TYPE: ClassVar[str] = "client.revoked"
    SUBJECT: ClassVar[str] = "client"
