"""Events of matching, offers, referrals and contracts. Those with an institution go to that lender."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from hub.events.base import Payload


@dataclass(frozen=True, slots=True)
class CaseOpened(Payload):
    """An application came to matching; `sandbox_id` is its world."""

    TYPE: ClassVar[str] = "case.opened"
    SUBJECT: ClassVar[str] = "case"

    sandbox_id: UUID | None
    decision_id: UUID


@dataclass(frozen=True, slots=True)
class CaseMatched(Payload):
    """An application was matched with every live product: so many offers, and the digest of the ledger."""

    TYPE: ClassVar[str] = "case.matched"
    SUBJECT: ClassVar[str] = "case"

    run_id: UUID
    offers: int
    digest: str


@dataclass(frozen=True, slots=True)
class CaseClosed(Payload):
    """A borrower ended his application."""

    TYPE: ClassVar[str] = "case.closed"
    SUBJECT: ClassVar[str] = "case"


@dataclass(frozen=True, slots=True)
class OfferLost(Payload):
    """An offer is gone: its product's budget had no room left when a borrower accepted it."""

    TYPE: ClassVar[str] = "offer.lost"
    SUBJECT: ClassVar[str] = "offer"

    case_id: UUID


@dataclass(frozen=True, slots=True)
class OfferAccepted(Payload):
    """A borrower accepted an offer, or with `counter` the terms of a counter-offer."""

    TYPE: ClassVar[str] = "offer.accepted"
    SUBJECT: ClassVar[str] = "offer"

    referral_id: UUID
    counter: bool


@dataclass(frozen=True, slots=True)
class ReferralCreated(Payload):
    """A lender received a consented package."""

    TYPE: ClassVar[str] = "referral.created"
    SUBJECT: ClassVar[str] = "referral"

    application_id: UUID
    product_id: UUID
    expires_at: str


@dataclass(frozen=True, slots=True)
class ReferralWithdrawn(Payload):
    """The borrower took a referral back. `reason`: application, consent or counter_offer."""

    TYPE: ClassVar[str] = "referral.withdrawn"
    SUBJECT: ClassVar[str] = "referral"

    application_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class ReferralExpired(Payload):
    """A referral was not funded in time."""

    TYPE: ClassVar[str] = "referral.expired"
    SUBJECT: ClassVar[str] = "referral"

    application_id: UUID


@dataclass(frozen=True, slots=True)
class ReferralFunded(Payload):
    """A referral's contract was funded: its application can be funded by nobody else."""

    TYPE: ClassVar[str] = "referral.funded"
    SUBJECT: ClassVar[str] = "referral"

    application_id: UUID
    terms_hash: str


@dataclass(frozen=True, slots=True)
class DecisionRecorded(Payload):
    """A lender decided on a referral: approve, decline, counter_offer or ask_for_more."""

    TYPE: ClassVar[str] = "decision.recorded"
    SUBJECT: ClassVar[str] = "referral"

    application_id: UUID
    decision_id: UUID
    kind: str


@dataclass(frozen=True, slots=True)
class ContractShown(Payload):
    """A contract's cost sheet stood before the borrower for the first time."""

    TYPE: ClassVar[str] = "contract.shown"
    SUBJECT: ClassVar[str] = "contract"

    referral_id: UUID
    terms_hash: str


@dataclass(frozen=True, slots=True)
class ContractSigned(Payload):
    """The borrower signed exactly these terms."""

    TYPE: ClassVar[str] = "contract.signed"
    SUBJECT: ClassVar[str] = "contract"

    referral_id: UUID
    application_id: UUID
    terms_hash: str
