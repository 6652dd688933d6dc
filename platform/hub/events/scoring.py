"""Events of model versions and decisions."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from hub.events.base import Payload


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
class ProxyApproved(Payload):
    """A person let a line learn from a feature that stands in for a protected attribute, until a day (ISO 8601)."""

    TYPE: ClassVar[str] = "proxy.approved"
    SUBJECT: ClassVar[str] = "proxy_approval"

    line_id: UUID
    feature: str
    expires_on: str


@dataclass(frozen=True, slots=True)
class ProxyEnded(Payload):
    """An approval of a proxy was ended before its day."""

    TYPE: ClassVar[str] = "proxy.ended"
    SUBJECT: ClassVar[str] = "proxy_approval"

    line_id: UUID
    feature: str


@dataclass(frozen=True, slots=True)
class DecisionScored(Payload):
    """A decision record was made for a person."""

    TYPE: ClassVar[str] = "decision.scored"
    SUBJECT: ClassVar[str] = "decision"

    version_id: UUID
    grade: str


@dataclass(frozen=True, slots=True)
class MatrixDrafted(Payload):
    """A policy matrix was drafted, or a draft was written anew: `sha256` of what it says now."""

    TYPE: ClassVar[str] = "matrix.drafted"
    SUBJECT: ClassVar[str] = "policy_matrix"

    line_id: UUID
    number: int
    sha256: str


@dataclass(frozen=True, slots=True)
class MatrixApproved(Payload):
    """One person approved the bytes of a policy matrix."""

    TYPE: ClassVar[str] = "matrix.approved"
    SUBJECT: ClassVar[str] = "policy_matrix"

    line_id: UUID
    approver_id: UUID
    sha256: str


@dataclass(frozen=True, slots=True)
class MatrixPromoted(Payload):
    """A policy matrix decides on its line from now on."""

    TYPE: ClassVar[str] = "matrix.promoted"
    SUBJECT: ClassVar[str] = "policy_matrix"

    line_id: UUID
    previous_id: UUID | None
    sha256: str


@dataclass(frozen=True, slots=True)
class ModelReplayRequested(Payload):
    """Somebody asked what a challenger would change under the live credit policies."""

    TYPE: ClassVar[str] = "model.replay_requested"
    SUBJECT: ClassVar[str] = "model_version"

    line_id: UUID


@dataclass(frozen=True, slots=True)
class PoliciesReplayed(Payload):
    """One lender's live credit policies over the last applications of a line, by the champion and by a challenger.

    The platform's alone, not the lender's. `replay_id` is one replay, which is told in `total` such events: one for
    each lender and currency, or a single one with `lender_id` null where there was nothing to tell. `approved_…`:
    applications that the lender would have been shown; `changed` of them would be shown by one of the two alone.
    Losses are decimal strings in major units of `currency`, mean yearly rates in percent (null without an approval).
    """

    TYPE: ClassVar[str] = "policies.replayed"
    SUBJECT: ClassVar[str] = "model_version"

    replay_id: UUID
    champion_id: UUID | None
    applications: int
    total: int
    lender_id: UUID | None
    lender: str
    currency: str
    policies: int
    approved_before: int
    approved_after: int
    changed: int
    expected_loss_before: str
    expected_loss_after: str
    rate_before: str | None
    rate_after: str | None
