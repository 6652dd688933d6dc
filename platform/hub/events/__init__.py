"""Events: what happened, as typed payloads. Bodies carry ids and figures, no personal data."""

from hub.events.acquisition import (
    ApplicationDecided,
    ApplicationProved,
    ApplicationResumed,
    ApplicationStarted,
)
from hub.events.base import Payload, known_types, read
from hub.events.institutions import (
    ClientIssued,
    ClientRevoked,
    InstitutionOnboarded,
    InstitutionResumed,
    InstitutionSuspended,
    SandboxClockAdvanced,
)
from hub.events.learning import (
    BookBatchImported,
    BookImported,
    BookRefused,
    BookRegistered,
    LabelRecorded,
    OutcomeMatured,
    TrainingFinished,
    TrainingInterrupted,
    TrainingRequested,
    TrainingStarted,
)
from hub.events.people import ConsentGiven, ConsentWithdrawn, PersonErased
from hub.events.products import (
    BudgetLow,
    BudgetMoved,
    BudgetSet,
    PolicyDrafted,
    PolicyLive,
    PolicySubmitted,
    ProductChanged,
    ProductOpened,
)
from hub.events.scoring import DecisionScored, ModelApproved, ModelPromoted, ModelVersionRegistered

__all__ = [
    "ApplicationDecided",
    "ApplicationProved",
    "ApplicationResumed",
    "ApplicationStarted",
    "BookBatchImported",
    "BookImported",
    "BookRefused",
    "BookRegistered",
    "BudgetLow",
    "BudgetMoved",
    "BudgetSet",
    "ClientIssued",
    "ClientRevoked",
    "ConsentGiven",
    "ConsentWithdrawn",
    "DecisionScored",
    "InstitutionOnboarded",
    "InstitutionResumed",
    "InstitutionSuspended",
    "LabelRecorded",
    "ModelApproved",
    "ModelPromoted",
    "ModelVersionRegistered",
    "OutcomeMatured",
    "Payload",
    "PersonErased",
    "PolicyDrafted",
    "PolicyLive",
    "PolicySubmitted",
    "ProductChanged",
    "ProductOpened",
    "SandboxClockAdvanced",
    "TrainingFinished",
    "TrainingInterrupted",
    "TrainingRequested",
    "TrainingStarted",
    "known_types",
    "read",
]
