"""Events of products, credit policies and budgets."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from hub.events.base import Payload


@dataclass(frozen=True, slots=True)
class ProductOpened(Payload):
    """An institution drafted a product."""

    TYPE: ClassVar[str] = "product.opened"
    SUBJECT: ClassVar[str] = "product"

    product_class: str


@dataclass(frozen=True, slots=True)
class ProductChanged(Payload):
    """A product's terms or state changed: `changed` names the fields."""

    TYPE: ClassVar[str] = "product.changed"
    SUBJECT: ClassVar[str] = "product"

    changed: list[str]
    state: str
    row_version: int


@dataclass(frozen=True, slots=True)
class PolicyDrafted(Payload):
    """Rules of a credit policy were written; the digest is of their canonical JSON."""

    TYPE: ClassVar[str] = "policy.drafted"
    SUBJECT: ClassVar[str] = "credit_policy"

    product_id: UUID
    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class PolicySubmitted(Payload):
    """A credit policy waits for somebody else's approval."""

    TYPE: ClassVar[str] = "policy.submitted"
    SUBJECT: ClassVar[str] = "credit_policy"

    product_id: UUID
    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class PolicyLive(Payload):
    """A credit policy was approved and decides from now on."""

    TYPE: ClassVar[str] = "policy.live"
    SUBJECT: ClassVar[str] = "credit_policy"

    product_id: UUID
    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class BudgetSet(Payload):
    """The caps of a product's budget were set, from this month on; null is no limit."""

    TYPE: ClassVar[str] = "budget.set"
    SUBJECT: ClassVar[str] = "product"

    period: str
    cap_amount: str | None
    cap_count: int | None
    cap_expected_loss: str | None


@dataclass(frozen=True, slots=True)
class BudgetMoved(Payload):
    """A referral reserved, released or used a part of a budget."""

    TYPE: ClassVar[str] = "budget.moved"
    SUBJECT: ClassVar[str] = "budget"

    referral_id: UUID
    kind: str
    amount: str
    expected_loss: str


@dataclass(frozen=True, slots=True)
class BudgetLow(Payload):
    """Less than a tenth of some cap of a product's budget is left this month; told once."""

    TYPE: ClassVar[str] = "budget.low"
    SUBJECT: ClassVar[str] = "product"

    period: str
