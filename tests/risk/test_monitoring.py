"""A line is watched once a day: its figures are exact, the same again, and open and close alerts."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from hub import events, outbox
from hub.clock import now
from hub.leases import Busy, LeaseLost
from hub.models import AuditRow, InboxEntry, OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from risk.monitoring import services, tasks
from risk.monitoring.facts import gather
from risk.monitoring.measures import measure
from risk.monitoring.models import Alert, Figure, LenderAnswer, MonitoringRun
from risk.scoring import reviews
from risk.scoring.facade import models_in_use
from risk.scoring.models import Decision, ModelVersion
from risk.scoring.services import ConsentReference, score_person
from tests.risk.borrowers import ACTOR
from tests.risk.monitored import DAY, SCORED, applicants, champion, decide, figures, lend, watch
from tests.risk.registry_factory import make_line

pytestmark = pytest.mark.django_db
LENDER = uuid4()
MONTH = timedelta(days=31)


@pytest.fixture
def version() -> ModelVersion:
    return champion()


def stored() -> list[tuple[Any, ...]]:
    with platform_scope():
        return list(Figure.objects.order_by("id").values_list())


def pds() -> dict[UUID, float]:
    with platform_scope():
        return {row.id: float(row.pd_12m) for row in Decision.objects.all()}


def heard(payload: events.Payload) -> None:
    with platform_scope():
        outbox.publish(payload, actor=ACTOR, now=SCORED)


def handed_over() -> None:
    with platform_scope():
        while outbox.relay(now=SCORED):
            pass
        while outbox.hand_over_one(now=SCORED):
            pass
        assert not InboxEntry.objects.filter(subscriber__startswith="risk.monitoring").exclude(state="done").exists()


def test_who_comes_is_compared_with_the_training_population(version: ModelVersion) -> None:
    decide(applicants(250))
    run = watch(version.line)
    assert run is not None
    assert (run.version_id, run.decisions) == (version.id, 250)
    [score] = figures(metric="psi", segment_kind="")
    assert (score.rows, score.lower, score.limit_high, score.beyond) == (250, None, 0.25, False)
    assert 0 < score.value < 0.15
    [journey] = figures(metric="psi", segment_kind="channel")
    assert (journey.segment, journey.value) == ("journey", score.value)
    csi = {one.segment: one for one in figures(metric="csi")}
    assert set(csi) == {"income", "utilisation", "housing"}
    assert all(0 <= one.value < 0.15 and not one.beyond for one in csi.values())
    [approved] = figures(metric="approval_rate", segment_kind="")
    with platform_scope():
        assert approved.value == Decision.objects.filter(action="approve").count() / 250
    assert approved.limit_low is None  # nothing came in the months before


def test_other_people_open_an_alert_which_closes_when_they_are_gone(version: ModelVersion) -> None:
    decide([{**row, "housing": "boat"} for row in applicants(220)])
    watch(version.line)
    with platform_scope():
        [alert] = Alert.objects.filter(metric="csi")
        assert (alert.segment_kind, alert.segment, alert.state) == ("feature", "housing", "open")
        assert alert.opened_by.value > 0.25
        assert OutboxEvent.objects.get(type="alert.opened", subject_id=alert.id).payload["segment"] == "feature housing"
    watch(version.line, DAY + timedelta(days=1))
    with platform_scope():
        assert Alert.objects.filter(metric="csi").count() == 1, "one alert as long as it lasts"
    decide(applicants(250), moment=SCORED + 2 * MONTH)
    watch(version.line, DAY + 2 * MONTH)
    with platform_scope():
        alert.refresh_from_db()
        assert (alert.state, alert.closed_by.day if alert.closed_by else None) == ("closed", DAY + 2 * MONTH)
        assert AuditRow.objects.filter(action="alert.closed", subject_id=str(alert.id)).count() == 1
        assert Alert.objects.filter(state="open", metric="csi").count() == 0


def test_a_day_that_is_watched_late_opens_and_closes_nothing(version: ModelVersion) -> None:
    decide([{**row, "housing": "boat"} for row in applicants(220)])
    watch(version.line, DAY + MONTH + MONTH)
    watch(version.line)
    assert [one.beyond for one in figures(metric="csi", segment="housing")] == [True]
    with platform_scope():
        assert Alert.objects.count() == 0


def test_outcomes_are_held_against_what_was_said(version: ModelVersion) -> None:
    scored = decide(applicants(60), moment=datetime(2024, 5, 1, tzinfo=UTC))
    bad = [at % 3 == 0 for at in range(60)]
    lend(scored[:40], bad[:40])
    lend(scored[40:], bad[40:], opened=date(2024, 6, 2))
    watch(version.line)
    said = pds()
    expected = sum(said[one.decision_id] for one in scored)
    [whole] = figures(metric="calibration", segment_kind="")
    assert (whole.rows, whole.bads, whole.source) == (60, 20, "outcomes")
    assert whole.value == pytest.approx(20 / expected)
    assert sum(one["rows"] for one in whole.details["reliability"]) == 60
    [auc] = figures(metric="auc", segment_kind="")
    wins = [
        (said[a.decision_id] > said[b.decision_id]) + (said[a.decision_id] == said[b.decision_id]) / 2
        for a, is_bad in zip(scored, bad, strict=True) if is_bad
        for b, other in zip(scored, bad, strict=True) if not other
    ]  # fmt: skip
    assert auc.value == pytest.approx(sum(wins) / len(wins))
    assert auc.limit_low == pytest.approx(0.65)
    vintages = figures(metric="auc", segment_kind="vintage")
    assert [(one.segment, one.rows, one.bads) for one in vintages] == [("2024-05", 40, 14)]  # June has six bads only
    with platform_scope():
        grades = set(Decision.objects.values_list("grade", flat=True))
    assert {one.segment for one in figures(segment_kind="grade")} <= grades


def test_outcomes_that_came_after_the_day_are_not_known_on_it(version: ModelVersion) -> None:
    lend(decide(applicants(60), moment=datetime(2024, 5, 1, tzinfo=UTC)), [at % 3 == 0 for at in range(60)])
    watch(version.line, date(2025, 5, 30))
    assert figures(source="outcomes") == []


def test_answers_of_lenders_are_held_against_the_recommendation(version: ModelVersion) -> None:
    rows = [{"income": 90_000.0, "utilisation": 1.0, "housing": "own"}] * 32
    scored = decide(rows)
    assert {one.action for one in scored} == {"approve"}
    for at, one in enumerate(scored):
        case, referral = uuid4(), uuid4()
        kinds = ["ask_for_more", "decline"] if at < 12 else ["approve"]
        for kind in kinds:
            answer = events.DecisionRecorded(
                referral, LENDER, application_id=case, decision_id=uuid4(), kind=kind
            )  # fmt: skip
            heard(answer)
        heard(events.CaseOpened(case, None, sandbox_id=None, decision_id=one.decision_id))
    handed_over()
    watch(version.line)
    found = figures(metric="differing", segment_kind="")
    assert [(one.institution_id, one.value, one.rows) for one in found] == [(None, 0.375, 32), (LENDER, 0.375, 32)]
    assert all(one.beyond for one in found)
    with tenant_scope(LENDER):
        assert set(Figure.objects.values_list("institution_id", flat=True)) == {LENDER}


def overturn(decision_id: UUID) -> None:
    """Let a person overturn a refusal within the day."""
    with platform_scope():
        asked = reviews.ask_review(
            decision_id=decision_id, application_id=decision_id, sandbox_id=None, language="en",
            statement="The debt was paid back.", actor=ACTOR, now=SCORED,
        )  # fmt: skip
        reviews.take_review(review_id=asked.id, user_id=LENDER, now=SCORED)
        reviews.decide_review(
            review_id=asked.id, overturn=True, reason="It was, says the bank.", user_id=LENDER, now=SCORED,
            instalment_max=Decimal(900),
        )  # fmt: skip


def test_refusals_that_people_overturn_are_a_share_with_a_limit(version: ModelVersion) -> None:
    scored = decide([{"income": 2_000.0, "utilisation": 99.0, "housing": "rent"}] * 40)
    assert {one.action for one in scored} == {"decline"}
    for one in scored[:10]:
        overturn(one.decision_id)
    case, referral = uuid4(), uuid4()
    heard(events.CaseOpened(case, None, sandbox_id=None, decision_id=scored[0].decision_id))
    heard(events.DecisionRecorded(referral, LENDER, application_id=case, decision_id=uuid4(), kind="approve"))
    handed_over()
    watch(version.line)
    [found] = figures(metric="overridden")
    assert (found.institution_id, found.value, found.rows, found.beyond) == (None, 0.25, 40, True)
    with platform_scope():
        assert Alert.objects.get(metric="overridden").state == "open"
        facts = gather(models_in_use()[0], day=DAY, scope=platform_scope)
    assert facts.answers == []  # there the lender was asked to judge by himself


def test_a_lender_has_figures_of_his_own_loans(version: ModelVersion) -> None:
    scored = decide(applicants(90), moment=datetime(2024, 5, 1, tzinfo=UTC))
    bad = [at % 3 == 0 for at in range(90)]
    lend(scored[:60], bad[:60], lender_id=LENDER)
    lend(scored[60:], bad[60:])
    watch(version.line)
    assert [one.rows for one in figures(metric="auc", institution_id=LENDER, segment_kind="")] == [60]
    assert [one.rows for one in figures(metric="auc", institution_id=None, segment_kind="")] == [90]


def test_a_month_computed_twice_gives_the_same_rows(version: ModelVersion) -> None:
    decide(applicants(210))
    days = [DAY - timedelta(days=7 * at) for at in range(3)]
    for day in reversed(days):
        watch(version.line, day)
    first = stored()
    assert len(first) == 16  # of two days: nobody had been scored by the end of the first
    for day in reversed(days):
        watch(version.line, day)
    assert stored() == first
    with platform_scope():
        assert OutboxEvent.objects.filter(type="line.monitored").count() == 3


def test_the_same_facts_give_the_same_figures(version: ModelVersion) -> None:
    scored = decide(applicants(210), moment=datetime(2024, 5, 1, tzinfo=UTC))
    lend(scored, [at % 3 == 0 for at in range(210)])
    decide(applicants(210, seed=6))
    with platform_scope():
        [model] = models_in_use()
    facts = [gather(model, day=DAY, scope=platform_scope) for _ in range(2)]
    assert list(measure(facts[0])) == list(measure(facts[1]))
    assert len(list(measure(facts[0]))) > 10


def test_what_sandboxes_invent_says_nothing_about_a_line_of_the_platform(version: ModelVersion) -> None:
    invented = uuid4()
    heard(events.InstitutionOnboarded(invented, invented, sandbox=True))
    heard(events.InstitutionOnboarded(LENDER, LENDER, sandbox=False))
    handed_over()
    for institution_id in (invented, LENDER):
        for at, row in enumerate(applicants(30)):
            with tenant_scope(institution_id):
                score_person(
                    institution_id=institution_id, line_name="consumer", person_reference=f"p-{at}",
                    consent_reference=ConsentReference(f"c-{at}", "2026-01", SCORED - timedelta(days=1)),
                    features=row, actor=ACTOR, now=SCORED,
                )  # fmt: skip
    run = watch(version.line)
    assert run is not None
    assert run.decisions == 30
    found = {(one.institution_id, one.segment): one.rows for one in figures(metric="approval_rate")}
    assert found == {(None, ""): 30, (None, "api"): 30, (LENDER, ""): 30}


def test_one_worker_at_a_time(version: ModelVersion) -> None:
    with platform_scope():
        MonitoringRun.begin(line_id=version.line_id, day=DAY, version_id=version.id, created_at=now())
        taken_over(version)
    with pytest.raises(Busy):
        watch(version.line)
    assert figures() == []


def test_a_worker_that_lost_its_lease_writes_nothing(version: ModelVersion) -> None:
    decide(applicants(40))
    opened = 0

    @contextmanager
    def scope() -> Iterator[None]:
        """While the facts are read, another worker finds the lease expired and takes the row over."""
        nonlocal opened
        opened += 1
        with platform_scope():
            if opened == 3:
                taken_over(version)
            yield

    with pytest.raises(LeaseLost):
        services.watch_line(line_id=version.line_id, day=DAY, scope=scope, clock=now, actor=ACTOR)
    assert figures() == []
    with platform_scope():
        assert MonitoringRun.objects.get().finished_at is None


def taken_over(version: ModelVersion) -> None:
    moment = now() + timedelta(days=1)
    run = MonitoringRun.locked(line_id=version.line_id, day=DAY)
    run.claim(version_id=version.id, until=moment + timedelta(hours=1), now=moment)


def test_the_task_sends_each_line_once_a_day(version: ModelVersion) -> None:
    with platform_scope():
        assert services.lines_due(day=DAY) == [version.line_id]
    tasks.watch_line(str(version.line_id), DAY.isoformat())
    with platform_scope():
        assert services.lines_due(day=DAY) == []
    tasks.watch_line(str(version.line_id), DAY.isoformat())
    with platform_scope():
        assert MonitoringRun.objects.count() == 1


def test_a_line_without_a_champion_is_not_watched() -> None:
    assert watch(make_line()) is None


@pytest.mark.parametrize(
    "statement",
    ["UPDATE monitoring_figure SET value = 0", "DELETE FROM monitoring_figure", "DELETE FROM monitoring_alert"],
)
def test_figures_are_only_appended(version: ModelVersion, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), platform_scope(), transaction.atomic():
        connection.cursor().execute(statement)


def test_the_database_holds_what_an_answer_may_be() -> None:
    with pytest.raises(IntegrityError, match="monitoring_lenderanswer_kind"), platform_scope(), transaction.atomic():
        LenderAnswer.note(
            answer_id=uuid4(), institution_id=LENDER, referral_id=uuid4(), application_id=uuid4(), kind="perhaps",
            at=now(),
        )  # fmt: skip
