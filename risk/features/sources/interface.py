"""What every data source is to its callers: its terms, whom it knows, and one question."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Literal, Protocol, get_args

from risk.features.catalogue.cells import Value

SourceKind = Literal["bureau", "open_banking", "income", "sanctions"]
KINDS: tuple[SourceKind, ...] = get_args(SourceKind)
Purpose = Literal["credit_assessment", "sanctions_screening"]
InquiryType = Literal["soft", "hard"]
# What each kind is asked for; a source whose own terms do not permit that is not asked.
PURPOSE_OF: Mapping[SourceKind, Purpose] = {
    "bureau": "credit_assessment",
    "open_banking": "credit_assessment",
    "income": "credit_assessment",
    "sanctions": "sanctions_screening",
}
SANCTIONS_HIT = "sanctions_hit"
FACTS = (SANCTIONS_HIT,)
"""What a source may say of a person that is no value of a score: it never enters one, a person looks at it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a source. `cost_minor` is the price of one answer in minor units of `currency`.

    `name` is a slug that stays the same over releases; `purposes` are those that its contract permits; a `hard` inquiry
    is one that other lenders can see. `supplies` names the values that it may answer, `fresh_for` says how long an
    answer is used again instead of asking anew.
    """

    name: str
    kind: SourceKind
    purposes: frozenset[Purpose]
    inquiry: InquiryType
    cost_minor: int
    currency: str
    timeout_s: float
    fresh_for: timedelta
    supplies: frozenset[str]


@dataclass(frozen=True, slots=True)
class Subject:
    """About whom: `key` is a pseudonym, the same for one person at each inquiry; `phone` is E.164 and was proved."""

    key: str
    phone: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source knows: values by name, as of when, under which reference of its own, and facts of `FACTS`."""

    values: Mapping[str, Value]
    as_of: datetime
    reference: str
    facts: tuple[str, ...] = ()


class SourceError(Exception):
    """Why there is no answer; `outcome` is what the inquiry's record says."""

    outcome: ClassVar[str] = "unusable"


class NoRecord(SourceError):
    """The source does not know this person."""

    outcome = "no_record"


class SourceDown(SourceError):
    """The source is away, and has surely noted no inquiry."""

    outcome = "unavailable"


class Source(Protocol):
    """A source. What it does behind `ask`, such as HTTP, is its own business; it touches no database of ours."""

    @property
    def terms(self) -> Terms:
        """Its terms."""
        ...

    def covers(self, subject: Subject) -> bool:
        """Tell, without asking anybody, whether this person is one that it may know."""
        ...

    def ask(self, subject: Subject, *, timeout_s: float, now: datetime) -> Answer:
        """Make one inquiry, for the purpose of its kind (`PURPOSE_OF`), within the time; called in a thread.

        `NoRecord`, or `SourceDown` where it surely was not made. Whatever else it raises, and an answer that comes too
        late, leaves it open whether the inquiry was made.
        """
        ...
