"""Bearer tokens and scopes: RFC 6750."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client as Http
from oauth2_provider.models import get_access_token_model

from hub.api_auth import KEPT
from hub.clock import now
from hub.tenancy import current_scope, platform_scope
from partners.institutions import services
from partners.institutions.models import Client
from tests.factories import ACTOR, bearer, make_client, make_institution

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.hub.api_urls")]

DPOP = 'DPoP realm="luopan", algs="PS256 ES256 EdDSA Ed25519"'


def get(path: str = "/api/v1/institution", **headers: Any) -> Any:
    return Http().get(path, **headers)


def test_good_token_shows_the_own_institution() -> None:
    client = make_client()
    make_client()
    response = get(**bearer(client))
    assert response.status_code == 200
    assert response.json()["id"] == str(client.institution_id)
    assert response.json()["sandbox"] is True
    assert response["Cache-Control"] == "no-store"
    assert current_scope() is None


def test_no_token() -> None:
    response = get()
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == f'Bearer realm="luopan", {DPOP}'
    assert response.json()["type"].endswith("/problems/token_missing")


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer nope", "Bearer a b", "Bearer é", "Bearer \0", "Basic eDp4", "x" * 9000]
)
def test_bad_tokens(header: str) -> None:
    response = get(HTTP_AUTHORIZATION=header)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == f'Bearer realm="luopan", error="invalid_token", {DPOP}'
    assert response.json()["type"].endswith("/problems/invalid_token")


def test_the_name_of_the_scheme_has_no_case() -> None:
    token = bearer(make_client())["HTTP_AUTHORIZATION"].partition(" ")[2]
    assert get(HTTP_AUTHORIZATION=f"bearer {token}").status_code == 200


def test_token_in_the_query_is_not_read() -> None:
    token = bearer(make_client())["HTTP_AUTHORIZATION"].partition(" ")[2]
    assert get(f"/api/v1/institution?access_token={token}").status_code == 401


def test_expired_token() -> None:
    client = make_client()
    headers = bearer(client)
    assert get(**headers).status_code == 200
    with time_machine.travel(now() + timedelta(minutes=15, seconds=1)):
        assert get(**headers).status_code == 401
    headers = bearer(client, expires_at=now() + timedelta(seconds=2))
    assert get(**headers).status_code == 200
    with time_machine.travel(now() + timedelta(seconds=2)):
        assert get(**headers).status_code == 401
    assert get(**bearer(client, expires_at=now() - timedelta(seconds=1))).status_code == 401


def test_revoked_client_is_out_at_once() -> None:
    client = make_client()
    headers = bearer(client)
    assert get(**headers).status_code == 200
    with platform_scope():
        services.revoke_client(client_id=client.client_id, actor=ACTOR, now=now())
    assert get(**headers).status_code == 401


def test_suspended_institution_is_out_at_once_and_may_come_back() -> None:
    client = make_client()
    headers = bearer(client)
    with platform_scope():
        services.suspend_institution(institution_id=client.institution_id, actor=ACTOR, now=now())
    assert get(**headers).status_code == 401
    with platform_scope():
        services.resume_institution(institution_id=client.institution_id, actor=ACTOR, now=now())
    assert get(**headers).status_code == 200


def test_scope_missing() -> None:
    response = get(**bearer(make_client(scopes=["scores:write"])))
    assert response.status_code == 403
    assert response["WWW-Authenticate"] == (
        f'Bearer realm="luopan", error="insufficient_scope", scope="institution:read", {DPOP}'
    )
    assert response.json()["type"].endswith("/problems/insufficient_scope")


def test_a_token_has_no_scope_that_its_client_lost() -> None:
    client = make_client(scopes=["institution:read", "scores:write"])
    headers = bearer(client)
    assert get(**headers).status_code == 200
    with platform_scope():
        Client.objects.filter(client_id=client.client_id).update(scopes=["scores:write"])
    with time_machine.travel(now() + KEPT):
        assert get(**headers).status_code == 403


def test_a_token_has_no_scope_that_it_was_not_given() -> None:
    client = make_client(scopes=["institution:read", "scores:write"])
    assert get(**bearer(client, scopes=["scores:write"])).status_code == 403


def test_a_token_without_a_client_opens_nothing() -> None:
    headers = bearer(make_client())
    with platform_scope():
        get_access_token_model().objects.update(application=None)
    assert get(**headers).status_code == 401


def test_a_handler_without_endpoint_cannot_be_reached() -> None:
    headers = bearer(make_client())
    path = f"/api/v1/things/{make_institution().id}"
    assert Http().put(path, **headers).status_code == 405
    assert Http().options(path, **headers).status_code == 405
    assert Http().put(path).status_code == 401
