"""What lenders decide on referrals, and the contracts that come of it."""

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self
from uuid import UUID

from django.db import models

from hub.db.quick import append, write
from hub.ids import uuid7
from partners.referrals.flows import CONTRACT

if TYPE_CHECKING:
    from partners.referrals.models import Referral


class LenderDecision(models.Model):
    """What an institution decided on a referral: its own record with its own reasons. Never changed."""

    KINDS: ClassVar = ("approve", "decline", "counter_offer", "ask_for_more")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(editable=False)
    referral = models.ForeignKey("Referral", on_delete=models.PROTECT, related_name="decisions", editable=False)
    kind = models.CharField(max_length=14, choices=[(kind, kind) for kind in KINDS], editable=False)
    terms = models.JSONField(null=True, editable=False)
    worse = models.JSONField(default=list, editable=False)
    codes = models.JSONField(default=list, editable=False)
    actor_kind = models.CharField(max_length=10, editable=False)
    actor_id = models.CharField(max_length=100, editable=False)
    at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.CheckConstraint(
                name="referrals_lenderdecision_terms_fit_kind",
                condition=models.Q(kind__in=["approve", "counter_offer"], terms__isnull=False)
                | models.Q(kind__in=["decline", "ask_for_more"], terms__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.referral_id}"

    def record(self) -> None:
        """Add it."""
        append(self)


class Contract(models.Model):
    """The final terms, and the evidence that they were shown and signed. `text` is what `terms_hash` stands for."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(editable=False)
    referral = models.OneToOneField("Referral", on_delete=models.PROTECT, related_name="contract", editable=False)
    decision = models.ForeignKey(LenderDecision, on_delete=models.PROTECT, related_name="+", editable=False)
    text = models.TextField(editable=False)
    terms_hash = models.CharField(max_length=64, editable=False)
    state = models.CharField(max_length=10, choices=CONTRACT.choices(), default=CONTRACT.first, editable=False)
    prepared_at = models.DateTimeField(editable=False)
    shown_at = models.DateTimeField(null=True, editable=False)
    signed_at = models.DateTimeField(null=True, editable=False)
    method = models.CharField(max_length=10, blank=True, editable=False)
    sealed_name = models.BinaryField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="referrals_contract_evidence",
                condition=models.Q(state="prepared", shown_at__isnull=True, signed_at__isnull=True, method="")
                | models.Q(state="shown", shown_at__isnull=False, signed_at__isnull=True, method="")
                | models.Q(
                    state="signed", shown_at__isnull=False, signed_at__gte=models.F("shown_at"), method="typed",
                    sealed_name__isnull=False,
                ),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.state} {self.terms_hash[:12]}"

    @staticmethod
    def place(contract_id: UUID) -> str:
        """Where the typed name belongs."""
        return f"referrals_contract|sealed_name|{contract_id}"

    def show(self, *, now: datetime) -> None:
        """Note the first moment at which it stood in front of the borrower."""
        CONTRACT.check(self.state, "shown")
        self.state, self.shown_at = "shown", now
        write(self, "state", "shown_at")

    def sign(self, *, sealed_name: bytes, now: datetime) -> None:
        """Keep the signature: a typed name, sealed, and its moment."""
        CONTRACT.check(self.state, "signed")
        self.state, self.signed_at, self.method, self.sealed_name = "signed", now, "typed", sealed_name
        write(self, "state", "signed_at", "method", "sealed_name")

    @classmethod
    def prepare(
        cls, *, referral: "Referral", decision: LenderDecision, text: str, terms_hash: str, now: datetime
    ) -> Self:
        """Make the contract of a referral."""
        made = cls(
            institution_id=referral.institution_id, referral=referral, decision=decision, text=text,
            terms_hash=terms_hash, prepared_at=now,
        )  # fmt: skip
        append(made)
        return made
