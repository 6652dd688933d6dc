"""How the platform's own loans turned out: the part of the label ledger that grows by itself."""

from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Self
from uuid import UUID

from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from hub.crypto import DataKey
from hub.db.quick import Question, ask

_LOCK = "pg_advisory_xact_lock(hashtextextended(%s, 0)) IS NULL"


class OutcomeEntry(models.Model):
    """The outcome of one loan under one definition, and what was known when it was scored, sealed. It never changes.

    Nothing is entered before the loan's window has closed, however early the outcome shows: early bads without their
    good siblings would mislead. A correction is a row with a higher revision, and the highest one counts.
    `propensity` is below 1 for those whom a lender's random arm let in: the chance that it did.
    """

    GOOD: ClassVar[str] = "good"
    BAD: ClassVar[str] = "bad"
    LABELS: ClassVar = ["good", "bad", "indeterminate", "excluded"]

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey("scoring.ModelLine", on_delete=models.PROTECT, related_name="+", editable=False)
    key = models.ForeignKey(DataKey, on_delete=models.PROTECT, related_name="+", editable=False)
    loan_id = models.UUIDField(editable=False)
    decision_id = models.UUIDField(editable=False)
    lender_id = models.UUIDField(null=True, editable=False)
    propensity = models.DecimalField(
        max_digits=5, decimal_places=4, default=Decimal(1), db_default=Decimal(1), editable=False
    )
    label = models.CharField(max_length=13, choices=[(name, name) for name in LABELS], editable=False)
    definition_version = models.PositiveSmallIntegerField(editable=False)
    window_months = models.PositiveSmallIntegerField(editable=False)
    revision = models.PositiveSmallIntegerField(editable=False)
    opened_on = models.DateField(editable=False)
    matures_on = models.DateField(editable=False)
    observed_on = models.DateField(editable=False)
    recorded_at = models.DateTimeField(editable=False)
    sealed = models.BinaryField(editable=False)

    class Meta:
        verbose_name_plural = "outcome entries"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["loan_id", "definition_version", "revision"], name="learning_outcomeentry_once"
            ),
            models.CheckConstraint(
                name="learning_outcomeentry_label", condition=Q(label__in=["good", "bad", "indeterminate", "excluded"])
            ),
            models.CheckConstraint(name="learning_outcomeentry_revision", condition=Q(revision__gte=1)),
            models.CheckConstraint(
                name="learning_outcomeentry_window_closed",
                condition=Q(matures_on__gt=F("opened_on"), matures_on__lte=F("observed_on")),
            ),
        ]
        indexes = [models.Index(fields=["decision_id"], name="learning_outcomeentry_decision")]

    def __str__(self) -> str:
        return f"{self.loan_id} {self.label}"

    @property
    def place(self) -> str:
        """Where the sealed values of this row belong."""
        return f"learning_outcomeentry|sealed|{self.loan_id}|{self.definition_version}|{self.revision}"

    @classmethod
    def append(cls, *, plain: bytes, key: DataKey, **fields: Any) -> Self:
        """Append a row to the ledger; `plain` is sealed for it."""
        row = cls(key=key, **fields)
        row.sealed = key.seal(plain, place=row.place)
        row.save(force_insert=True)
        return row

    @classmethod
    def lock_line(cls, line_id: UUID) -> None:
        """Let nobody else append to this line until the transaction ends.

        So ids become visible in their order, and an id is a place up to which the ledger does not change any more.
        """
        ask(Question(_LOCK, (f"outcomes|{line_id}",)))

    @classmethod
    def counting(cls, *, line_id: UUID, until: int, as_of: date | None = None) -> "models.QuerySet[OutcomeEntry]":
        """The rows of a line up to an id that no correction supersedes; with `as_of`, as was known on that day."""
        known = Q(id__lte=until) & (Q(observed_on__lte=as_of) if as_of else Q())
        later = cls.objects.filter(
            known, loan_id=OuterRef("loan_id"), definition_version=OuterRef("definition_version"),
            revision__gt=OuterRef("revision"),
        )  # fmt: skip
        return cls.objects.filter(known, ~Exists(later), line_id=line_id)
