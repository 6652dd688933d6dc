"""Which lenders agreed that a model of all learns from how their loans turned out."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Q

from hub.ids import uuid7


class SharingAgreement(models.Model):
    """A lender's agreement that trainings of the platform's lines read how his loans turned out.

    It stands from `begins_on` until it is ended. A line of the lender's own needs none.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    lender_id = models.UUIDField(editable=False)
    reference = models.CharField(max_length=200, editable=False)
    begins_on = models.DateField(editable=False)
    recorded_by = models.CharField(max_length=100, editable=False)
    recorded_at = models.DateTimeField(editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-recorded_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["lender_id"], name="learning_sharingagreement_one_open", condition=Q(ended_at=None)
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def is_open(self) -> bool:
        """Whether nobody ended it."""
        return self.ended_at is None

    @classmethod
    def record(cls, **fields: Any) -> "SharingAgreement":
        """Keep a new one."""
        return cls.objects.create(**fields)

    @classmethod
    def open_of(cls, lender_id: UUID) -> "SharingAgreement | None":
        """Return the lender's agreement that nobody ended, locked until the transaction ends."""
        return cls.objects.select_for_update().filter(lender_id=lender_id, ended_at=None).first()

    @classmethod
    def standing(cls, *, on: date) -> "models.QuerySet[SharingAgreement]":
        """Those that stand on a day."""
        return cls.objects.filter(ended_at=None, begins_on__lte=on)

    def end(self, *, now: datetime) -> None:
        """Let it end."""
        self.ended_at = now
        self.save(update_fields=["ended_at"])
