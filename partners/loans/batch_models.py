"""Files of reports, and what was wrong with their lines."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from hub.ids import uuid7
from hub.key_columns import Sealed
from partners.loans.flows import BATCH

PROBLEMS_KEPT = 10_000


class PerformanceBatch(models.Model):
    """One file of reports; `position` of its `lines` are taken. Its text is sealed, and gone once all are."""

    FORMATS: ClassVar = ("ndjson", "csv")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(editable=False)
    format = models.CharField(max_length=6, choices=[(name, name) for name in FORMATS], editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    size_bytes = models.PositiveIntegerField(editable=False)
    content = models.BinaryField(null=True, editable=False)
    lines = models.PositiveIntegerField(editable=False)
    position = models.PositiveIntegerField(default=0, editable=False)
    recorded = models.PositiveIntegerField(default=0, editable=False)
    unchanged = models.PositiveIntegerField(default=0, editable=False)
    problems = models.PositiveIntegerField(default=0, editable=False)
    state = models.CharField(max_length=10, choices=BATCH.choices(), default=BATCH.first, editable=False)
    actor_kind = models.CharField(max_length=10, editable=False)
    actor_id = models.CharField(max_length=100, editable=False)
    created_at = models.DateTimeField(editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name_plural = "performance batches"
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="loans_performancebatch_counts",
                condition=Q(position__lte=F("lines"), position=F("recorded") + F("unchanged") + F("problems")),
            ),
            models.CheckConstraint(
                name="loans_performancebatch_ended",
                condition=Q(state="applied", finished_at__isnull=False, content__isnull=True, position=F("lines"))
                | Q(state="received", finished_at__isnull=True, content__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="loans_performancebatch_waiting", condition=Q(state="received")),
            models.Index(fields=["institution_id", "created_at", "id"], name="loans_performancebatch_log"),
        ]

    def __str__(self) -> str:
        return f"{self.lines} lines {self.created_at:%Y-%m-%d}"

    @classmethod
    def receive(cls, *, batch_id: UUID, content: bytes, **fields: Any) -> Self:
        """Keep a file until its lines are taken."""
        sealed = settings.SECRETS.master.seal(content, place=_place(batch_id))
        made = cls(id=batch_id, content=sealed, size_bytes=len(content), **fields)
        made.save(force_insert=True)
        return made

    @property
    def text(self) -> bytes:
        """The file, while there are lines to take."""
        assert self.content is not None
        return settings.SECRETS.master.open(bytes(self.content), place=_place(self.id))

    def advance(self, *, recorded: int, unchanged: int, problems: int) -> None:
        """Count lines that were taken."""
        self.recorded += recorded
        self.unchanged += unchanged
        self.problems += problems
        self.position += recorded + unchanged + problems
        self.save(update_fields=["recorded", "unchanged", "problems", "position"])

    def finish(self, *, now: datetime) -> None:
        """All lines are taken: the text goes."""
        BATCH.check(self.state, "applied")
        self.state, self.finished_at, self.content = "applied", now, None
        self.save(update_fields=["state", "finished_at", "content"])


def _place(batch_id: UUID) -> str:
    return f"loans_performancebatch|content|{batch_id}"


SEALED = (Sealed("loans_performancebatch", "content", place=_place),)


class BatchProblem(models.Model):
    """Why a line of a file was not taken; `field` is empty where it is the whole line. Never a value."""

    id = models.BigAutoField(primary_key=True)
    institution_id = models.UUIDField(editable=False)
    batch = models.ForeignKey(PerformanceBatch, on_delete=models.PROTECT, related_name="faults", editable=False)
    line_no = models.PositiveIntegerField(editable=False)
    field = models.CharField(max_length=60, blank=True, editable=False)
    code = models.CharField(max_length=40, editable=False)
    detail = models.CharField(max_length=300, editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["batch", "line_no", "id"]
        indexes = [models.Index(fields=["batch", "line_no", "id"], name="loans_batchproblem_lines")]

    def __str__(self) -> str:
        return f"line {self.line_no} {self.field} {self.code}"

    @classmethod
    def append(cls, problems: "Sequence[BatchProblem]") -> None:
        """Keep problems of one file, up to ten thousand of them."""
        if problems:
            room = PROBLEMS_KEPT - cls.objects.filter(batch=problems[0].batch).count()
            BatchProblem.objects.bulk_create(problems[: max(0, room)], batch_size=2_000)
