"""Files of people to be scored, and what became of each of their lines."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.db.models import F, Q

from hub.db.columns import blobs, insert_columns, numbers, uuids
from hub.ids import uuid7
from hub.leases import Leased
from risk.scoring.batch_flow import BATCH


class ScoreBatch(Leased):
    """A file of people for one model line, all scored by the version that was its champion when the file came.

    The file waits below UPLOAD_ROOT under the batch's id; of its `size_bytes` the first `position_bytes` are done,
    of its `lines` (line feeds, a header included) `lines_done`. Empty lines are neither scored nor problems.
    """

    FORMATS: ClassVar = ("ndjson", "csv")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(editable=False)
    version = models.ForeignKey("scoring.ModelVersion", on_delete=models.PROTECT, related_name="+", editable=False)
    format = models.CharField(max_length=6, choices=[(name, name) for name in FORMATS], editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    size_bytes = models.BigIntegerField(editable=False)
    lines = models.PositiveIntegerField(editable=False)
    position_bytes = models.BigIntegerField(default=0, editable=False)
    lines_done = models.PositiveIntegerField(default=0, editable=False)
    scored = models.PositiveIntegerField(default=0, editable=False)
    problems = models.PositiveIntegerField(default=0, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False, help_text="Since lines were last done.")
    state = models.CharField(max_length=10, choices=BATCH.choices(), default=BATCH.first, editable=False)
    failure = models.CharField(max_length=300, blank=True, editable=False)
    actor_kind = models.CharField(max_length=10, editable=False)
    actor_id = models.CharField(max_length=100, editable=False)
    created_at = models.DateTimeField(editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name_plural = "score batches"
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["institution_id", "version", "sha256"], name="scoring_scorebatch_once",
                condition=~Q(state="failed"),
            ),
            models.CheckConstraint(
                name="scoring_scorebatch_counts",
                condition=Q(lines_done__gte=F("scored") + F("problems"), position_bytes__lte=F("size_bytes")),
            ),
            models.CheckConstraint(
                name="scoring_scorebatch_ended",
                condition=Q(finished_at__isnull=False, state__in=["done", "failed"], lease_token__isnull=True)
                | Q(finished_at__isnull=True, state__in=["received", "scoring"]),
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["id"], name="scoring_scorebatch_waiting", condition=Q(finished_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.lines} lines {self.created_at:%Y-%m-%d}"

    @property
    def is_open(self) -> bool:
        """Whether there are still lines to score."""
        return self.finished_at is None

    @property
    def percent(self) -> int:
        """How much of it is scored."""
        return 100 if self.state == "done" else int(100 * self.position_bytes / self.size_bytes)

    @classmethod
    def receive(cls, **fields: Any) -> "ScoreBatch":
        """Put a new batch into the database."""
        made = cls(**fields)
        made.save(force_insert=True)
        return made

    @classmethod
    def locked(cls, batch_id: UUID) -> "ScoreBatch":
        """Return the row, locked until the transaction ends."""
        return cls.objects.select_for_update(of=("self",)).get(id=batch_id)

    def claim(self, *, until: datetime, now: datetime) -> UUID:
        """Give the locked batch to a worker and return its token. Raises Busy while another one holds it."""
        token = self.take_lease(until=until, now=now)
        if self.state != "scoring":
            BATCH.check(self.state, "scoring")
        self.state, self.attempts = "scoring", self.attempts + 1
        self.save(update_fields=["lease_token", "lease_until", "state", "attempts"])
        return token

    def release(self, *, now: datetime) -> None:
        """Take the batch from whoever holds it, and note that a task is sent for it."""
        self.drop_lease()
        self.nudge(now=now)
        self.save(update_fields=["lease_token", "lease_until", "nudged_at"])

    def advance(self, *, position_bytes: int, lines: int, scored: int, problems: int, lease_until: datetime) -> None:
        """Count lines that are done."""
        self.position_bytes, self.lease_until, self.attempts = position_bytes, lease_until, 0
        self.lines_done += lines
        self.scored += scored
        self.problems += problems
        self.save(update_fields=["position_bytes", "lease_until", "attempts", "lines_done", "scored", "problems"])

    def finish(self, *, now: datetime) -> None:
        """All lines are done."""
        self._end("done", now)

    def fail(self, reason: str, *, now: datetime) -> None:
        """The file cannot be read any further."""
        self.failure = reason[:300]
        self._end("failed", now)

    def _end(self, state: str, now: datetime) -> None:
        BATCH.check(self.state, state)
        self.state, self.finished_at = state, now
        self.drop_lease()
        self.save(update_fields=["state", "failure", "finished_at", "lease_token", "lease_until"])


class BatchLine(models.Model):
    """What became of one line: the decision that was made, or the `problems` for which none was. Never a value."""

    pk = models.CompositePrimaryKey("batch", "line_no")
    batch = models.ForeignKey(
        ScoreBatch, on_delete=models.PROTECT, related_name="results", db_index=False, editable=False
    )
    line_no = models.PositiveIntegerField(editable=False)
    institution_id = models.UUIDField(editable=False)
    decision_id = models.UUIDField(null=True, editable=False)
    problems = models.BinaryField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="scoring_batchline_one_result",
                condition=Q(decision_id__isnull=False, problems__isnull=True)
                | Q(decision_id__isnull=True, problems__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"line {self.line_no}"

    @classmethod
    def append_scored(cls, batch: ScoreBatch, lines: Sequence[int], decision_ids: Sequence[str]) -> None:
        """Note which decision each of these lines has."""
        cells = {"line_no": numbers(lines), "decision_id": uuids(decision_ids)}
        insert_columns(cls, cells, batch_id=batch.id, institution_id=batch.institution_id)

    @classmethod
    def append_problems(cls, batch: ScoreBatch, lines: Sequence[int], problems: Sequence[bytes]) -> None:
        """Note why each of these lines has none: a JSON list of problems."""
        cells = {"line_no": numbers(lines), "problems": blobs(problems)}
        insert_columns(cls, cells, batch_id=batch.id, institution_id=batch.institution_id)
