"""Labels that are kept out of trainings until a person has decided on them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.db.models import F, Q

from hub.clock import now as clock_now
from hub.ids import uuid7
from risk.learning.flows import HOLD

DECIDE_WITHIN = timedelta(days=10)


class LabelHold(models.Model):
    """The outcomes that one lender reported on a line, up to `last_entry` once it is decided, and later ones till then.

    `released` lets them into trainings, `rejected` keeps them out for good. Monitoring reads them all the time.
    """

    OPEN: ClassVar[str] = HOLD.first

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    line = models.ForeignKey("scoring.ModelLine", on_delete=models.PROTECT, related_name="+", editable=False)
    lender_id = models.UUIDField(editable=False)
    state = models.CharField(max_length=10, choices=HOLD.choices(), default=HOLD.first, editable=False)
    says = models.CharField(max_length=500, editable=False)
    first_entry = models.BigIntegerField(editable=False)
    last_entry = models.BigIntegerField(null=True, editable=False)
    found_at = models.DateTimeField(editable=False)
    due_at = models.DateTimeField(editable=False)
    decided_by = models.UUIDField(null=True, editable=False)
    decided_at = models.DateTimeField(null=True, editable=False)
    note = models.CharField(max_length=500, blank=True, default="", editable=False)

    class Meta:
        ordering = ["-found_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["line", "lender_id"], name="learning_labelhold_one_open", condition=Q(state="held")
            ),
            models.CheckConstraint(
                name="learning_labelhold_decided",
                condition=Q(state="held", decided_at=None, last_entry=None)
                | (~Q(state="held") & Q(decided_at__isnull=False, last_entry__gte=F("first_entry"))),
            ),
        ]

    def __str__(self) -> str:
        return f"labels {self.state} {self.found_at:%Y-%m-%d}"

    @property
    def is_open(self) -> bool:
        """Whether it waits for a decision."""
        return self.state == HOLD.first

    @property
    def is_overdue(self) -> bool:
        """Whether nobody decided in time."""
        return self.is_open and self.due_at < clock_now()

    @classmethod
    def place(cls, *, now: datetime, **fields: Any) -> "LabelHold":
        """Hold labels from now on."""
        return cls.objects.create(found_at=now, due_at=now + DECIDE_WITHIN, **fields)

    @classmethod
    def locked(cls, hold_id: UUID) -> "LabelHold":
        """Return the row, locked until the transaction ends."""
        return cls.objects.select_for_update(of=("self",)).select_related("line").get(id=hold_id)

    def decide(self, state: str, *, last_entry: int, user_id: UUID, note: str, now: datetime) -> None:
        """Release or reject what was held so far."""
        HOLD.check(self.state, state)
        self.state, self.last_entry = state, last_entry
        self.decided_by, self.decided_at, self.note = user_id, now, note
        self.save()

    @classmethod
    def ranges(cls, line_id: UUID) -> list["Range"]:
        """Which outcome entries of a line no training may read now."""
        found = cls.objects.filter(line_id=line_id, state__in=["held", "rejected"]).order_by("id")
        return [(str(one.lender_id), one.first_entry, one.last_entry) for one in found]


# A lender's entries from one to another, None for all that are still to come.
Range = tuple[str, int, int | None]


def within(ranges: Sequence[Range]) -> Q:
    """The outcome entries of these ranges."""
    found = Q(pk__in=[])
    for lender_id, first, last in ranges:
        found |= Q(lender_id=lender_id, id__gte=first) & (Q() if last is None else Q(id__lte=last))
    return found
