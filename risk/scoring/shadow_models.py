"""Challengers that score beside the champion without deciding anything."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Q

from hub.ids import uuid7
from hub.leases import Leased

SIDE_BY_SIDE = 2  # challengers of a line that score at the same time: the newest
LASTS = timedelta(days=90)
SCORED_MAX = 200_000  # more tells nothing more


class Shadow(Leased):
    """One challenger from `since` on: decisions with ids up to `done_to` were scored by it, `scored` of its line.

    `unreadable`: decisions whose inputs it cannot read, which counts against it and stops nothing.
    """

    version = models.OneToOneField(
        "scoring.ModelVersion", on_delete=models.PROTECT, primary_key=True, related_name="shadow", editable=False
    )
    line = models.ForeignKey("scoring.ModelLine", on_delete=models.PROTECT, related_name="+", editable=False)
    since = models.DateTimeField(editable=False)
    done_to = models.UUIDField(editable=False)
    scored = models.PositiveIntegerField(default=0, editable=False)
    unreadable = models.PositiveIntegerField(default=0, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-since"]
        indexes = [models.Index(fields=["line"], condition=Q(ended_at=None), name="scoring_shadow_open")]

    def __str__(self) -> str:
        return f"shadow since {self.since:%Y-%m-%d}"

    @classmethod
    def begin(cls, *, version_id: UUID, line_id: UUID, done_to: UUID, now: datetime) -> None:
        """Let a version score from now on; of those of its line only the newest go on."""
        Shadow.objects.create(version_id=version_id, line_id=line_id, since=now, done_to=done_to)
        for old in Shadow.objects.filter(line_id=line_id, ended_at=None).order_by("-since", "-version_id")[
            SIDE_BY_SIDE:
        ]:
            old.end(now=now)

    @classmethod
    def locked(cls, version_id: UUID) -> "Shadow":
        """Return the row, locked until the transaction ends."""
        return Shadow.objects.select_for_update(of=("self",)).get(version_id=version_id)

    def claim(self, *, until: datetime, now: datetime) -> UUID:
        """Give the locked row to a worker and return its token. Raises Busy while another one holds it."""
        token = self.take_lease(until=until, now=now)
        self.save(update_fields=["lease_token", "lease_until"])
        return token

    def advance(self, *, done_to: UUID, scored: int, unreadable: int, lease_until: datetime) -> None:
        """Count decisions that are done."""
        self.done_to, self.lease_until = done_to, lease_until
        self.scored += scored
        self.unreadable += unreadable
        self.save(update_fields=["done_to", "lease_until", "scored", "unreadable"])

    def rest(self) -> None:
        """Nothing is left to do for now."""
        self.drop_lease()
        self.save(update_fields=["lease_token", "lease_until"])

    def end(self, *, now: datetime) -> None:
        """It scores no more; what it said is kept."""
        self.ended_at = now
        self.drop_lease()
        self.save(update_fields=["ended_at", "lease_token", "lease_until"])


class ShadowScore(models.Model):
    """What a challenger says of one decision, which another version made."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    shadow = models.ForeignKey(Shadow, on_delete=models.PROTECT, related_name="scores", db_index=False, editable=False)
    decision = models.ForeignKey(
        "scoring.Decision", on_delete=models.PROTECT, related_name="+", db_index=False, editable=False
    )
    logit_micro = models.BigIntegerField(editable=False)
    pd_12m = models.DecimalField(max_digits=7, decimal_places=6, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shadow", "decision"], name="scoring_shadowscore_once"),
            models.CheckConstraint(condition=Q(pd_12m__gte=0, pd_12m__lte=1), name="scoring_shadowscore_pd_range"),
        ]

    def __str__(self) -> str:
        return str(self.decision_id)

    @classmethod
    def append(cls, rows: Sequence[dict[str, Any]]) -> None:
        """Keep what was said; what is there stays."""
        ShadowScore.objects.bulk_create([cls(**row) for row in rows], ignore_conflicts=True)
