"""`/livez`, `/readyz`, `/metrics`, and the headers of every answer."""

import re

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from hub import metrics, probes
from hub.tenancy import platform_scope

NO_CHAMPION = "no champion yet"


def all_well() -> tuple[bool, str]:
    return True, ""


def breaks() -> tuple[bool, str]:
    raise ValueError("May Chan")


def test_livez_needs_nothing(client: Client) -> None:
    response = client.get("/livez")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert "no-store" in response["Cache-Control"]
    assert client.post("/livez").status_code == 405


@pytest.mark.django_db
def test_readyz_names_each_part(client: Client) -> None:
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {
        "status": "not ready",
        "parts": {"database": "ok", "role": "ok", "migrations": "ok", "champion": NO_CHAMPION},
    }
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_readyz_is_ready_when_every_part_is(client: Client, settings: Settings) -> None:
    settings.READINESS_CHECKS = ["tests.hub.test_probes.all_well"]
    response = client.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (200, "ok")
    assert response.json()["parts"]["all"] == "ok"


@pytest.mark.django_db
def test_a_migration_that_is_missing(client: Client) -> None:
    from django.db import connection

    with platform_scope(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'hub' AND name = '0001_initial'")
    assert probes.missing_migrations() == [("hub", "0001_initial")]
    assert client.get("/readyz").json()["parts"]["migrations"] == "1 are not applied"


@pytest.mark.django_db
def test_a_part_that_breaks_is_not_ready_and_tells_no_more_than_its_kind(client: Client, settings: Settings) -> None:
    settings.READINESS_CHECKS = ["tests.hub.test_probes.breaks"]
    parts = client.get("/readyz").json()["parts"]
    assert parts["breaks"] == "fails with ValueError"


@pytest.mark.django_db
def test_metrics_count_requests_by_route(client: Client) -> None:
    def count() -> float:
        found = re.search(r'luopan_requests_total\{method="GET",route="unmatched",status="404"\} (\S+)', text(client))
        return float(found.group(1)) if found else 0.0

    before = count()
    client.get("/nowhere/may.chan?email=may@example.com")
    assert count() == before + 1
    told = text(client)
    assert 'luopan_request_seconds_bucket{le="0.005",method="GET",route="unmatched"}' in told
    assert "may" not in told
    assert "nowhere" not in told


@pytest.mark.django_db
def test_metrics_tell_what_waits_and_what_is_parked(client: Client) -> None:
    from django.db import connection

    with platform_scope(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO hub_brokermessage (queue, body) VALUES ('training', '{}'), ('training', '{}')")
        cursor.execute(
            "INSERT INTO hub_brokerdead (queue, body, enqueued_at, deliveries, reason)"
            " VALUES ('delivery', '{}', now(), 5, 'deliveries')"
        )
        cursor.execute(
            "INSERT INTO hub_outboxevent (id, type, subject_type, subject_id, payload, created_at) VALUES"
            " (gen_random_uuid(), 'x.made', 'x', gen_random_uuid(), '{}', now() - interval '90 s')"
        )
        cursor.execute(
            "INSERT INTO hub_inboxentry (event_id, subscriber, state, attempts, due_at, fault)"
            " SELECT id, 'somebody', 'parked', 5, now(), 'ValueError' FROM hub_outboxevent"
        )
    told = text(client)
    assert 'luopan_broker_messages{queue="training"} 2.0' in told
    assert 'luopan_broker_messages{queue="default"} 0.0' in told
    assert 'luopan_broker_dead{queue="delivery"} 1.0' in told
    assert "luopan_outbox_waiting 1.0" in told
    assert 'luopan_inbox_entries{state="parked"} 1.0' in told
    lag = re.search(r"luopan_outbox_lag_seconds (\d\S+)", told)
    assert lag
    assert 90 <= float(lag.group(1)) < 100


def some_gauges() -> list[metrics.Gauge]:
    return [metrics.Gauge("doors", "Doors by colour.", 3, {"colour": "red"})]


@pytest.mark.django_db
def test_apps_add_their_own(client: Client, settings: Settings) -> None:
    assert 'luopan_training_runs{state="running"} 0.0' in text(client)
    settings.METRIC_SOURCES = ["tests.hub.test_probes.some_gauges"]
    assert 'luopan_doors{colour="red"} 3.0' in text(client)


@pytest.mark.django_db
def test_metrics_are_for_this_machine_or_for_who_has_the_token(client: Client, settings: Settings) -> None:
    far = {"REMOTE_ADDR": "192.0.2.7"}
    token = {"Authorization": "Bearer let-me-read"}
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", **far).status_code == 403  # type: ignore[arg-type]  # the WSGI environment
    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 403
    assert client.get("/metrics", headers=token, **far).status_code == 403  # type: ignore[arg-type]  # no token is set
    assert client.get("/metrics", headers={"Authorization": "Bearer "}, **far).status_code == 403  # type: ignore[arg-type]
    settings.METRICS_TOKEN = "let-me-read"
    assert client.get("/metrics", headers=token, **far).status_code == 200  # type: ignore[arg-type]
    assert client.get("/metrics", headers={"Authorization": "Bearer lét"}, **far).status_code == 403  # type: ignore[arg-type]
    settings.PRODUCTION = True  # the machine itself may be the proxy
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", headers=token).status_code == 200


def text(client: Client) -> str:
    return client.get("/metrics").content.decode()


STRICT = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "frame-ancestors": "'none'",
    "base-uri": "'none'", "form-action": "'self'",
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "/", "/livez", "/readyz", "/metrics", "/console/", "/accounts/login/", "/api/docs/", "/api/schema/", "/nowhere",
        "/api/v1/nowhere", "/api/v1/institution", "/oauth/token/", "/problems/not_found", "/static/admin/css/base.css",
    ],
)  # fmt: skip
def test_the_headers_of_every_answer(client: Client, path: str) -> None:
    response = client.get(path)
    response.close()
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["X-Request-Id"]
    assert "Server" not in response
    assert response["X-Frame-Options"] == "DENY"
    if path.startswith(("/static/", "/api/v1/")):
        assert response["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        return
    policy = dict(part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";"))
    assert {name: policy[name] for name in STRICT if name != "script-src"} == {
        name: value for name, value in STRICT.items() if name != "script-src"
    }
    assert "'unsafe-inline'" not in response["Content-Security-Policy"]
    allowed = {"'self'"} if not path.startswith("/console") else {"'self'", "'unsafe-eval'"}
    assert set(policy["script-src"].split()) <= allowed
