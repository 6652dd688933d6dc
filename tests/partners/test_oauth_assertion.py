"""Tokens by `private_key_jwt`: RFC 7523 section 3, RFC 8725. Each refusal issues nothing."""

import base64
import json
import time
from threading import Barrier, Thread
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.db import connection
from django.test import Client as Http
from joserfc import jws
from joserfc.jwk import Key, OctKey
from oauth2_provider.models import get_access_token_model

from hub.clock import now
from hub.errors import Conflict, Invalid, NotFound
from hub.models import OutboxEvent
from hub.tenancy import platform_scope
from partners.institutions import services
from partners.institutions.models import UsedAssertion
from partners.institutions.queries import ClientView
from tests.factories import ACTOR, make_client, make_institution, make_key, make_proof, public_key, with_proof

pytestmark = pytest.mark.django_db
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
HELD = make_key()  # what tokens are bound to: see test_oauth_dpop
NAMES = {"OKP": "Ed25519", "EC": "ES256", "RSA": "PS256"}


def claims(client: ClientView, **changes: Any) -> dict[str, Any]:
    made = {
        "iss": client.client_id, "sub": client.client_id, "aud": settings.PUBLIC_URL, "jti": f"j{time.monotonic_ns()}",
        "exp": int(time.time()) + 60, **changes,
    }  # fmt: skip
    return {name: value for name, value in made.items() if value is not None}


def sign(key: Key, body: dict[str, Any], **header: Any) -> str:
    alg = header.pop("alg", NAMES.get(key.key_type, "HS256"))
    return jws.serialize_compact({"alg": alg, "kid": key.kid, **header}, json.dumps(body), key, algorithms=[alg])


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(header: dict[str, Any], body: dict[str, Any], signature: str = "") -> str:
    return f"{part(header)}.{part(body)}.{signature}"


def ask(assertion: str, **changes: str) -> Any:
    form = {"grant_type": "client_credentials", "client_assertion_type": TYPE, "client_assertion": assertion}
    proof = make_proof(HELD, "POST", "/oauth/token/")
    return Http().post("/oauth/token/", {**form, **changes}, headers={"DPoP": proof})


def issued() -> tuple[int, int]:
    with platform_scope():
        return get_access_token_model().objects.count(), UsedAssertion.objects.count()


def refused(response: Any, error: str = "invalid_client") -> None:
    assert response.json()["error"] == error
    assert response.status_code == (401 if error == "invalid_client" else 400)
    assert issued() == (0, 0)


@pytest.fixture
def key() -> Key:
    return make_key()


@pytest.fixture
def client(key: Key) -> ClientView:
    return make_client(make_institution(sandbox=False), key=key)


@pytest.mark.parametrize("kind", ["OKP", "EC", "RSA"])
def test_each_kind_of_key(kind: str) -> None:
    key = make_key(kind)
    client = make_client(make_institution(sandbox=False), key=key, scopes=["institution:read"])
    response = ask(sign(key, claims(client)))
    assert response.status_code == 200
    body = response.json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("DPoP", 900, "institution:read")
    path = "/api/v1/institution"
    answer = Http().get(path, **with_proof(body["access_token"], HELD, "GET", path))
    assert answer.json()["id"] == str(client.institution_id)
    assert issued() == (1, 1)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # as most clients still write it
def test_older_name_of_ed25519(client: ClientView, key: Key) -> None:
    assert ask(sign(key, claims(client), alg="EdDSA")).status_code == 200


def test_sandbox_client_with_a_key(key: Key) -> None:
    client = make_client(make_institution(sandbox=True), key=key)
    assert client.method == "private_key_jwt"
    assert ask(sign(key, claims(client))).status_code == 200


@pytest.mark.parametrize("suffix", ["", "/", "/oauth/token/"])
def test_audiences(client: ClientView, key: Key, suffix: str) -> None:
    assert ask(sign(key, claims(client, aud=settings.PUBLIC_URL + suffix))).status_code == 200
    assert ask(sign(key, claims(client, aud=[settings.PUBLIC_URL + suffix]))).status_code == 200


def test_client_id_may_come_along(client: ClientView, key: Key) -> None:
    assert ask(sign(key, claims(client)), client_id=client.client_id).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://elsewhere.example"},
        {"aud": None},
        {"aud": 1},
        {"aud": []},
        {"aud": ["http://localhost:8000", "https://elsewhere.example"]},
        {"aud": "http://localhost:8000/api/v1"},
        {"iss": "another"},
        {"iss": None},
        {"sub": None},
        {"sub": 1},
        {"exp": None},
        {"exp": 0},
        {"exp": -1},
        {"exp": 1e400},
        {"exp": "soon"},
        {"exp": True},
        {"jti": None},
        {"jti": ""},
        {"jti": 1},
        {"jti": "a\0b"},
        {"jti": "\ud800"},
        {"jti": "é"},
        {"jti": "x" * 129},
        {"iat": "now"},
        {"iat": -1},
        {"nbf": True},
        {"nbf": None, "iat": float("nan")},
    ],
    ids=str,
)
def test_wrong_claims(client: ClientView, key: Key, changes: dict[str, Any]) -> None:
    refused(ask(sign(key, claims(client, **changes))))


@pytest.mark.parametrize(
    ("name", "ahead_s"), [("exp", -1), ("exp", 600), ("exp", 86400 * 365), ("iat", 120), ("nbf", 120)]
)
def test_wrong_times(client: ClientView, key: Key, name: str, ahead_s: int) -> None:
    refused(ask(sign(key, claims(client, **{name: int(time.time()) + ahead_s}))))


def test_jti_twice(client: ClientView, key: Key) -> None:
    first, second = sign(key, claims(client, jti="once")), sign(key, claims(client, jti="once"))
    assert ask(first).status_code == 200
    for assertion in (first, second):
        assert ask(assertion).json()["error"] == "invalid_client"
    assert issued() == (1, 1)


def test_jti_is_the_clients_own(client: ClientView, key: Key) -> None:
    other = make_client(make_institution(sandbox=False), key=key)
    assert ask(sign(key, claims(client, jti="same"))).status_code == 200
    assert ask(sign(key, claims(other, jti="same"))).status_code == 200


def test_algorithm_none(client: ClientView, key: Key) -> None:
    for alg in ("none", "None", "", None):
        refused(ask(unsigned({"alg": alg, "kid": key.kid}, claims(client))))


def test_hmac_with_the_public_key() -> None:
    key = make_key("RSA")
    client = make_client(make_institution(sandbox=False), key=key)
    public: rsa.RSAPublicKey = key.public_key  # type: ignore[assignment]  # an RSA key's
    for material in (
        public.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        json.dumps(key.as_dict(private=False)).encode(),
    ):
        secret = OctKey.import_key(material.replace(b"-----", b""), {"kid": "key-1"})
        refused(ask(sign(secret, claims(client))))


@pytest.mark.parametrize("alg", ["RS256", "PS384"])
def test_other_algorithms_of_the_same_key(alg: str) -> None:
    key = make_key("RSA")
    client = make_client(make_institution(sandbox=False), key=key)
    refused(ask(sign(key, claims(client), alg=alg)))


def test_unknown_kid(client: ClientView, key: Key) -> None:
    refused(ask(sign(key, claims(client), kid="another")))


def test_no_kid(client: ClientView, key: Key) -> None:
    refused(ask(jws.serialize_compact({"alg": "Ed25519"}, json.dumps(claims(client)), key, algorithms=["Ed25519"])))


@pytest.mark.parametrize("kind", ["OKP", "EC", "RSA"])
def test_another_key_under_the_same_kid(client: ClientView, kind: str) -> None:
    refused(ask(sign(make_key(kind), claims(client))))


def test_key_of_another_client(client: ClientView) -> None:
    other_key = make_key(kid="key-2")
    make_client(make_institution(sandbox=False), key=other_key)
    refused(ask(sign(other_key, claims(client))))


def test_key_that_the_header_brings(client: ClientView) -> None:
    own = make_key()
    refused(ask(sign(own, claims(client), jwk=own.as_dict(private=False))))


def test_changed_claims(client: ClientView, key: Key) -> None:
    head, _, signature = sign(key, claims(client)).split(".")
    refused(ask(f"{head}.{part(claims(client, exp=int(time.time()) + 200))}.{signature}"))


@pytest.mark.parametrize(
    "text", ["", "x", "..", "a.b.c", "é.é.é", "\0", "e30.e30.e30", "W10.W10.W10", "x" * 9000, "e30.e30." + "A" * 5000]
)
def test_no_assertion_at_all(text: str) -> None:
    refused(ask(text))


def test_claims_that_are_no_object(client: ClientView, key: Key) -> None:
    for body in ("[]", "null", '{"sub":"a","sub":"b"}', "1"):
        encoded = base64.urlsafe_b64encode(body.encode()).rstrip(b"=").decode()
        refused(ask(f"{part({'alg': 'Ed25519', 'kid': key.kid})}.{encoded}.AAAA"))


def test_unknown_client(key: Key) -> None:
    refused(ask(unsigned({"alg": "Ed25519", "kid": key.kid}, {"sub": "nobody"}, "AAAA")))


def test_client_with_a_secret_may_not_sign(key: Key) -> None:
    refused(ask(sign(key, claims(make_client()))))


def test_two_proofs(client: ClientView, key: Key) -> None:
    refused(ask(sign(key, claims(client)), client_id=client.client_id, client_secret="x"), "invalid_request")


def test_other_assertion_type(client: ClientView, key: Key) -> None:
    refused(ask(sign(key, claims(client)), client_assertion_type="saml2"), "invalid_request")


def test_client_id_of_another(client: ClientView, key: Key) -> None:
    refused(ask(sign(key, claims(client)), client_id=make_client().client_id))


def test_revoked_client(client: ClientView, key: Key) -> None:
    with platform_scope():
        services.revoke_client(client_id=client.client_id, actor=ACTOR, now=now())
    refused(ask(sign(key, claims(client))))


def test_suspended_institution(client: ClientView, key: Key) -> None:
    with platform_scope():
        services.suspend_institution(institution_id=client.institution_id, actor=ACTOR, now=now())
    refused(ask(sign(key, claims(client))))


@pytest.mark.django_db(transaction=True)
def test_jti_raced(key: Key) -> None:
    client = make_client(make_institution(sandbox=False), key=key)
    assertion, gate, answers = sign(key, claims(client)), Barrier(8), []

    def race() -> None:
        gate.wait()
        try:
            answers.append(ask(assertion).status_code)
        finally:
            connection.close()

    threads = [Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [401] * 7
    assert issued() == (1, 1)


def test_keys_are_replaced_with_an_overlap_and_the_old_one_is_refused_at_once() -> None:
    old, new = make_key(kid="old"), make_key("EC", kid="new")
    client = make_client(make_institution(), key=old)

    def replace(*keys: Key) -> list[str]:
        with platform_scope():
            jwks = {"keys": [public_key(key) for key in keys]}
            return services.replace_client_keys(
                client_id=client.client_id, jwks=jwks, actor=ACTOR, now=now()
            ).key_ids  # fmt: skip

    def statuses() -> list[int]:
        return [ask(sign(key, claims(client))).status_code for key in (old, new)]

    assert statuses() == [200, 401]
    assert replace(old, new) == ["old", "new"]
    assert statuses() == [200, 200]
    assert replace(new) == ["new"]
    assert statuses() == [401, 200]
    with platform_scope():
        events = OutboxEvent.objects.filter(type="client.keys_replaced").order_by("id")
        assert [event.payload["key_ids"] for event in events] == [["old", "new"], ["new"]]


def test_keys_that_will_not_do_replace_nothing() -> None:
    client, with_secret = make_client(make_institution(), key=(key := make_key())), make_client()
    private = {"keys": [key.as_dict(private=True)]}
    refusals: list[tuple[str, Any, type[Exception]]] = [
        (client.client_id, private, Invalid), (client.client_id, {"keys": []}, Invalid),
        (with_secret.client_id, {"keys": [public_key(key)]}, Conflict), ("nobody", {"keys": []}, NotFound),
    ]  # fmt: skip
    for client_id, jwks, error in refusals:
        with pytest.raises(error), platform_scope():
            services.replace_client_keys(client_id=client_id, jwks=jwks, actor=ACTOR, now=now())
    assert ask(sign(key, claims(client))).status_code == 200
    with platform_scope():
        assert not OutboxEvent.objects.filter(type="client.keys_replaced").exists()
