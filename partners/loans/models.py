"""Funded loans, what is reported of them, and how they turned out; files of reports in `batch_models`."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Self
from uuid import UUID

from django.db import models
from django.db.models import F, Q

from hub.finance.outcomes import EXCLUDED, NAMES
from hub.ids import uuid7
from partners.loans import life
from partners.loans.batch_models import BatchProblem, PerformanceBatch
from partners.loans.flows import LOAN

__all__ = ["BatchProblem", "Loan", "Outcome", "PerformanceBatch", "PerformanceReport"]


class Loan(models.Model):
    """What a signed contract became when it was funded. `schedule` has [due on, due, principal, interest, balance].

    `review_on` is the day from which its outcome is to be looked at again; None while only a report can change it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(editable=False)
    sandbox = models.BooleanField(editable=False)
    referral = models.OneToOneField("referrals.Referral", on_delete=models.PROTECT, related_name="loan", editable=False)
    case_id = models.UUIDField(editable=False)
    product_id = models.UUIDField(editable=False)
    product_class = models.CharField(max_length=60, editable=False)
    decision_id = models.UUIDField(editable=False)
    propensity = models.DecimalField(
        max_digits=5, decimal_places=4, default=Decimal(1), db_default=Decimal(1), editable=False
    )
    currency = models.CharField(max_length=3, editable=False)
    principal = models.DecimalField(max_digits=15, decimal_places=2, editable=False)
    annual_rate_percent = models.DecimalField(max_digits=9, decimal_places=4, editable=False)
    months = models.PositiveSmallIntegerField(editable=False)
    fee_upfront = models.DecimalField(max_digits=15, decimal_places=2, editable=False)
    terms_hash = models.CharField(max_length=64, editable=False)
    schedule = models.JSONField(editable=False)
    opened_on = models.DateField(editable=False)
    matures_on = models.DateField(editable=False)
    state = models.CharField(max_length=12, choices=LOAN.choices(), default=LOAN.first, editable=False)
    review_on = models.DateField(null=True, editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["institution_id", "case_id"], name="loans_loan_one_per_application"),
            models.CheckConstraint(
                name="loans_loan_amounts",
                condition=Q(principal__gt=0, months__gt=0, annual_rate_percent__gte=0, fee_upfront__gte=0),
            ),
            models.CheckConstraint(name="loans_loan_matures_later", condition=Q(matures_on__gt=F("opened_on"))),
        ]
        indexes = [
            models.Index(fields=["institution_id", "created_at", "id"], name="loans_loan_log"),
            models.Index(fields=["review_on"], name="loans_loan_review", condition=Q(review_on__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.principal} {self.currency} {self.opened_on}"

    @property
    def dues(self) -> list[tuple[date, Decimal]]:
        """What falls due when, by the contract."""
        return [(date.fromisoformat(row[0]), Decimal(row[1])) for row in self.schedule]

    @classmethod
    def open(cls, **fields: Any) -> Self:
        """Add a funded loan; its outcome is looked at when its window closes."""
        made = cls(review_on=fields["matures_on"], **fields)
        made.save(force_insert=True)
        return made

    def become(self, state: str) -> None:
        """Change the state."""
        LOAN.check(self.state, state)
        self.state = state
        self.save(update_fields=["state"])

    @classmethod
    def review(cls, loan_ids: Sequence[UUID]) -> None:
        """Let the outcomes of loans be looked at (again) once their windows have closed: something was reported."""
        cls.objects.filter(id__in=loan_ids).update(review_on=F("matures_on"))

    @classmethod
    def reviewed(cls, loan_ids: Sequence[UUID]) -> None:
        """Leave these loans alone until something is reported of them."""
        cls.objects.filter(id__in=loan_ids).update(review_on=None)


class PerformanceReport(models.Model):
    """What an institution reported of one loan under a number of its own. Never changed: corrections are new ones."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(editable=False)
    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="reports", editable=False)
    sequence = models.PositiveIntegerField(editable=False)
    kind = models.CharField(max_length=12, choices=[(kind, kind) for kind in life.KINDS], editable=False)
    as_of = models.DateField(editable=False)
    amount = models.DecimalField(max_digits=15, decimal_places=2, null=True, editable=False)
    paid_total = models.DecimalField(max_digits=15, decimal_places=2, null=True, editable=False)
    corrects = models.PositiveIntegerField(null=True, editable=False)
    confirmed_fraud = models.BooleanField(default=False, editable=False)
    schedule = models.JSONField(default=list, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    batch = models.ForeignKey(
        PerformanceBatch, null=True, on_delete=models.PROTECT, related_name="reports", editable=False
    )
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["loan", "sequence"]
        constraints = [
            models.UniqueConstraint(fields=["loan", "sequence"], name="loans_performancereport_once"),
            models.CheckConstraint(
                name="loans_performancereport_corrects_earlier",
                condition=Q(corrects__isnull=True) | Q(corrects__lt=F("sequence")),
            ),
            models.CheckConstraint(
                name="loans_performancereport_fields_fit_kind",
                condition=Q(kind="payment", amount__gte=0, paid_total__isnull=True)
                | Q(kind__in=["month_end", "restructured"], amount__isnull=True, paid_total__gte=0)
                | Q(
                    kind__in=["charged_off", "closed", "rescinded", "sold"], amount__isnull=True,
                    paid_total__isnull=True,
                ),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.sequence} {self.kind} {self.as_of}"

    @property
    def fact(self) -> life.Report:
        """The report as `life` reads it."""
        dues = [(date.fromisoformat(day), Decimal(amount)) for day, amount in self.schedule]
        return life.Report(
            self.sequence,
            self.kind,
            self.as_of,
            self.amount,
            self.paid_total,
            self.corrects,
            self.confirmed_fraud,
            dues,
        )

    @classmethod
    def append(cls, reports: "Sequence[PerformanceReport]") -> None:
        """Add reports."""
        PerformanceReport.objects.bulk_create(reports, batch_size=1_000)


class Outcome(models.Model):
    """How a loan turned out by one version of the definition, once its window had closed. Corrections are new rows."""

    LABELS: ClassVar = [name for name in NAMES if name != "immature"]
    EXCLUDED: ClassVar[str] = EXCLUDED

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(editable=False)
    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="outcomes", editable=False)
    label = models.CharField(max_length=13, choices=[(name, name) for name in LABELS], editable=False)
    max_dpd = models.PositiveIntegerField(editable=False)
    definition_version = models.PositiveSmallIntegerField(editable=False)
    window_months = models.PositiveSmallIntegerField(editable=False)
    revision = models.PositiveSmallIntegerField(editable=False)
    observed_on = models.DateField(editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["loan", "definition_version", "revision"]
        constraints = [
            models.UniqueConstraint(fields=["loan", "definition_version", "revision"], name="loans_outcome_once"),
            models.CheckConstraint(
                name="loans_outcome_label", condition=Q(label__in=["good", "bad", "indeterminate", "excluded"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.observed_on}"

    @classmethod
    def append(cls, outcomes: "Sequence[Outcome]") -> None:
        """Add outcomes."""
        Outcome.objects.bulk_create(outcomes)
