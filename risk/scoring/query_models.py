"""What an institution may ask of a model in a day, and what was found of those who ask like thieves."""

from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from django.db import models
from django.db.models import Q

from hub.ids import uuid7
from risk.scoring.flows import QUERY_ALERT


class QueryBudget(models.Model):
    """How many scores one institution may ask for in a day (UTC) on each line, where it is not as for all others."""

    institution_id = models.UUIDField(primary_key=True, editable=False)
    scores_per_day = models.PositiveIntegerField(editable=False)
    changed_at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [models.CheckConstraint(name="scoring_querybudget_some", condition=Q(scores_per_day__gt=0))]

    def __str__(self) -> str:
        return f"{self.scores_per_day} scores a day"

    @classmethod
    def put(cls, *, institution_id: UUID, scores_per_day: int, now: datetime) -> Self:
        """Set it, whether or not there was one."""
        fields = {"scores_per_day": scores_per_day, "changed_at": now}
        made, _ = cls.objects.update_or_create(institution_id=institution_id, defaults=fields)
        return made


class QueryAlert(models.Model):
    """An institution whose questions on a line look as if they were after the model; open until a person settles it.

    `spent`: as many scores within 24 hours as a day's budget has. `sweeps`: of `looked_at` scores so many (`found`)
    differ from others in one feature alone, which runs through its values.
    """

    KINDS: ClassVar = ("spent", "sweeps")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(editable=False)
    line = models.ForeignKey("scoring.ModelLine", on_delete=models.PROTECT, related_name="+", editable=False)
    kind = models.CharField(max_length=10, choices=[(kind, kind) for kind in KINDS], editable=False)
    looked_at = models.PositiveIntegerField(editable=False)
    found = models.PositiveIntegerField(editable=False)
    state = models.CharField(max_length=10, choices=QUERY_ALERT.choices(), default=QUERY_ALERT.first, editable=False)
    opened_at = models.DateTimeField(editable=False)
    settled_by = models.UUIDField(null=True, editable=False)
    settled_at = models.DateTimeField(null=True, editable=False)
    note = models.CharField(max_length=500, blank=True, default="", editable=False)

    class Meta:
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["institution_id", "line", "kind"], name="scoring_queryalert_one_open", condition=Q(state="open")
            ),
            models.CheckConstraint(name="scoring_queryalert_kind", condition=Q(kind__in=["spent", "sweeps"])),
            models.CheckConstraint(
                name="scoring_queryalert_settled",
                condition=Q(state="open", settled_by__isnull=True, settled_at__isnull=True)
                | Q(state="settled", settled_by__isnull=False, settled_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.opened_at:%Y-%m-%d}"

    @property
    def is_open(self) -> bool:
        """Whether nobody has settled it."""
        return self.state == QUERY_ALERT.first

    def settle(self, *, user_id: UUID, note: str, now: datetime) -> None:
        """Close it with what was found out."""
        QUERY_ALERT.check(self.state, "settled")
        self.state, self.settled_by, self.settled_at, self.note = "settled", user_id, now, note
        self.save(update_fields=["state", "settled_by", "settled_at", "note"])
