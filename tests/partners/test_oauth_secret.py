"""Tokens by a sandbox's client secret: RFC 6749 sections 2.3.1, 4.4 and 5."""

import base64
import hashlib
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client as Http
from oauth2_provider.models import get_access_token_model

from hub.clock import now
from hub.errors import Conflict, NotFound
from hub.models import AuditRow, OutboxEvent
from hub.tenancy import platform_scope
from partners.institutions import services
from partners.institutions.models import Client
from tests.factories import ACTOR, make_client_and_secret, make_institution, make_key

pytestmark = pytest.mark.django_db


def ask(**form: str) -> Any:
    return Http().post("/oauth/token/", {"grant_type": "client_credentials", **form})


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def tokens() -> int:
    with platform_scope():
        count: int = get_access_token_model().objects.count()
        return count


def refused(response: Any, status: int, error: str) -> None:
    assert response.status_code == status
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    assert response.json()["error"] == error
    assert tokens() == 0


def test_secret_in_the_body() -> None:
    client, secret = make_client_and_secret(scopes=["institution:read", "scores:write"])
    response = ask(client_id=client.client_id, client_secret=secret)
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    body = response.json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 900, "institution:read scores:write")
    answer = Http().get("/api/v1/institution", HTTP_AUTHORIZATION=f"Bearer {body['access_token']}")
    assert answer.status_code == 200


def test_secret_by_basic() -> None:
    client, secret = make_client_and_secret()
    response = Http().post(
        "/oauth/token/", {"grant_type": "client_credentials"}, HTTP_AUTHORIZATION=basic(client.client_id, secret)
    )
    assert response.status_code == 200


def test_neither_token_nor_secret_is_kept() -> None:
    client, secret = make_client_and_secret()
    token = ask(client_id=client.client_id, client_secret=secret).json()["access_token"]
    with platform_scope():
        row = get_access_token_model().objects.get()
        kept = Client.objects.get(client_id=client.client_id).client_secret
    assert row.token == ""
    assert row.token_checksum == hashlib.sha256(token.encode()).hexdigest()
    assert secret not in kept
    assert kept.startswith("pbkdf2_client_secret$")


def test_scope_can_be_narrowed_and_not_widened() -> None:
    client, secret = make_client_and_secret(scopes=["institution:read", "scores:write"])
    refused(ask(client_id=client.client_id, client_secret=secret, scope="books:write"), 400, "invalid_scope")
    narrow = ask(client_id=client.client_id, client_secret=secret, scope="institution:read").json()
    assert narrow["scope"] == "institution:read"
    response = Http().get("/api/v1/institution", HTTP_AUTHORIZATION=f"Bearer {narrow['access_token']}")
    assert response.status_code == 200


@pytest.mark.parametrize("secret", ["", "wrong", "pbkdf2_client_secret$1000$x$y", "\0", "é"])
def test_wrong_secret(secret: str) -> None:
    client, _ = make_client_and_secret()
    response = ask(client_id=client.client_id, client_secret=secret)
    refused(response, 401, "invalid_client")
    assert response["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize("client_id", ["", "nobody", "a\0b", "'; --", "é" * 300])
def test_unknown_client(client_id: str) -> None:
    refused(ask(client_id=client_id, client_secret="x"), 401, "invalid_client")


@pytest.mark.parametrize("header", ["Basic", "Basic é", "Basic !!!", "Basic Og==", "Basic AAAA", "Bearer x", "\x80"])
def test_damaged_basic_header(header: str) -> None:
    response = Http().post("/oauth/token/", {"grant_type": "client_credentials"}, HTTP_AUTHORIZATION=header)
    refused(response, 401, "invalid_client")


def test_client_with_keys_may_not_use_a_secret() -> None:
    client, _ = make_client_and_secret(make_institution(sandbox=False), key=make_key())
    with platform_scope():
        Client.objects.filter(client_id=client.client_id).update(client_secret="pbkdf2_client_secret$1$a$b")
    for secret in ("", "x"):
        refused(ask(client_id=client.client_id, client_secret=secret), 401, "invalid_client")


@pytest.mark.parametrize("grant", ["password", "authorization_code", "refresh_token", "implicit", "", "\0"])
def test_other_grants(grant: str) -> None:
    client, secret = make_client_and_secret()
    form = {"client_id": client.client_id, "client_secret": secret, "username": "x", "password": "x", "code": "x"}
    error = "unsupported_grant_type" if grant else "invalid_request"
    refused(Http().post("/oauth/token/", {"grant_type": grant, **form}), 400, error)


def test_device_grant() -> None:
    response = Http().post("/oauth/token/", {"grant_type": "urn:ietf:params:oauth:grant-type:device_code"})
    refused(response, 400, "unsupported_grant_type")


def test_parameter_sent_twice() -> None:
    client, secret = make_client_and_secret()
    response = Http().post(
        "/oauth/token/",
        f"grant_type=client_credentials&client_id=other&client_id={client.client_id}&client_secret={secret}",
        content_type="application/x-www-form-urlencoded",
    )
    refused(response, 400, "invalid_request")


def test_token_for_another_resource() -> None:
    client, secret = make_client_and_secret()
    response = ask(client_id=client.client_id, client_secret=secret, resource="https://elsewhere.example/")
    refused(response, 400, "invalid_target")


@pytest.mark.parametrize("query", ["?a", "?access_token=x", "?client_id=x&client_secret=y", "?%00=%ff"])
def test_credentials_in_the_query(query: str) -> None:
    response = Http().post(f"/oauth/token/{query}", {"grant_type": "client_credentials"})
    assert 400 <= response.status_code < 500
    assert tokens() == 0


def test_json_instead_of_a_form() -> None:
    client, secret = make_client_and_secret()
    form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": secret}
    refused(Http().post("/oauth/token/", form, content_type="application/json"), 400, "invalid_request")


def test_revoked_client_gets_no_token() -> None:
    client, secret = make_client_and_secret()
    with platform_scope():
        services.revoke_client(client_id=client.client_id, actor=ACTOR, now=now())
    refused(ask(client_id=client.client_id, client_secret=secret), 401, "invalid_client")


def test_suspended_institution_gets_no_token() -> None:
    client, secret = make_client_and_secret()
    with platform_scope():
        services.suspend_institution(institution_id=client.institution_id, actor=ACTOR, now=now())
    refused(ask(client_id=client.client_id, client_secret=secret), 401, "invalid_client")


def test_other_methods_are_a_problem() -> None:
    response = Http().get("/oauth/token/")
    assert response.status_code == 405
    assert response["Content-Type"] == "application/problem+json"
    assert response["Allow"] == "POST"


def test_a_new_secret_and_the_one_before_are_both_good_for_a_day() -> None:
    client, first = make_client_and_secret()

    def rotate() -> str:
        with platform_scope():
            return services.rotate_client_secret(client_id=client.client_id, actor=ACTOR, now=now())[1]

    def statuses(*secrets: str) -> list[int]:
        ways = [ask(client_id=client.client_id, client_secret=secret).status_code for secret in secrets]
        header = [basic(client.client_id, secret) for secret in secrets]
        form = {"grant_type": "client_credentials"}
        assert [Http().post("/oauth/token/", form, HTTP_AUTHORIZATION=one).status_code for one in header] == ways
        return ways

    second = rotate()
    assert statuses(first, second, "other") == [200, 200, 401]
    with time_machine.travel(now() + timedelta(hours=23, minutes=59), tick=False):
        assert statuses(first, second) == [200, 200]
    with time_machine.travel(now() + timedelta(hours=24, seconds=1), tick=False):
        assert statuses(first, second) == [401, 200]
    third = rotate()
    assert statuses(first, second, third) == [401, 200, 200]
    with platform_scope():
        row = Client.objects.get(client_id=client.client_id)
        assert not {first, second, third} & {row.client_secret, row.previous_secret}
        assert OutboxEvent.objects.filter(type="client.secret_rotated", subject_id=row.id).count() == 2
        assert AuditRow.objects.filter(action="client.secret_rotated").count() == 2
        services.revoke_client(client_id=client.client_id, actor=ACTOR, now=now())
    assert statuses(second, third) == [401, 401]


def test_only_a_client_with_a_secret_gets_another() -> None:
    signing, _ = make_client_and_secret(make_institution(), key=make_key())
    revoked, _ = make_client_and_secret()
    with platform_scope():
        services.revoke_client(client_id=revoked.client_id, actor=ACTOR, now=now())
    for client_id, error in ((signing.client_id, Conflict), (revoked.client_id, Conflict), ("nobody", NotFound)):
        with pytest.raises(error), platform_scope():
            services.rotate_client_secret(client_id=client_id, actor=ACTOR, now=now())
    with platform_scope():
        assert not OutboxEvent.objects.filter(type="client.secret_rotated").exists()
