"""Reads of figures, alerts and of what was heard, in the open scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Count, QuerySet

from risk.monitoring.models import Alert, Figure, LenderAnswer, MonitoringRun, SandboxTenant, ScoredCase

_ANSWERS = {"approve": "approve", "counter_offer": "approve", "decline": "decline"}


@dataclass(frozen=True, slots=True)
class HeardAnswer:
    """The last answer of a lender to a referral: approve or decline, and the platform's decision behind it."""

    institution_id: UUID
    decision_id: UUID
    answer: str


def sandboxes() -> frozenset[UUID]:
    """The institutions that are sandboxes."""
    return frozenset(SandboxTenant.objects.values_list("institution_id", flat=True))


def last_answers(*, since: datetime, until: datetime, limit: int) -> list[HeardAnswer]:
    """The last answer to each referral that was answered in [since, until), questions for more left out."""
    rows = LenderAnswer.objects.filter(at__gte=since, at__lt=until, kind__in=_ANSWERS).order_by("-at", "-answer_id")
    last: dict[UUID, LenderAnswer] = {}
    for row in rows[:limit]:
        last.setdefault(row.referral_id, row)
    cases = ScoredCase.objects.filter(application_id__in=[row.application_id for row in last.values()])
    decision_of = dict(cases.values_list("application_id", "decision_id"))
    return [
        HeardAnswer(row.institution_id, decision_of[row.application_id], _ANSWERS[row.kind])
        for row in last.values()
        if row.application_id in decision_of
    ]


def finished_days(*, day: date) -> set[UUID]:
    """The lines whose figures of a day are there."""
    return set(MonitoringRun.objects.filter(day=day, finished_at__isnull=False).values_list("line_id", flat=True))


def newest_run(*, line_id: UUID, version_id: UUID | None = None) -> MonitoringRun | None:
    """The newest run of a line (of a version of it) whose figures are there."""
    runs = MonitoringRun.objects.filter(line_id=line_id, finished_at__isnull=False)
    return (runs.filter(version_id=version_id) if version_id else runs).order_by("-day").first()


def figures_of(run: MonitoringRun, *, institution_id: UUID | None) -> QuerySet[Figure]:
    """The figures of one slice of a run, in the order of their making."""
    return run.figures.filter(institution_id=institution_id).order_by("id")


def over_time(
    *, line_id: UUID, institution_id: UUID | None, metrics: Sequence[str], runs: int
) -> list[tuple[date, str, float]]:
    """Day, metric and value of figures of the whole slice in the newest runs, the oldest day first."""
    days = MonitoringRun.objects.filter(line_id=line_id, finished_at__isnull=False).order_by("-day")
    found = Figure.objects.filter(
        run__in=list(days.values_list("id", flat=True)[:runs]), institution_id=institution_id, metric__in=metrics,
        segment_kind="", source__in=["decisions", "outcomes"],
    )  # fmt: skip
    return list(found.order_by("run__day", "id").values_list("run__day", "metric", "value"))


def open_alerts(*, line_id: UUID | None = None) -> QuerySet[Alert]:
    """The alerts that are open, of a line or of all, newest first."""
    rows = Alert.objects.filter(state="open").select_related("line", "opened_by")
    return rows.filter(line_id=line_id) if line_id else rows


def alert_counts() -> dict[str, int]:
    """Open alerts by metric; a metric of none is left out. Platform scope."""
    return dict(Alert.objects.filter(state="open").order_by().values_list("metric").annotate(count=Count("id")))


def last_days() -> dict[UUID, date]:
    """The newest day of each line whose figures are there. Platform scope."""
    rows = MonitoringRun.objects.filter(finished_at__isnull=False).order_by("line_id", "-day").distinct("line_id")
    return dict(rows.values_list("line_id", "day"))
