"""Which proxies of protected attributes a line may learn from, by whose approval, and until when."""

from datetime import date, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.db.models import F, Q

from hub.ids import uuid7


class ProxyApproval(models.Model):
    """A named person's approval of one feature that stands in for a protected attribute, for one line until a day."""

    LONGEST: ClassVar[timedelta] = timedelta(days=366)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    line = models.ForeignKey("scoring.ModelLine", on_delete=models.PROTECT, related_name="+", editable=False)
    feature = models.CharField(max_length=120, editable=False)
    reason = models.CharField(max_length=500, editable=False)
    begins_on = models.DateField(editable=False)
    expires_on = models.DateField(editable=False)
    approved_by = models.UUIDField(editable=False)
    approved_at = models.DateTimeField(editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-approved_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["line", "feature"], name="scoring_proxyapproval_one_open", condition=Q(ended_at=None)
            ),
            models.CheckConstraint(name="scoring_proxyapproval_expires", condition=Q(expires_on__gt=F("begins_on"))),
        ]

    def __str__(self) -> str:
        return self.feature

    @property
    def is_open(self) -> bool:
        """Whether nobody ended it; it may have expired."""
        return self.ended_at is None

    @classmethod
    def open_of(cls, *, line_id: UUID, feature: str) -> "ProxyApproval | None":
        """Return the approval of a feature that nobody ended, locked until the transaction ends."""
        return cls.objects.select_for_update().filter(line_id=line_id, feature=feature, ended_at=None).first()

    @classmethod
    def standing(cls, *, line_id: UUID, on: date) -> "models.QuerySet[ProxyApproval]":
        """Those of a line that stand on a day: the last one is the day before `expires_on`."""
        return cls.objects.filter(line_id=line_id, ended_at=None, begins_on__lte=on, expires_on__gt=on)

    @classmethod
    def record(cls, **fields: Any) -> "ProxyApproval":
        """Keep a new one."""
        return cls.objects.create(**fields)

    def end(self, *, now: datetime) -> None:
        """Let it end."""
        self.ended_at = now
        self.save(update_fields=["ended_at"])
