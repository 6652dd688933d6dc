"""What was heard of others by events: which decision an application rests on, what lenders answered.

Bare ids: those rows belong to rooms above, which nothing here may know.
"""

from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models import Q


class ScoredCase(models.Model):
    """An application that came to matching, and the decision that it rests on."""

    application_id = models.UUIDField(primary_key=True, editable=False)
    decision_id = models.UUIDField(editable=False)

    class Meta:
        indexes = [models.Index(fields=["decision_id"], name="monitoring_scoredcase_decision")]

    def __str__(self) -> str:
        return f"{self.application_id}"

    @classmethod
    def note(cls, *, application_id: UUID, decision_id: UUID) -> None:
        """Keep it; the same again changes nothing."""
        ScoredCase.objects.bulk_create(
            [ScoredCase(application_id=application_id, decision_id=decision_id)], ignore_conflicts=True
        )


class LenderAnswer(models.Model):
    """What a lender decided on a referral: approve, decline, counter_offer or ask_for_more."""

    answer_id = models.UUIDField(primary_key=True, editable=False)
    institution_id = models.UUIDField(editable=False)
    referral_id = models.UUIDField(editable=False)
    application_id = models.UUIDField(editable=False)
    kind = models.CharField(max_length=20, editable=False)
    at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="monitoring_lenderanswer_kind",
                condition=Q(kind__in=["approve", "decline", "counter_offer", "ask_for_more"]),
            ),
        ]
        indexes = [models.Index(fields=["application_id"], name="monitoring_lenderanswer_case")]

    def __str__(self) -> str:
        return f"{self.kind} {self.referral_id}"

    @classmethod
    def note(
        cls, *, answer_id: UUID, institution_id: UUID, referral_id: UUID, application_id: UUID, kind: str, at: datetime
    ) -> None:
        """Keep it; the same again changes nothing."""
        row = LenderAnswer(
            answer_id=answer_id, institution_id=institution_id, referral_id=referral_id,
            application_id=application_id, kind=kind, at=at,
        )  # fmt: skip
        LenderAnswer.objects.bulk_create([row], ignore_conflicts=True)


class SandboxTenant(models.Model):
    """An institution that is a sandbox: what it has scored says nothing about a line of the platform."""

    institution_id = models.UUIDField(primary_key=True, editable=False)

    def __str__(self) -> str:
        return f"{self.institution_id}"

    @classmethod
    def note(cls, *, institution_id: UUID) -> None:
        """Keep it; the same again changes nothing."""
        SandboxTenant.objects.bulk_create([SandboxTenant(institution_id=institution_id)], ignore_conflicts=True)
