"""What monitoring does: it keeps what it hears, and computes the figures of a line's day once."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from hub import outbox
from hub.audit import Actor
from hub.events import AlertClosed, AlertOpened, LineMonitored
from risk.monitoring import queries
from risk.monitoring.facts import Scope, gather
from risk.monitoring.fairness import measure_books
from risk.monitoring.glass import measure_glass
from risk.monitoring.measures import Measure, measure
from risk.monitoring.models import Alert, Figure, LenderAnswer, MonitoringRun, SandboxTenant, ScoredCase
from risk.scoring import facade as scoring

Clock = Callable[[], datetime]
LIMIT_S = 20 * 60
LEASE = timedelta(seconds=LIMIT_S + 10 * 60)  # longer than any worker may take


@transaction.atomic
def note_case(*, application_id: UUID, decision_id: UUID) -> None:
    """Keep which decision an application rests on. Safe to repeat."""
    ScoredCase.note(application_id=application_id, decision_id=decision_id)


@transaction.atomic
def note_answer(
    *, answer_id: UUID, institution_id: UUID, referral_id: UUID, application_id: UUID, kind: str, now: datetime
) -> None:
    """Keep what a lender decided on a referral. Safe to repeat."""
    LenderAnswer.note(
        answer_id=answer_id, institution_id=institution_id, referral_id=referral_id, application_id=application_id,
        kind=kind, at=now,
    )  # fmt: skip


@transaction.atomic
def note_sandbox(*, institution_id: UUID) -> None:
    """Keep that an institution is a sandbox. Safe to repeat."""
    SandboxTenant.note(institution_id=institution_id)


def lines_due(*, day: date) -> list[UUID]:
    """The lines with a champion whose figures of a day are not there yet. Platform scope."""
    done = queries.finished_days(day=day)
    return [model.line_id for model in scoring.models_in_use() if model.line_id not in done]


def watch_line(*, line_id: UUID, day: date, scope: Scope, clock: Clock, actor: Actor) -> MonitoringRun | None:
    """Compute the figures of a line as of the end of a day, once; return the run, None where no champion is in use.

    A day that is done stays as it is. Raises Busy while another worker is at it, LeaseLost where one took it over.
    """
    with scope():
        model = next((one for one in scoring.models_in_use() if one.line_id == line_id), None)
        if model is None:
            return None
        MonitoringRun.begin(
            line_id=line_id, day=day, institution_id=model.institution_id, version_id=model.version_id,
            created_at=clock(),
        )  # fmt: skip
        run = MonitoringRun.locked(line_id=line_id, day=day)
        if run.finished_at is not None:
            return run
        token = run.claim(version_id=model.version_id, until=clock() + LEASE, now=clock())
    facts = gather(model, day=day, scope=scope)
    measures = [*measure(facts), *measure_books(facts), *measure_glass(facts)]
    with scope():
        run = MonitoringRun.locked(line_id=line_id, day=day)
        run.check_lease(token)
        _keep(run, measures, decisions=len(facts.decided), actor=actor, now=clock())
    return run


def _keep(run: MonitoringRun, measures: list[Measure], *, decisions: int, actor: Actor, now: datetime) -> None:
    count = Figure.append(_figure(run, one) for one in measures)
    run.finish(decisions=decisions, now=now)
    event = LineMonitored(
        run.id, run.institution_id, line_id=run.line_id, version_id=run.version_id, day=run.day.isoformat(),
        figures=count,
    )  # fmt: skip
    outbox.publish(event, actor=actor, now=now)
    _settle_alerts(run, actor=actor, now=now)


def _figure(run: MonitoringRun, one: Measure) -> Figure:
    found = one.found
    return Figure(
        run=run, institution_id=one.institution_id, metric=one.metric, segment_kind=one.segment_kind,
        segment=one.segment, source=one.source, basis=one.basis, value=found.value,
        lower=found.lower if one.with_interval else None, upper=found.upper if one.with_interval else None,
        rows=one.rows, bads=one.bads, limit_low=one.limit.low, limit_high=one.limit.high,
        beyond=one.limit.is_broken_by(found), details=one.details,
    )  # fmt: skip


def _settle_alerts(run: MonitoringRun, *, actor: Actor, now: datetime) -> None:
    """Open an alert for each figure beyond its limit that has none; close those whose figure is back.

    One whose figure could not be computed stays open, unless another version is in use than it was opened for.
    """
    if MonitoringRun.objects.filter(line_id=run.line_id, day__gt=run.day, finished_at__isnull=False).exists():
        return  # a later day has spoken already
    figures = {_key(figure): figure for figure in run.figures.all()}
    known = {_key(alert): alert for alert in queries.open_alerts(line_id=run.line_id).select_related("opened_by__run")}
    for key, figure in figures.items():
        if figure.beyond and key not in known:
            alert = Alert.open(figure, line_id=run.line_id, now=now)
            outbox.publish(AlertOpened(**_told(alert, run)), actor=actor, now=now)
    for key, alert in known.items():
        found = figures.get(key)
        if not found.beyond if found else alert.opened_by.run.version_id != run.version_id:
            alert.close(run, now=now)
            outbox.publish(AlertClosed(**_told(alert, run)), actor=actor, now=now)


def _key(row: Figure | Alert) -> tuple[UUID | None, str, str, str, str]:
    return row.institution_id, row.metric, row.segment_kind, row.segment, row.source


def _told(alert: Alert, run: MonitoringRun) -> dict[str, Any]:
    segment = f"{alert.segment_kind} {alert.segment}".strip()
    return {
        "subject_id": alert.id, "institution_id": run.institution_id, "line_id": run.line_id,
        "metric": alert.metric, "segment": segment,
    }  # fmt: skip
