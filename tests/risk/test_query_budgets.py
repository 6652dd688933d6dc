"""A model answers so many questions a day and no more, and who runs through its features is told of."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Http
from pytest_django import Settings

from hub.clock import now
from hub.errors import Conflict, Invalid, QueryBudgetSpent
from hub.models import AuditRow, OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from partners.institutions.queries import ClientView
from risk.scoring import query_budgets, query_watch, tasks
from risk.scoring.facade import gauges
from risk.scoring.models import Decision, QueryAlert
from risk.scoring.probing import FOUND_LEAST, VALUES_LEAST, swept
from risk.scoring.services import ConsentReference, score_person
from tests.factories import ACTOR, bearer, make_client
from tests.risk.batch_factory import line, ndjson
from tests.risk.registry_factory import make_champion, make_line

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PEOPLE: list[dict[str, Any]] = [{"income": 1000.0 * at, "used": float(at), "housing": "rent"} for at in range(1, 101)]
SWEEP: list[dict[str, Any]] = [{"income": 5000.0, "used": float(at), "housing": "own"} for at in range(60)]
RITA = uuid4()


def test_customers_are_no_sweep_and_one_feature_at_a_time_is() -> None:
    assert swept([]) == 0
    assert swept(PEOPLE) == 0
    assert swept(PEOPLE * 3) == 0
    assert swept([*PEOPLE, *SWEEP]) == 60
    assert swept([*PEOPLE, *SWEEP[: VALUES_LEAST - 1]]) == 0
    assert swept([*PEOPLE, *SWEEP[:VALUES_LEAST]]) == VALUES_LEAST
    assert swept([{"income": 1.0, "used": None}, {"income": 1.0, "used": 2.0}] * 9) == 0


@pytest.fixture
def line_(db: None) -> None:
    make_champion(make_line())


def ask(client: ClientView, at: int = 1, *, key: str = "") -> Any:
    body = {
        "model_line": "consumer", "person_reference": f"p-{at}",
        "consent": {"reference": f"c-{at}", "text_version": "1", "given_at": "2026-01-01T00:00:00Z"},
        "features": {"income": 9000.0 + at, "utilisation": 50.0, "housing": "rent"},
    }  # fmt: skip
    headers = {"Idempotency-Key": key or str(uuid4())}
    return Http().post("/api/v1/scores", body, content_type="application/json", headers=headers, **bearer(client))


def allow(client: ClientView, scores: int) -> None:
    with platform_scope():
        query_budgets.set_budget(
            institution_id=client.institution_id, scores_per_day=scores, actor=ACTOR, now=now()
        )  # fmt: skip


def test_a_days_budget_is_one_for_all_credentials_and_says_what_is_left(line_: None) -> None:
    client = make_client()
    allow(client, 2)
    key = str(uuid4())
    first = ask(client, key=key)
    assert first.status_code == 201, first.content
    assert '"scores";q=2;w=86400' in first["RateLimit-Policy"]
    assert '"scores";r=1;' in first["RateLimit"]
    assert ask(client, key=key)["Idempotent-Replayed"] == "true"  # answered from the store: it costs nothing
    assert ask(client, 2).status_code == 201
    refused = ask(client, 3)
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (429, "query_budget_spent")
    assert 0 < int(refused["Retry-After"]) <= 86_400
    assert '"scores";r=0;' in refused["RateLimit"]
    query_budgets._accounts.clear()  # another process, or this one after a restart
    assert ask(client, 4).status_code == 429
    allow(client, 3)
    query_budgets._accounts.clear()
    assert ask(client, 5).status_code == 201
    assert ask(make_client(), 1).status_code == 201
    with platform_scope():
        assert Decision.objects.filter(institution_id=client.institution_id).count() == 3
        assert AuditRow.objects.filter(action="query_budget.set").count() == 2


def test_lines_of_a_file_count_from_the_moment_it_is_taken(line_: None, settings: Settings, tmp_path: Any) -> None:
    settings.UPLOAD_ROOT = tmp_path
    client = make_client()
    allow(client, 3)

    def send(*numbers: int) -> Any:
        file = SimpleUploadedFile("people", ndjson([line(at) for at in numbers]))
        given = {"file": file, "model_line": "consumer", "format": "ndjson"}
        headers = {"Idempotency-Key": str(uuid4())}
        return Http().post("/api/v1/score-batches", given, headers=headers, **bearer(client))

    assert send(1, 2, 3, 4).status_code == 429
    taken = send(1, 2)
    assert taken.status_code == 202
    assert send(1, 2).status_code == 202  # the same file is the same batch
    assert send(3, 4).status_code == 429
    assert ask(client, 9).status_code == 201
    assert ask(client, 10).status_code == 429
    tasks.score_batch.run(str(client.institution_id), taken.json()["id"])
    assert send(5).status_code == 429


def test_it_is_read_anew_each_minute_and_each_day(line_: None) -> None:
    bank = uuid4()

    def left(moment: datetime) -> int:
        with tenant_scope(bank):
            return query_budgets.standing(
                institution_id=bank, line_name="consumer", sandbox=True, now=moment
            ).left  # fmt: skip

    whole = left(NOON)
    assert whole == 100_000
    score(bank, PEOPLE[:3], moment=NOON)  # by another process
    assert left(NOON + timedelta(seconds=59)) == whole
    assert left(NOON + timedelta(seconds=60)) == whole - 3
    query_budgets.note(institution_id=bank, line_name="consumer")
    assert left(NOON + timedelta(seconds=61)) == whole - 4
    score(bank, PEOPLE[3:5], moment=NOON + timedelta(minutes=1))
    assert [left(NOON + timedelta(minutes=at)) for at in (3, 4, 90)] == [whole - 5] * 3
    assert left(NOON + timedelta(hours=12)) == whole
    with pytest.raises(QueryBudgetSpent):
        query_budgets.Standing(5, 2, 60).spend(3)


def score(bank: UUID, rows: list[dict[str, Any]], *, moment: datetime) -> None:
    with tenant_scope(bank):
        for row in rows:
            features = {"income": row["income"], "utilisation": row["used"], "housing": row["housing"]}
            reference = ConsentReference(str(uuid4()), "1", moment - timedelta(days=1))
            score_person(
                institution_id=bank, line_name="consumer", person_reference=str(uuid4()), actor=ACTOR, now=moment,
                consent_reference=reference, features=features,
            )  # fmt: skip


def test_who_sweeps_is_told_of_once_and_settled_by_a_person(line_: None) -> None:
    thief, bank = uuid4(), uuid4()
    score(thief, SWEEP[:FOUND_LEAST], moment=now())
    score(bank, PEOPLE[:FOUND_LEAST], moment=now())
    for _ in range(2):
        tasks.watch_queries.run()
    with platform_scope():
        alert = QueryAlert.objects.get()
        assert (alert.institution_id, alert.kind, alert.looked_at, alert.found) == (thief, "sweeps", 50, 50)
        assert OutboxEvent.objects.get(type="query_alert.opened").payload["asker_id"] == str(thief)
        assert [one.value for one in gauges() if one.name == "query_alerts"] == [1]
        with pytest.raises(Invalid):
            query_watch.settle_alert(alert_id=alert.id, note="because", user_id=RITA, now=now())
        note = "A test of theirs, which belongs into the sandbox."
        query_watch.settle_alert(alert_id=alert.id, note=note, user_id=RITA, now=now())
        with pytest.raises(Conflict):
            query_watch.settle_alert(alert_id=alert.id, note=note, user_id=RITA, now=now())
    tasks.watch_queries.run()
    with platform_scope():
        assert [one.state for one in QueryAlert.objects.all()] == ["settled"]
        query_watch.watch_asker(query_watch.Asker(bank, alert.line_id, 70, cap=60), now=now())
        assert QueryAlert.objects.get(institution_id=bank).kind == "spent"
