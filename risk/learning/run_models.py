"""Training runs and what they have fitted so far."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models
from django.db.models import Q

from hub.ids import uuid7
from hub.leases import Leased
from risk.learning.flows import RUN

ATTEMPTS_MAX = 5


class TrainingRun(Leased):
    """One training of a model line: its settings, its labels (fixed at the first start), how far it has come.

    It learns from `book_ids`, and from the line's outcomes up to the entry `outcomes_until`; with `as_of`, from what
    was known on that day only.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(null=True, editable=False)
    line = models.ForeignKey("scoring.ModelLine", on_delete=models.PROTECT, related_name="+", editable=False)
    state = models.CharField(max_length=10, choices=RUN.choices(), default=RUN.first, editable=False)
    seed = models.PositiveIntegerField(editable=False)
    recipe = models.JSONField(default=dict, editable=False)
    book_ids = models.JSONField(default=list, editable=False)
    outcomes_until = models.BigIntegerField(default=0, editable=False)
    as_of = models.DateField(null=True, editable=False)
    requested_by = models.UUIDField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    step = models.CharField(max_length=120, default="Waiting for a worker", editable=False)
    percent = models.PositiveSmallIntegerField(default=0, editable=False)
    failure = models.CharField(max_length=500, blank=True, editable=False)
    version_id = models.UUIDField(null=True, editable=False)
    created_at = models.DateTimeField(editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["line"], name="learning_trainingrun_one_waiting", condition=Q(state="queued", attempts=0)
            ),
            models.CheckConstraint(name="learning_trainingrun_percent", condition=Q(percent__lte=100)),
            models.CheckConstraint(
                name="learning_trainingrun_version",
                condition=Q(state="done", version_id__isnull=False) | (~Q(state="done") & Q(version_id__isnull=True)),
            ),
            models.CheckConstraint(
                name="learning_trainingrun_lease",
                condition=Q(state="running", lease_token__isnull=False)
                | (~Q(state="running") & Q(lease_token__isnull=True)),
            ),
        ]
        indexes = [models.Index(fields=["institution_id", "created_at", "id"], name="learning_trainingrun_log")]

    def __str__(self) -> str:
        return f"training {self.state} {self.created_at:%Y-%m-%d}"

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.finished_at is None

    @classmethod
    def enqueue(cls, **fields: Any) -> "TrainingRun":
        """Put a new run into the queue."""
        return cls.objects.create(**fields)

    @classmethod
    def locked(cls, run_id: UUID) -> "TrainingRun":
        """Return the row, locked until the transaction ends."""
        return cls.objects.select_for_update(of=("self",)).get(id=run_id)

    def claim(self, *, until: datetime, now: datetime) -> UUID:
        """Give the locked run to a worker and return its token. Raises Busy while another one holds it."""
        if self.state != "running":
            RUN.check(self.state, "running")
        token = self.take_lease(until=until, now=now)
        self.state = "running"
        self.attempts += 1
        self.started_at = self.started_at or now
        self.save()
        return token

    def requeue(self, *, now: datetime) -> None:
        """Its worker is gone: back into the queue, with a task sent for it."""
        RUN.check(self.state, "queued")
        self.state = "queued"
        self.drop_lease()
        self.nudge(now=now)
        self.save()

    def renew(self, *, until: datetime) -> None:
        """Hold it for longer."""
        self.lease_until = until
        self.save(update_fields=["lease_until"])

    def remind(self, *, now: datetime) -> None:
        """Note that a task was sent for it once more."""
        self.nudge(now=now)
        self.save(update_fields=["nudged_at"])

    def fix_labels(self, *, book_ids: Sequence[UUID], outcomes_until: int) -> None:
        """Keep what it learns from: a resumed run must not meet other books or outcomes."""
        self.book_ids, self.outcomes_until = [str(book_id) for book_id in book_ids], outcomes_until
        self.save(update_fields=["book_ids", "outcomes_until"])

    def advance(self, *, step: str, percent: int) -> None:
        """Show how far it has come."""
        self.step, self.percent = step, percent
        self.save(update_fields=["step", "percent"])

    def finish(self, *, version_id: UUID, now: datetime) -> None:
        """It made a version."""
        self._end("done", "Done", now)
        self.version_id, self.percent = version_id, 100
        self.save()

    def fail(self, failure: str, *, now: datetime) -> None:
        """It made none, for this reason."""
        self._end("failed", "Failed", now)
        self.failure = failure[:500]
        self.save()

    def cancel(self, *, now: datetime) -> None:
        """Somebody stopped it."""
        self._end("cancelled", "Cancelled", now)
        self.save()

    def _end(self, state: str, step: str, now: datetime) -> None:
        RUN.check(self.state, state)
        self.state, self.step, self.finished_at = state, step, now
        self.drop_lease()


class TrainingCheckpoint(models.Model):
    """One finished step of a running training, so that a killed one goes on where it was."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="checkpoints", editable=False)
    step = models.CharField(max_length=30, editable=False)
    payload = models.BinaryField(editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "step"], name="learning_trainingcheckpoint_once")]

    def __str__(self) -> str:
        return self.step

    @classmethod
    def keep(cls, run: TrainingRun, step: str, payload: bytes) -> None:
        """Keep a step's result."""
        cls.objects.create(run=run, step=step, payload=payload)

    @classmethod
    def payloads(cls, run_id: UUID) -> dict[str, bytes]:
        """What is kept of a run, by step."""
        return {
            step: bytes(payload) for step, payload in cls.objects.filter(run_id=run_id).values_list("step", "payload")
        }

    @classmethod
    def forget(cls, run: TrainingRun) -> None:
        """Delete what is kept of a run that ended."""
        cls.objects.filter(run=run).delete()
