"""Budgets and their ledger. Whatever is reserved or used moves by one conditional statement, with its ledger row (I1).

A budget row is locked first, so that the statement behind it sees what others have committed; where a cap would be
passed the statement moves nothing, and a CHECK stands behind it.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Self
from uuid import UUID

from django.db import models
from django.db.models import F, Q

from hub.db import quick
from hub.ids import uuid7
from partners.products import budget_sql

MEASURES = ("amount", "count", "expected_loss")
_AMOUNT: dict[str, Any] = {"max_digits": 15, "decimal_places": 2}
_LOSS: dict[str, Any] = {"max_digits": 17, "decimal_places": 4}


@dataclass(frozen=True, slots=True)
class Held:
    """What came of a reservation: whose budget moved (None: it did not), and whether it ran low by that.

    `released` tells of a referral that was in the ledger before; None where it was not.
    """

    institution_id: UUID | None
    became_low: bool
    released: bool | None


@dataclass(frozen=True, slots=True)
class Settled:
    """What was released or used."""

    institution_id: UUID
    budget_id: UUID
    amount: Decimal
    expected_loss: Decimal


def _within(measure: str) -> models.CheckConstraint:
    reserved, used, cap = f"reserved_{measure}", f"used_{measure}", f"cap_{measure}"
    kept = Q(**{f"{cap}__isnull": True}) | Q(**{f"{cap}__gte": F(reserved) + F(used)})
    return models.CheckConstraint(
        name=f"products_budget_{measure}", condition=Q(**{f"{reserved}__gte": 0, f"{used}__gte": 0}) & kept
    )


class Budget(models.Model):
    """What a product may still lend in a calendar month (UTC), from its first day. A cap that is null sets no limit.

    Figures are of the product's currency; expected losses too, to four places.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(editable=False)
    product = models.ForeignKey("Product", on_delete=models.PROTECT, related_name="budgets", editable=False)
    period = models.DateField(editable=False)
    cap_amount = models.DecimalField(**_AMOUNT, null=True)
    cap_count = models.PositiveIntegerField(null=True)
    cap_expected_loss = models.DecimalField(**_LOSS, null=True)
    reserved_amount = models.DecimalField(**_AMOUNT, default=Decimal(0), editable=False)
    reserved_count = models.PositiveIntegerField(default=0, editable=False)
    reserved_expected_loss = models.DecimalField(**_LOSS, default=Decimal(0), editable=False)
    used_amount = models.DecimalField(**_AMOUNT, default=Decimal(0), editable=False)
    used_count = models.PositiveIntegerField(default=0, editable=False)
    used_expected_loss = models.DecimalField(**_LOSS, default=Decimal(0), editable=False)
    low_at = models.DateTimeField(null=True, editable=False)
    row_version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "period"], name="products_budget_period"),
            models.CheckConstraint(name="products_budget_month", condition=Q(period__day=1)),
            models.CheckConstraint(
                name="products_budget_some_cap",
                condition=~Q(cap_amount=None, cap_count=None, cap_expected_loss=None),
            ),
            *(_within(measure) for measure in MEASURES),
        ]

    def __str__(self) -> str:
        return f"{self.period:%Y-%m}"

    @classmethod
    def open(cls, *, product_id: UUID, institution_id: UUID, period: date, caps: dict[str, Any], now: datetime) -> Self:
        """Make the budget of a month."""
        made = cls(product_id=product_id, institution_id=institution_id, period=period, created_at=now, **caps)
        made.save(force_insert=True)
        return made

    def set_caps(self, caps: dict[str, Any]) -> None:
        """Write other caps; a CHECK refuses those below what is reserved and used."""
        for name, value in caps.items():
            setattr(self, name, value)
        self.row_version += 1
        self.low_at = None
        self.save(update_fields=[*caps, "row_version", "low_at"])

    @classmethod
    def carry_over(cls, *, product_id: UUID, period: date, now: datetime) -> None:
        """Make the row of a month out of the newest earlier caps, where there are any and no row is there yet."""
        quick.run(budget_sql.CARRY_OVER, (uuid7(), period, now, product_id, period))

    @classmethod
    def lock(cls, *, product_id: UUID, period: date) -> UUID | None:
        """Lock the row of a month and return its id, None where there is none."""
        rows = quick.run(budget_sql.LOCK, (product_id, period))
        return rows[0][0] if rows else None

    @classmethod
    def lock_of(cls, *, referral_id: UUID) -> UUID | None:
        """Lock the row that a referral has reserved in and return its id, None where it has not."""
        rows = quick.run(budget_sql.LOCK_OF, (referral_id,))
        return rows[0][0] if rows else None

    @classmethod
    def hold(
        cls, *, budget_id: UUID, referral_id: UUID, amount: Decimal, expected_loss: Decimal, now: datetime
    ) -> Held:
        """Reserve in a locked row unless a cap would be passed, or the referral is in the ledger already."""
        [row] = quick.run(budget_sql.HOLD, (budget_id, uuid7(), referral_id, amount, expected_loss, now))
        return Held(*row)

    @classmethod
    def settle(cls, *, referral_id: UUID, kind: str, now: datetime) -> Settled | None:
        """Release or use what a referral has reserved in a locked row; None where nothing is left to be moved."""
        rows = quick.run(budget_sql.SETTLE, (uuid7(), referral_id, kind, now))
        return Settled(*rows[0]) if rows else None


class BudgetEntry(models.Model):
    """One line of the ledger: a referral reserves once, and what it reserved is released or used once."""

    RESERVE: ClassVar[str] = "reserve"
    RELEASE: ClassVar[str] = "release"
    USE: ClassVar[str] = "use"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(editable=False)
    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="entries", editable=False)
    kind = models.CharField(max_length=10, editable=False)
    amount = models.DecimalField(**_AMOUNT, editable=False)
    count = models.PositiveIntegerField(default=1, editable=False)
    expected_loss = models.DecimalField(**_LOSS, editable=False)
    referral_id = models.UUIDField(editable=False)
    at = models.DateTimeField(editable=False)

    class Meta:
        verbose_name_plural = "budget entries"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["referral_id", "kind"], name="products_budgetentry_once"),
            models.UniqueConstraint(
                fields=["referral_id"], condition=~Q(kind="reserve"), name="products_budgetentry_settled_once"
            ),
            models.CheckConstraint(
                name="products_budgetentry_sound",
                condition=Q(kind__in=["reserve", "release", "use"], amount__gt=0, count=1, expected_loss__gte=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount}"
