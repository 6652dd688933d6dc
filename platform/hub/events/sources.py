"""Events of inquiries at data sources. They tell nothing of the person and nothing of the answer."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from hub.events.base import Payload


@dataclass(frozen=True, slots=True)
class InquiryBegun(Payload):
    """A source is about to be asked about a borrower, for a purpose, on a consent; `inquiry_type` is soft or hard."""

    TYPE: ClassVar[str] = "inquiry.begun"
    SUBJECT: ClassVar[str] = "inquiry"

    source: str
    purpose: str
    inquiry_type: str
    consent_id: UUID


@dataclass(frozen=True, slots=True)
class InquirySettled(Payload):
    """What came of it: answered, no_record, timed_out, unavailable or unusable; and what it may have cost."""

    TYPE: ClassVar[str] = "inquiry.settled"
    SUBJECT: ClassVar[str] = "inquiry"

    source: str
    outcome: str
    took_ms: int
    cost_minor: int
    currency: str
