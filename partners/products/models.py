"""Products and the versions of their credit policies; budgets stand in `budget_models`."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Self
from uuid import UUID

from django.db import models
from django.db.models import F, Q

from hub.audit import Actor
from hub.ids import uuid7
from partners.products.budget_models import Budget, BudgetEntry
from partners.products.flows import POLICY, PRODUCT

__all__ = ["Budget", "BudgetEntry", "CreditPolicy", "Product"]


class Product(models.Model):
    """A loan that an institution offers. Rates and fees are percent; `grid` has one yearly rate for each grade."""

    METHODS: ClassVar = ("equal_instalment", "equal_principal")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution = models.ForeignKey("institutions.Institution", on_delete=models.PROTECT, related_name="products")
    name = models.CharField(max_length=120)
    product_class = models.CharField(max_length=40)
    currency = models.CharField(max_length=3)
    jurisdiction = models.CharField(max_length=2)
    amount_min = models.DecimalField(max_digits=15, decimal_places=2)
    amount_max = models.DecimalField(max_digits=15, decimal_places=2)
    terms = models.JSONField()
    method = models.CharField(max_length=20)
    rounding = models.CharField(max_length=10)
    fee_percent = models.DecimalField(max_digits=6, decimal_places=4, default=Decimal(0))
    fee_flat = models.DecimalField(max_digits=15, decimal_places=2, default=Decimal(0))
    grid = models.JSONField()
    state = models.CharField(max_length=10, choices=PRODUCT.choices(), default=PRODUCT.first, editable=False)
    row_version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["institution", "name"], name="products_product_name"),
            models.CheckConstraint(
                name="products_product_amounts",
                condition=Q(amount_min__gt=0, amount_max__gte=F("amount_min")),
            ),
            models.CheckConstraint(
                name="products_product_fees",
                condition=Q(fee_percent__gte=0, fee_percent__lte=20, fee_flat__gte=0, fee_flat__lt=F("amount_min")),
            ),
            models.CheckConstraint(
                name="products_product_codes",
                condition=Q(
                    currency__regex=r"^[A-Z]{3}$", jurisdiction__regex=r"^[A-Z]{2}$",
                    product_class__regex=r"^[a-z][a-z0-9_]+$",
                ),
            ),
            models.CheckConstraint(
                name="products_product_repayment",
                condition=Q(
                    method__in=["equal_instalment", "equal_principal"], rounding__in=["half_even", "half_up", "ceiling"]
                ),
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["product_class", "currency"], name="products_product_live", condition=Q(state="live")),
            models.Index(fields=["institution", "created_at", "id"], name="products_product_list"),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def open(cls, *, institution_id: UUID, values: dict[str, Any], now: datetime) -> Self:
        """Make a draft of checked values."""
        made = cls(institution_id=institution_id, created_at=now, **values)
        made.save(force_insert=True)
        return made

    def change(self, values: dict[str, Any]) -> None:
        """Write checked values over the present ones."""
        for name, value in values.items():
            setattr(self, name, value)
        self.row_version += 1
        self.save(update_fields=[*values, "row_version"])

    def become(self, state: str) -> None:
        """Change the state as the flow allows."""
        PRODUCT.check(self.state, state)
        self.change({"state": state})


class CreditPolicy(models.Model):
    """One version of a product's credit policy: its rules never change once they were submitted."""

    OPEN: ClassVar = ("draft", "submitted")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(editable=False)
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="policies", editable=False)
    version = models.PositiveIntegerField(editable=False)
    rules = models.JSONField(editable=False)
    state = models.CharField(max_length=10, choices=POLICY.choices(), default=POLICY.first, editable=False)
    maker = models.CharField(max_length=120, blank=True, editable=False)
    checker = models.CharField(max_length=120, blank=True, editable=False)
    row_version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(editable=False)
    submitted_at = models.DateTimeField(null=True, editable=False)
    approved_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name_plural = "credit policies"
        constraints = [
            models.UniqueConstraint(fields=["product", "version"], name="products_creditpolicy_version"),
            models.UniqueConstraint(
                fields=["product"], condition=Q(state="live"), name="products_creditpolicy_one_live"
            ),
            models.UniqueConstraint(
                fields=["product"], condition=Q(state__in=["draft", "submitted"]), name="products_creditpolicy_one_open"
            ),
            models.CheckConstraint(
                name="products_creditpolicy_two_people", condition=Q(checker="") | ~Q(checker=F("maker"))
            ),
            models.CheckConstraint(name="products_creditpolicy_maker", condition=Q(state="draft") | ~Q(maker="")),
            models.CheckConstraint(
                name="products_creditpolicy_checker", condition=Q(state__in=["draft", "submitted"]) | ~Q(checker="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product.name} {self.version}"

    @staticmethod
    def who(actor: Actor) -> str:
        """The actor as maker or checker."""
        return f"{actor.kind}:{actor.id}"

    @classmethod
    def draft(cls, *, product: Product, version: int, rules: dict[str, Any], now: datetime) -> Self:
        """Make a new version."""
        made = cls(institution_id=product.institution_id, product=product, version=version, rules=rules, created_at=now)
        made.save(force_insert=True)
        return made

    def rewrite(self, rules: dict[str, Any]) -> None:
        """Put other rules in; a submitted version is a draft again, without its maker."""
        if self.state != POLICY.first:
            self._become(POLICY.first, maker="", submitted_at=None)
        self._write(rules=rules)

    def submit(self, *, actor: Actor, now: datetime) -> None:
        """Ask for approval."""
        self._become("submitted", maker=self.who(actor), submitted_at=now)

    def approve(self, *, actor: Actor, now: datetime) -> None:
        """Make it live; the version before it must have been retired."""
        self._become("live", checker=self.who(actor), approved_at=now)

    def retire(self) -> None:
        """Let a live version go."""
        self._become("retired")

    def _become(self, state: str, **values: Any) -> None:
        POLICY.check(self.state, state)
        self._write(state=state, **values)

    def _write(self, **values: Any) -> None:
        for name, value in {**values, "row_version": self.row_version + 1}.items():
            setattr(self, name, value)
        self.save(update_fields=[*values, "row_version"])
