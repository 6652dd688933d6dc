"""What was measured of the model lines, what is beyond its limit, and what was heard of others for it."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q

from hub.ids import uuid7
from hub.leases import Leased
from risk.monitoring.flows import ALERT
from risk.monitoring.heard_models import LenderAnswer, SandboxTenant, ScoredCase

__all__ = ["Alert", "Figure", "LenderAnswer", "MonitoringRun", "SandboxTenant", "ScoredCase"]


class MonitoringRun(Leased):
    """The figures of one line as of the end of one day (UTC), computed once. `version`: the champion then."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(null=True, editable=False)
    line = models.ForeignKey("scoring.ModelLine", on_delete=models.PROTECT, related_name="+", editable=False)
    version = models.ForeignKey("scoring.ModelVersion", on_delete=models.PROTECT, related_name="+", editable=False)
    day = models.DateField(editable=False)
    decisions = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-day", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["line", "day"], name="monitoring_monitoringrun_once"),
            models.CheckConstraint(
                name="monitoring_monitoringrun_ended",
                condition=Q(finished_at__isnull=True) | Q(lease_token__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line} {self.day}"

    @classmethod
    def begin(cls, *, line_id: UUID, day: date, **fields: Any) -> None:
        """Make the row of a line's day, unless it is there."""
        rows = [MonitoringRun(line_id=line_id, day=day, **fields)]
        MonitoringRun.objects.bulk_create(rows, ignore_conflicts=True)

    @classmethod
    def locked(cls, *, line_id: UUID, day: date) -> "MonitoringRun":
        """Return the row of a line's day, locked until the transaction ends."""
        return cls.objects.select_for_update(of=("self",)).get(line_id=line_id, day=day)

    def claim(self, *, version_id: UUID, until: datetime, now: datetime) -> UUID:
        """Give the locked row to a worker and return its token. Raises Busy while another one holds it."""
        token = self.take_lease(until=until, now=now)
        self.version_id = version_id
        self.save(update_fields=["lease_token", "lease_until", "version"])
        return token

    def finish(self, *, decisions: int, now: datetime) -> None:
        """All of its figures are there."""
        self.decisions, self.finished_at = decisions, now
        self.drop_lease()
        self.save(update_fields=["decisions", "finished_at", "lease_token", "lease_until"])


class Figure(models.Model):
    """One figure of a run, of all loans or decisions or of a segment of them, with its limit.

    `institution_id` is None for the platform's whole line. `lower` and `upper` are a 95 % interval. `basis` says on
    what basis group data stand, `source` where the rows come from; `details` hold what only pages and passports draw.
    """

    METRICS: ClassVar = [
        ("psi", "PSI of the score"),
        ("csi", "CSI of a feature"),
        ("approval_rate", "Share recommended for approval"),
        ("calibration", "Observed over expected bad loans"),
        ("slope", "Calibration slope"),
        ("intercept", "Calibration intercept"),
        ("auc", "AUC"),
        ("glass_cost", "AUC that glass costs"),
        ("differing", "Lenders that differ from the recommendation"),
        ("overridden", "Refusals that a person overturned"),
        ("impact_ratio", "Adverse impact ratio"),
        ("mean_difference", "Standardised mean difference"),
        ("alternative", "Impact ratio of a less discriminatory alternative"),
    ]
    SEGMENTS: ClassVar = ["", "grade", "channel", "feature", "vintage", "group"]
    SOURCES: ClassVar = ["decisions", "outcomes", "new book", "learned book"]
    BASES: ClassVar = ["", "collected", "voluntary", "estimated"]

    id = models.BigAutoField(primary_key=True)
    institution_id = models.UUIDField(null=True, editable=False)
    run = models.ForeignKey(MonitoringRun, on_delete=models.PROTECT, related_name="figures", editable=False)
    metric = models.CharField(max_length=20, choices=METRICS, editable=False)
    segment_kind = models.CharField(max_length=10, blank=True, editable=False)
    segment = models.CharField(max_length=200, blank=True, editable=False)
    source = models.CharField(max_length=12, editable=False)
    basis = models.CharField(max_length=10, blank=True, editable=False)
    value = models.FloatField(editable=False)
    lower = models.FloatField(null=True, editable=False)
    upper = models.FloatField(null=True, editable=False)
    rows = models.PositiveIntegerField(editable=False)
    bads = models.PositiveIntegerField(null=True, editable=False)
    limit_low = models.FloatField(null=True, editable=False)
    limit_high = models.FloatField(null=True, editable=False)
    beyond = models.BooleanField(default=False, editable=False)
    details = models.JSONField(default=dict, editable=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                "run", "institution_id", "metric", "segment_kind", "segment", "source",
                name="monitoring_figure_once", nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="monitoring_figure_segment",
                condition=Q(segment_kind__in=["", "grade", "channel", "feature", "vintage", "group"]),
            ),
            models.CheckConstraint(
                name="monitoring_figure_source",
                condition=Q(source__in=["decisions", "outcomes", "new book", "learned book"]),
            ),
            models.CheckConstraint(
                name="monitoring_figure_basis",
                condition=Q(basis__in=["collected", "voluntary", "estimated"], segment_kind="group")
                | (Q(basis="") & ~Q(segment_kind="group")),
            ),
            models.CheckConstraint(
                name="monitoring_figure_beyond",
                condition=Q(beyond=False) | Q(limit_low__isnull=False) | Q(limit_high__isnull=False),
            ),
        ]  # fmt: skip
        indexes = [models.Index(fields=["institution_id", "run"], name="monitoring_figure_of")]

    def __str__(self) -> str:
        return f"{self.metric} {self.segment} {self.value:.4f}"

    @classmethod
    def append(cls, figures: "Iterable[Figure]") -> int:
        """Append the figures of a run; returns how many."""
        return len(Figure.objects.bulk_create(figures, batch_size=1_000))


class Alert(models.Model):
    """A figure that is beyond its limit, since `opened_at`; closed once it is back. At most one is open for each."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(null=True, editable=False)
    line = models.ForeignKey("scoring.ModelLine", on_delete=models.PROTECT, related_name="+", editable=False)
    opened_by = models.ForeignKey(Figure, on_delete=models.PROTECT, related_name="+", editable=False)
    closed_by = models.ForeignKey(MonitoringRun, null=True, on_delete=models.PROTECT, related_name="+", editable=False)
    metric = models.CharField(max_length=20, choices=Figure.METRICS, editable=False)
    segment_kind = models.CharField(max_length=10, blank=True, editable=False)
    segment = models.CharField(max_length=200, blank=True, editable=False)
    source = models.CharField(max_length=12, editable=False)
    state = models.CharField(max_length=6, choices=ALERT.choices(), default=ALERT.first, editable=False)
    opened_at = models.DateTimeField(editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                "line", "institution_id", "metric", "segment_kind", "segment", "source",
                name="monitoring_alert_one_open", nulls_distinct=False, condition=Q(state="open"),
            ),
            models.CheckConstraint(
                name="monitoring_alert_closed",
                condition=Q(state="open", closed_at__isnull=True, closed_by__isnull=True)
                | Q(state="closed", closed_at__isnull=False, closed_by__isnull=False),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_metric_display()} {self.segment}".strip()

    @classmethod
    def open(cls, figure: Figure, *, line_id: UUID, now: datetime) -> "Alert":
        """Open one for a figure that is beyond its limit."""
        return cls.objects.create(
            institution_id=figure.institution_id, line_id=line_id, opened_by=figure, metric=figure.metric,
            segment_kind=figure.segment_kind, segment=figure.segment, source=figure.source, opened_at=now,
        )  # fmt: skip

    def close(self, run: MonitoringRun, *, now: datetime) -> None:
        """The figure is back, or its version is not in use any more."""
        ALERT.check(self.state, "closed")
        self.state, self.closed_by, self.closed_at = "closed", run, now
        self.save(update_fields=["state", "closed_by", "closed_at"])
