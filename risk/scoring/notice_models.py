"""What institutions are told before a version takes over, and what they hold on to for a while."""

from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import F, Q

from hub.ids import uuid7

PIN_MAX = timedelta(days=90)


class Announcement(models.Model):
    """A version that two people approved and that becomes champion at `effective_at`, unless it is withdrawn."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(null=True, editable=False)
    line = models.ForeignKey("scoring.ModelLine", on_delete=models.PROTECT, related_name="+", editable=False)
    version = models.ForeignKey(
        "scoring.ModelVersion", on_delete=models.PROTECT, related_name="announcements", editable=False
    )
    announced_at = models.DateTimeField(editable=False)
    effective_at = models.DateTimeField(editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    promoted = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ["-announced_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["line"], condition=Q(ended_at=None), name="scoring_announcement_one_open"),
            models.CheckConstraint(
                condition=Q(effective_at__gte=F("announced_at")), name="scoring_announcement_before_effect"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version_id} {self.effective_at:%Y-%m-%d}"

    @classmethod
    def open_on(cls, line_id: UUID) -> "Announcement | None":
        """Return the one that waits for its date on a line."""
        return Announcement.objects.filter(line_id=line_id, ended_at=None).select_related("version").first()

    def end(self, *, promoted: bool, now: datetime) -> None:
        """It is over: the version took over, or does not."""
        self.promoted, self.ended_at = promoted, now
        self.save(update_fields=["promoted", "ended_at"])


class VersionPin(models.Model):
    """An institution that goes on being scored by one version of a line, for its own calls and until a moment."""

    EXPIRED: ClassVar[str] = "expired"
    RELEASED: ClassVar[str] = "released"
    ROLLED_BACK: ClassVar[str] = "rolled_back"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(editable=False)
    line = models.ForeignKey("scoring.ModelLine", on_delete=models.PROTECT, related_name="+", editable=False)
    version = models.ForeignKey("scoring.ModelVersion", on_delete=models.PROTECT, related_name="pins", editable=False)
    pinned_at = models.DateTimeField(editable=False)
    until = models.DateTimeField(editable=False)
    reminded_at = models.DateTimeField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)
    ended_by = models.CharField(
        max_length=12, blank=True, default="", editable=False,
        choices=[(EXPIRED, "expired"), (RELEASED, "released"), (ROLLED_BACK, "rolled back")],
    )  # fmt: skip

    class Meta:
        ordering = ["-pinned_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["institution_id", "line"], condition=Q(ended_at=None), name="scoring_versionpin_one_open"
            ),
            models.CheckConstraint(
                condition=Q(until__gt=F("pinned_at"), until__lte=F("pinned_at") + PIN_MAX),
                name="scoring_versionpin_bounded",
            ),
        ]
        indexes = [models.Index(fields=["until"], condition=Q(ended_at=None), name="scoring_versionpin_due")]

    def __str__(self) -> str:
        return f"{self.version_id} until {self.until:%Y-%m-%d}"

    def hold(self, *, until: datetime, now: datetime) -> None:
        """Pin from now on, or until another moment. The database holds it to one of a line, and to 90 days."""
        self.pinned_at, self.until, self.reminded_at = self.pinned_at or now, until, None
        self.save()

    def remind(self, *, now: datetime) -> None:
        """Note that its end was told beforehand."""
        self.reminded_at = now
        self.save(update_fields=["reminded_at"])

    def end(self, ended_by: str, *, now: datetime) -> None:
        """The champion scores again."""
        self.ended_by, self.ended_at = ended_by, now
        self.save(update_fields=["ended_by", "ended_at"])
