"""Events, webhook endpoints and deliveries by REST: with real messages to a real receiver."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test import Client as Http
from pytest_django import Settings

from hub.audit import AuditRow
from hub.tenancy import platform_scope, tenant_scope
from partners.delivery.models import WebhookEndpoint, WebhookSecret
from partners.delivery.services import ENDPOINTS_MAX
from partners.institutions.queries import ClientView
from tests.factories import make_client, make_institution, make_key, signed_in
from tests.partners.delivery.test_targets import cases
from tests.partners.delivery.world import World
from tests.partners.receiver import Receiver, receiving

pytestmark = pytest.mark.django_db
URL = "http://127.0.0.1:9000/hooks"
ENDPOINTS, DELIVERIES, EVENTS = "/api/v1/webhook-endpoints", "/api/v1/deliveries", "/api/v1/events"


@pytest.fixture
def client() -> ClientView:
    return make_client()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def send(client: ClientView, method: str, path: str, body: Any = None, **headers: str) -> Any:
    data = "" if body is None else json.dumps(body)
    given = {"Idempotency-Key": str(uuid4()), **headers}
    return Http().generic(method, path, data, "application/json", headers=given, **signed_in(client)(method, path))


def register(client: ClientView, url: str = URL, **body: Any) -> Any:
    response = send(client, "POST", ENDPOINTS, {"url": url, **body})
    assert response.status_code == 201, response.content
    return response.json()


def listen(client: ClientView, receiver: Receiver, **body: Any) -> tuple[World, str]:
    """Register the receiver; return the world that its messages are driven in, and the endpoint's path."""
    bank = World(client.institution_id)
    bank.relay()  # what stands in the log before is not sent
    made = register(client, receiver.url, **body)
    receiver.secrets.append(made["secret"])
    receiver.clock = bank.now
    return bank, f"{ENDPOINTS}/{made['endpoint']['id']}"


def everything(client: ClientView) -> list[Any]:
    with platform_scope():
        rows = list(WebhookEndpoint.objects.order_by("id").values()) + list(
            WebhookSecret.objects.order_by("id").values()
        )
        return [*rows, AuditRow.objects.filter(institution_id=client.institution_id).count()]


def refused(response: Any, status: int, *codes: str) -> None:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert tuple(fault["code"] for fault in response.json().get("errors", [])) == codes


def test_a_secret_is_shown_once(client: ClientView) -> None:
    response = send(
        client, "POST", ENDPOINTS, {"url": URL, "description": "Loan  desk", "event_types": ["book.imported"]}
    )
    made = response.json()
    endpoint, secret = made["endpoint"], made["secret"]
    assert secret.startswith("whsec_")
    assert response["Location"] == f"{ENDPOINTS}/{endpoint['id']}"
    assert (endpoint["url"], endpoint["description"], endpoint["state"]) == (URL, "Loan desk", "active")
    listed = send(client, "GET", ENDPOINTS)
    assert listed.json() == {"items": [endpoint], "next": None}
    assert send(client, "GET", response["Location"]).json() == endpoint
    assert "whsec_" not in listed.content.decode()


def test_a_repeat_with_the_same_key_has_the_same_answer(client: ClientView) -> None:
    one, two = (send(client, "POST", ENDPOINTS, {"url": URL}, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert one.content == two.content
    assert two["Idempotent-Replayed"] == "true"
    assert len(send(client, "GET", ENDPOINTS).json()["items"]) == 1


@pytest.mark.parametrize("sandbox", [True, False], ids=["sandbox", "live"])
def test_the_listed_urls_are_refused(sandbox: bool) -> None:
    client = make_client() if sandbox else make_client(make_institution(sandbox=False), key=make_key())
    register(client, "https://8.8.8.8/hooks")
    (endpoint,) = send(client, "GET", ENDPOINTS).json()["items"]
    before = everything(client)
    for url in cases("refuse"):
        for response in (
            send(client, "POST", ENDPOINTS, {"url": url}),
            send(client, "PATCH", f"{ENDPOINTS}/{endpoint['id']}", {"url": url}),
        ):
            assert response.status_code == 422, url
            assert [fault["pointer"] for fault in response.json()["errors"]] == ["/url"]
    assert everything(client) == before


def test_the_loopback_is_for_sandboxes_where_the_setting_allows_it(client: ClientView, settings: Settings) -> None:
    live = make_client(make_institution(sandbox=False), key=make_key())
    refused(send(live, "POST", ENDPOINTS, {"url": URL}), 422, "wrong_scheme")
    settings.WEBHOOK_LOOPBACK = False
    refused(send(client, "POST", ENDPOINTS, {"url": URL}), 422, "wrong_scheme")


def test_a_name_that_leads_nowhere(client: ClientView) -> None:
    refused(send(client, "POST", ENDPOINTS, {"url": "https://no-such-name.invalid/x"}), 422, "name_not_found")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"event_types": ["no.such"]}, "unknown_event_type"),
        ({"event_types": ["webhook_endpoint.tested"]}, "unknown_event_type"),
        ({"event_types": [""]}, "out_of_range"), ({"description": "x" * 121}, "out_of_range"),
        ({"description": "a\u202eb"}, "wrong_format"), ({"secret": "<whsec_x>"}, "unknown_field"),
        ({"approved_network": "10.0.0.0/8"}, "unknown_field"), ({"url": None}, "wrong_type"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_registered(client: ClientView, body: dict[str, Any], code: str) -> None:
    before = everything(client)
    refused(send(client, "POST", ENDPOINTS, {"url": URL, **body}), 422, code)
    assert everything(client) == before


def test_there_is_a_limit(client: ClientView) -> None:
    for _ in range(ENDPOINTS_MAX):
        register(client)
    refused(send(client, "POST", ENDPOINTS, {"url": URL}), 409)


def test_changes(client: ClientView) -> None:
    path = f"{ENDPOINTS}/{register(client)['endpoint']['id']}"
    changed = send(client, "PATCH", path, {"event_types": ["consent.given", "book.imported", "book.imported"]}).json()
    assert (changed["event_types"], changed["url"]) == (["book.imported", "consent.given"], URL)
    assert send(client, "PATCH", path, {"state": "disabled"}).json()["disabled_reason"] == "asked"
    before = everything(client)
    assert send(client, "PATCH", path, {"state": "disabled"}).json()["state"] == "disabled"
    assert send(client, "PATCH", path, {}).status_code == 200
    assert everything(client) == before, "nothing new, nothing written"
    refused(send(client, "POST", f"{path}/test"), 409)
    refused(send(client, "PATCH", path, {"state": "removed"}), 422, "unknown_value")
    assert send(client, "PATCH", path, {"state": "active"}).json()["state"] == "active"


def test_removed_for_good(client: ClientView, receiver: Receiver) -> None:
    receiver.answers = [500]
    bank, path = listen(client, receiver)
    bank.happen()
    bank.round()
    assert send(client, "DELETE", path).json()["state"] == "removed"
    for response in (
        send(client, "GET", path), send(client, "DELETE", path), send(client, "PATCH", path, {"state": "active"}),
        send(client, "POST", f"{path}/test"), send(client, "POST", f"{path}/rotate-secret"),
    ):  # fmt: skip
        refused(response, 404)
    (row,) = send(client, "GET", DELIVERIES).json()["items"]
    assert (row["state"], row["last_fault"]) == ("parked", "endpoint_removed")
    refused(send(client, "POST", f"{DELIVERIES}/{row['id']}/resend"), 404)
    with platform_scope():
        assert not WebhookSecret.objects.exists()


def test_a_test_arrives(client: ClientView, receiver: Receiver) -> None:
    bank, path = listen(client, receiver, event_types=["book.imported"])
    response = send(client, "POST", f"{path}/test")
    assert response.status_code == 202
    bank.round()
    (event,) = receiver.events
    assert (event["id"], event["type"]) == (response.json()["event_id"], "webhook_endpoint.tested")
    (row,) = send(client, "GET", f"{DELIVERIES}?event_id={event['id']}").json()["items"]
    assert (row["state"], row["last_status"], row["due_at"]) == ("delivered", 204, None)


def test_the_secret_is_rotated_with_an_overlap(client: ClientView, receiver: Receiver) -> None:
    bank, path = listen(client, receiver)
    rotated = send(client, "POST", f"{path}/rotate-secret")
    assert rotated.status_code == 200
    new, old = rotated.json()["secret"], receiver.secrets[0]
    assert new != old
    for secret in (old, new):
        receiver.secrets = [secret]
        bank.happen()
        bank.round()
    assert len(receiver.events) == 2


def test_the_log_has_the_bodies_of_the_webhooks(client: ClientView, receiver: Receiver) -> None:
    bank, _ = listen(client, receiver)
    for _ in range(3):
        bank.happen()
    bank.round()
    page = send(client, "GET", f"{EVENTS}?limit=200").json()
    by_id = {item["id"]: item for item in page["items"]}
    assert len(receiver.events) == 3
    assert [by_id[event["id"]] for event in receiver.events] == receiver.events
    assert page["next"] == page["items"][-1]["position"]


def test_reading_on(client: ClientView) -> None:
    bank = World(client.institution_id)
    bank.relay()
    after, seen = 0, []
    for _ in range(2):
        bank.happen()
        bank.relay()
        while items := (page := send(client, "GET", f"{EVENTS}?after={after}&limit=1").json())["items"]:
            seen += items
            after = page["next"]
        assert page == {"items": [], "next": after}
    assert [event["type"] for event in seen] == ["institution.onboarded", "client.issued", *["consent.given"] * 2]
    assert [event["position"] for event in seen] == sorted({event["position"] for event in seen})


@pytest.mark.parametrize("query", ["after=-1", "after=1.0", "after=", "after=" + "9" * 19, "limit=201", "after=%D9%A1"])
def test_positions_that_are_none(client: ClientView, query: str) -> None:
    assert send(client, "GET", f"{EVENTS}?{query}").status_code == 422


def test_resending(client: ClientView, receiver: Receiver) -> None:
    receiver.answers = [410]
    bank, path = listen(client, receiver)
    bank.happen()
    bank.round()
    (parked,) = send(client, "GET", f"{DELIVERIES}?state=parked").json()["items"]
    assert (parked["last_status"], parked["attempts"]) == (410, 1)
    refused(send(client, "POST", f"{DELIVERIES}/{parked['id']}/resend"), 409)
    send(client, "PATCH", path, {"state": "active"})
    response = send(client, "POST", f"{DELIVERIES}/{parked['id']}/resend")
    assert (response.status_code, response.json()["state"]) == (202, "waiting")
    bank.moment = max(bank.moment, bank.only().due_at)
    receiver.clock = bank.now
    assert bank.send() == 1
    (row,) = send(client, "GET", f"{DELIVERIES}?state=delivered&endpoint_id={path.rpartition('/')[2]}").json()["items"]
    assert (row["id"], row["event_id"]) == (parked["id"], receiver.events[0]["id"])


@pytest.mark.parametrize("query", ["state=gone", "state=", "endpoint_id=1", "event_id=x", "state=%00"])
def test_filters_that_are_none(client: ClientView, query: str) -> None:
    assert send(client, "GET", f"{DELIVERIES}?{query}").status_code == 422


def test_another_institutions_things_are_unknown(client: ClientView, receiver: Receiver) -> None:
    receiver.answers = [500]
    bank, path = listen(client, receiver)
    bank.happen()
    bank.round()
    stranger = make_client()
    delivery = f"{DELIVERIES}/{bank.only().id}"
    before = everything(client)
    for method, theirs, body in (
        ("GET", path, None), ("PATCH", path, {"state": "disabled"}), ("DELETE", path, None),
        ("POST", f"{path}/test", None),
        ("POST", f"{path}/rotate-secret", None), ("POST", f"{delivery}/resend", None),
    ):  # fmt: skip
        refused(send(stranger, method, theirs, body), 404)
    assert send(stranger, "GET", ENDPOINTS).json()["items"] == []
    assert send(stranger, "GET", DELIVERIES).json()["items"] == []
    assert send(stranger, "GET", f"{DELIVERIES}?endpoint_id={path.rpartition('/')[2]}").json()["items"] == []
    mine = {item["id"] for item in send(client, "GET", EVENTS).json()["items"]}
    assert mine
    assert mine.isdisjoint(item["id"] for item in send(stranger, "GET", EVENTS).json()["items"])
    assert everything(client) == before


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT sealed FROM delivery_webhooksecret", "SELECT * FROM delivery_webhooksecret",
        "UPDATE delivery_webhooksecret SET sealed = ''", "DELETE FROM delivery_webhookendpoint",
        "DELETE FROM delivery_delivery", "SELECT * FROM delivery_feedcursor",
        "INSERT INTO delivery_delivery (id) VALUES (gen_random_uuid())",
    ],
)  # fmt: skip
def test_the_tenants_role_may_not(statement: str) -> None:
    client = make_client()
    with (
        tenant_scope(client.institution_id),
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_secrets_are_kept_sealed(client: ClientView) -> None:
    secret = register(client)["secret"]
    with platform_scope():
        row = WebhookSecret.objects.get()
        assert row.reveal() == secret
        assert secret.encode() not in bytes(row.sealed)
        assert secret.removeprefix("whsec_").encode() not in bytes(row.sealed)
