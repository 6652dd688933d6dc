"""The token endpoint binds tokens to keys (RFC 9449 section 5): always for live clients, for a sandbox if it asks."""

import time
from typing import Any

import pytest
from django.test import Client as Http
from joserfc.jwk import Key
from oauth2_provider.models import get_access_token_model

from hub.dpop import UsedProof
from hub.tenancy import platform_scope
from partners.institutions.models import TokenBinding, UsedAssertion
from partners.institutions.queries import ClientView
from tests.factories import make_client, make_client_and_secret, make_institution, make_key, make_proof, with_proof
from tests.partners.test_oauth_assertion import TYPE, claims, sign

pytestmark = pytest.mark.django_db
PLACE = "/oauth/token/"
HELD = make_key()


@pytest.fixture
def key() -> Key:
    return make_key()


@pytest.fixture
def client(key: Key) -> ClientView:
    return make_client(make_institution(sandbox=False), key=key)


def ask(client: ClientView, key: Key, proof: str | None) -> Any:
    form = {"client_assertion_type": TYPE, "client_assertion": sign(key, claims(client))}
    headers = {} if proof is None else {"DPoP": proof}
    return Http().post(PLACE, {"grant_type": "client_credentials", **form}, headers=headers)


def left() -> list[int]:
    tables = [get_access_token_model(), TokenBinding, UsedAssertion, UsedProof]
    with platform_scope():
        return [table._default_manager.count() for table in tables]


def refused(response: Any) -> None:
    assert (response.status_code, response.json()["error"]) == (400, "invalid_dpop_proof")
    assert response["Cache-Control"] == "no-store"
    assert left() == [0, 0, 0, 0]


@pytest.mark.parametrize("kind", ["OKP", "EC", "RSA"])
def test_the_token_is_bound_to_the_key_of_the_proof(client: ClientView, key: Key, kind: str) -> None:
    held = make_key(kind)
    response = ask(client, key, make_proof(held, "POST", PLACE))
    assert response.status_code == 200, response.content
    assert response.json()["token_type"] == "DPoP"
    assert left() == [1, 1, 1, 1]
    with platform_scope():
        assert TokenBinding.objects.get().thumbprint == held.thumbprint()
    token, path = response.json()["access_token"], "/api/v1/institution"
    assert Http().get(path, HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 401
    assert Http().get(path, **with_proof(token, held, "GET", path)).status_code == 200


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # as most clients still write it
def test_older_name_of_ed25519(client: ClientView, key: Key) -> None:
    assert ask(client, key, make_proof(HELD, "POST", PLACE, header={"alg": "EdDSA"})).status_code == 200


def test_a_live_client_needs_a_proof(client: ClientView, key: Key) -> None:
    refused(ask(client, key, None))


@pytest.mark.parametrize(
    "changes",
    [
        {"header": {"typ": "JWT"}}, {"header": {"jwk": None}}, {"header": {"jwk": dict(HELD.as_dict(private=True))}},
        {"htm": "GET"}, {"htu": "http://localhost:8000/oauth/"}, {"htu": "https://elsewhere.example/oauth/token/"},
        {"iat": -3600}, {"iat": 3600}, {"jti": None},
    ],
    ids=["type", "no key", "private key", "method", "path", "host", "old", "future", "no number"],
)  # fmt: skip
def test_wrong_proofs(client: ClientView, key: Key, changes: dict[str, Any]) -> None:
    if "iat" in changes:
        changes = {"iat": int(time.time()) + changes["iat"]}
    refused(ask(client, key, make_proof(HELD, "POST", PLACE, **changes)))


@pytest.mark.parametrize("proof", ["", "x", "a.b.c", "e30.e30.e30"])
def test_no_proof_at_all(client: ClientView, key: Key, proof: str) -> None:
    refused(ask(client, key, proof))


def test_a_proof_serves_once(client: ClientView, key: Key) -> None:
    proof = make_proof(HELD, "POST", PLACE)
    assert ask(client, key, proof).status_code == 200
    again = ask(client, key, proof)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_dpop_proof")
    assert left()[:2] == [1, 1]


def test_a_good_proof_lets_no_stranger_in(client: ClientView) -> None:
    response = ask(client, make_key(), make_proof(HELD, "POST", PLACE))
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert left() == [0, 0, 0, 0]


def test_a_sandbox_gets_what_it_asks_for() -> None:
    client, secret = make_client_and_secret()
    form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": secret}
    assert Http().post(PLACE, form).json()["token_type"] == "Bearer"
    assert left() == [1, 0, 0, 0]
    bound = Http().post(PLACE, form, headers={"DPoP": make_proof(HELD, "POST", PLACE)})
    assert bound.json()["token_type"] == "DPoP"
    assert left() == [2, 1, 0, 1]
    signing = make_key()
    other = make_client(make_institution(), key=signing)
    assert ask(other, signing, None).json()["token_type"] == "Bearer"
