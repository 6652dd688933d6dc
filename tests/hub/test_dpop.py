"""Tokens bound to a key (RFC 9449): who has the token alone, or a proof that was made for something else, is out."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.conf import settings
from django.db import ProgrammingError, connection, transaction
from django.test import Client as Http
from joserfc.jwk import OctKey

from hub import dpop, tasks
from hub.clock import now
from hub.dpop import UsedProof
from hub.jose import public_key as read_key
from hub.models import OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from partners.institutions import services
from partners.institutions.models import TokenBinding
from partners.institutions.queries import ClientView
from tests.factories import (
    ACTOR,
    bearer,
    everything,
    make_client,
    make_institution,
    make_key,
    make_proof,
    make_token,
    public_key,
    rows_of,
    signed_in,
    with_proof,
)

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.hub.api_urls")]
PATH, THINGS = "/api/v1/institution", "/api/v1/things"
ALGS = 'algs="PS256 ES256 EdDSA Ed25519"'
KEYS = {kind: make_key(kind) for kind in ("OKP", "EC", "RSA")}
KEY = KEYS["OKP"]
WHOLE = dict(KEY.as_dict(private=True))


@pytest.fixture
def client() -> ClientView:
    return make_client(make_institution(sandbox=False), key=make_key())


@pytest.fixture
def token(client: ClientView) -> str:
    return make_token(client, key=KEY)


def get(headers: Any, path: str = PATH) -> Any:
    return Http().get(path, **headers)


def used(client: ClientView) -> int:
    return rows_of(client.institution_id, UsedProof)


def refused(response: Any, code: str, *, scheme: str = "DPoP") -> None:
    assert response.status_code == 401
    assert response.json()["type"].endswith(f"/problems/{code}")
    faults = {"Bearer": "", "DPoP": "", scheme: f', error="{code}"'}
    assert response["WWW-Authenticate"] == (
        f'Bearer realm="luopan"{faults["Bearer"]}, DPoP realm="luopan"{faults["DPoP"]}, {ALGS}'
    )
    assert "RateLimit" not in response


@pytest.mark.parametrize("kind", ["OKP", "EC", "RSA"])
def test_the_holder_of_the_key_comes_in(client: ClientView, kind: str) -> None:
    token = make_token(client, key=KEYS[kind])
    for _ in range(2):
        response = get(with_proof(token, KEYS[kind], "GET", PATH))
        assert response.status_code == 200
        assert response.json()["id"] == str(client.institution_id)
    assert used(client) == 2


def test_a_stolen_token_opens_nothing(client: ClientView, token: str) -> None:
    thief = make_key()
    refused(get({"HTTP_AUTHORIZATION": f"Bearer {token}"}), "invalid_token", scheme="Bearer")
    refused(get({"HTTP_AUTHORIZATION": f"Bearer {token}", "HTTP_DPOP": "x"}), "invalid_token", scheme="Bearer")
    refused(get({"HTTP_AUTHORIZATION": f"DPoP {token}"}), "invalid_dpop_proof")
    refused(get(with_proof(token, thief, "GET", PATH)), "invalid_token")
    refused(get(with_proof(token, thief, "GET", PATH, header={"jwk": public_key(KEY)})), "invalid_dpop_proof")
    refused(get(with_proof(token, KEY, "GET", PATH) | {"HTTP_AUTHORIZATION": "DPoP x"}), "invalid_token")
    assert used(client) == 0


def test_a_proof_for_another_token(client: ClientView, token: str) -> None:
    other = make_token(client, key=KEY)
    headers = with_proof(other, KEY, "GET", PATH)
    refused(get({**headers, "HTTP_AUTHORIZATION": f"DPoP {token}"}), "invalid_dpop_proof")
    assert get(headers).status_code == 200


def seconds(ahead: float) -> float:
    return now().timestamp() + ahead


# What a proof may not be: parts of its header, or its claims (None leaves one out; a function is called for the value).
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("no typ", {"header": {"typ": None}}), ("typ of another kind", {"header": {"typ": "JWT"}}),
    ("typ in capitals", {"header": {"typ": "DPOP+JWT"}}), ("no jwk", {"header": {"jwk": None}}),
    ("jwk that is none", {"header": {"jwk": {}}}), ("jwk with its private part", {"header": {"jwk": WHOLE}}),
    ("jwk of another curve", {"header": {"jwk": {**public_key(KEY), "crv": "X25519"}}}),
    ("jwk of another kind", {"header": {"jwk": public_key(KEYS["EC"])}}),
    ("jwk of another pair", {"header": {"jwk": public_key(make_key())}}),
    ("jwk with half a character", {"header": {"jwk": {**public_key(KEY), "x": "\ud800"}}}),
    ("jwk of numbers", {"header": {"jwk": {**public_key(KEY), "x": 10**30}}}),
    ("jwk for encryption", {"header": {"jwk": {**public_key(KEY), "use": "enc"}}}),
    ("no htm", {"htm": None}), ("another method", {"htm": "POST"}), ("method in small letters", {"htm": "get"}),
    ("no htu", {"htu": None}), ("htu that is none", {"htu": 1}), ("path alone", {"htu": PATH}),
    ("another path", {"htu": settings.PUBLIC_URL + THINGS}), ("longer path", {"htu": f"{settings.PUBLIC_URL}{PATH}/"}),
    ("another server", {"htu": f"https://elsewhere.example{PATH}"}),
    ("another scheme", {"htu": f"ftp://localhost:8000{PATH}"}), ("another port", {"htu": f"http://localhost:8001{PATH}"}),
    ("no port at all", {"htu": f"http://localhost:x{PATH}"}), ("with a user", {"htu": f"http://a@localhost:8000{PATH}"}),
    ("no iat", {"iat": None}), ("iat of words", {"iat": "now"}), ("iat that is true", {"iat": True}),
    ("stale", {"iat": lambda: seconds(-dpop.AGE_MAX_S - 1)}), ("future", {"iat": lambda: seconds(dpop.SKEW_S + 2)}),
    ("of 1970", {"iat": 0}), ("before it", {"iat": -1}), ("endless", {"iat": 1e400}),
    ("no jti", {"jti": None}), ("empty jti", {"jti": ""}), ("long jti", {"jti": "x" * 129}),
    ("jti with U+0000", {"jti": "a\0b"}), ("jti of a number", {"jti": 1}), ("jti that is not ASCII", {"jti": "é"}),
    ("no ath", {"ath": None}), ("ath of another token", {"ath": dpop.token_hash("x")}), ("ath of a number", {"ath": 1}),
]  # fmt: skip


@pytest.mark.parametrize("changes", [pytest.param(changes, id=name) for name, changes in WRONG])
def test_wrong_proofs(client: ClientView, token: str, changes: dict[str, Any]) -> None:
    made = {name: value() if isinstance(value, Callable) else value for name, value in changes.items()}  # type: ignore[arg-type]  # mypy 4717
    refused(get(with_proof(token, KEY, "GET", PATH, **made)), "invalid_dpop_proof")
    assert used(client) == 0
    assert get(with_proof(token, KEY, "GET", PATH)).status_code == 200


@pytest.mark.parametrize("alg", ["RS256", "PS384", "PS512"])
def test_other_algorithms_of_the_same_key(client: ClientView, alg: str) -> None:
    key = KEYS["RSA"]
    token = make_token(client, key=key)
    refused(get(with_proof(token, key, "GET", PATH, header={"alg": alg})), "invalid_dpop_proof")


def test_a_shared_secret_signs_nothing(client: ClientView, token: str) -> None:
    secret = OctKey.import_key(json.dumps(public_key(KEY)))
    for jwk in (public_key(KEY), {"kty": "oct"}, dict(secret.as_dict(private=True))):
        headers = with_proof(token, secret, "GET", PATH, header={"alg": "HS256", "jwk": jwk})
        refused(get(headers), "invalid_dpop_proof")


def unsigned(alg: Any, **claims: Any) -> str:
    head, body = make_proof(KEY, "GET", PATH, **claims).split(".")[:2]
    header = {**json.loads(base64.urlsafe_b64decode(head + "==")), "alg": alg}
    return f"{base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b'=').decode()}.{body}."


@pytest.mark.parametrize("alg", ["none", "None", "", None])
def test_algorithm_none(client: ClientView, token: str, alg: Any) -> None:
    proof = unsigned(alg, ath=dpop.token_hash(token))
    refused(get({"HTTP_AUTHORIZATION": f"DPoP {token}", "HTTP_DPOP": proof}), "invalid_dpop_proof")


DEEP = base64.urlsafe_b64encode(b"[" * 1_400).decode()


@pytest.mark.parametrize(
    "proof", ["", "x", "..", "a.b.c", "é", "\0", "e30.e30.e30", "W10.W10.W10", "x" * 9000, f"{DEEP}.e30.AAAA"]
)
def test_no_proof_at_all(token: str, proof: str) -> None:
    refused(get({"HTTP_AUTHORIZATION": f"DPoP {token}", "HTTP_DPOP": proof}), "invalid_dpop_proof")


def test_two_proofs(token: str) -> None:
    headers = with_proof(token, KEY, "GET", PATH)
    more = make_proof(KEY, "GET", PATH, ath=dpop.token_hash(token))
    refused(get({**headers, "HTTP_DPOP": f"{headers['HTTP_DPOP']},{more}"}), "invalid_dpop_proof")


def test_changed_claims(token: str) -> None:
    one, other = (make_proof(KEY, "GET", PATH, ath=dpop.token_hash(token), jti=jti).split(".") for jti in "ab")
    proof = ".".join([one[0], one[1], other[2]])
    refused(get({"HTTP_AUTHORIZATION": f"DPoP {token}", "HTTP_DPOP": proof}), "invalid_dpop_proof")


def test_the_address_is_compared_as_addresses_are(client: ClientView, token: str) -> None:
    for htu in ("HTTP://LOCALHOST:8000/api/v1/institution", "http://localhost:8000/api/v1/institution?a#b",
                "http://localhost:8000/api/v1/%69nstitution"):  # fmt: skip
        assert get(with_proof(token, KEY, "GET", PATH, htu=htu)).status_code == 200
    assert get(with_proof(token, KEY, "GET", PATH), f"{PATH}?x=1").status_code == 200


def test_clocks_may_differ_a_little(token: str) -> None:
    for ahead in (-dpop.AGE_MAX_S + 5, dpop.SKEW_S - 2):
        assert get(with_proof(token, KEY, "GET", PATH, iat=seconds(ahead))).status_code == 200


def test_a_proof_serves_once(client: ClientView, token: str) -> None:
    headers = with_proof(token, KEY, "GET", PATH)
    assert get(headers).status_code == 200
    again = get(headers)
    assert again.status_code == 401
    assert again.json()["type"].endswith("/problems/invalid_dpop_proof")
    assert f'DPoP realm="luopan", error="invalid_dpop_proof", {ALGS}' in again["WWW-Authenticate"]
    other = with_proof(token, KEY, "GET", PATH, jti="mine")
    assert [get(other).status_code, get(with_proof(token, KEY, "GET", PATH, jti="mine")).status_code] == [200, 401]
    assert used(client) == 2


def test_a_jti_is_the_keys_own(client: ClientView, token: str) -> None:
    assert get(with_proof(token, KEY, "GET", PATH, jti="same")).status_code == 200
    key = make_key()
    assert get(with_proof(make_token(client, key=key), key, "GET", PATH, jti="same")).status_code == 200


def post(headers: Any, body: Any, key: str = "") -> Any:
    given = {"Idempotency-Key": key or str(uuid4())}
    return Http().post(THINGS, json.dumps(body), "application/json", headers=given, **headers)


def test_a_replay_has_no_effect(client: ClientView, token: str) -> None:
    headers, key = with_proof(token, KEY, "POST", THINGS), str(uuid4())
    first = post(headers, {"purpose": "scoring"}, key)
    assert first.status_code == 201, first.content
    before = everything()
    assert post(headers, {"purpose": "scoring"}).status_code == 401
    assert post(headers, {"purpose": "scoring"}, key).status_code == 401  # nor does it read what was answered
    assert everything() == before
    repeat = post(with_proof(token, KEY, "POST", THINGS), {"purpose": "scoring"}, key)
    assert (repeat.status_code, repeat["Idempotent-Replayed"]) == (201, "true")
    assert everything() == before


@pytest.mark.parametrize(("fail", "status"), [("conflict", 409), ("erased", 410), ("many", 429)])
def test_a_proof_is_used_up_by_a_refusal_too(client: ClientView, token: str, fail: str, status: int) -> None:
    headers = with_proof(token, KEY, "POST", THINGS)
    assert post(headers, {"purpose": "scoring", "fail": fail}).status_code == status
    assert used(client) == 1
    assert post(headers, {"purpose": "scoring"}).status_code == 401
    assert post(headers, {"purpose": "scoring", "fail": fail}).status_code == 401
    assert rows_of(client.institution_id, OutboxEvent) == 2  # it was onboarded, and its client issued


def test_a_scope_that_is_missing(client: ClientView) -> None:
    token = make_token(client, scopes=["scores:write"], key=KEY)
    response = get(with_proof(token, KEY, "GET", PATH))
    assert response.status_code == 403
    assert response["WWW-Authenticate"] == (
        f'Bearer realm="luopan", DPoP realm="luopan", error="insufficient_scope", scope="institution:read", {ALGS}'
    )


def test_a_sandbox_shows_its_token_as_it_is() -> None:
    headers = bearer(make_client())
    assert get(headers).status_code == 200
    assert get({**headers, "HTTP_DPOP": "x"}).status_code == 200
    plain = headers["HTTP_AUTHORIZATION"].partition(" ")[2]
    refused(get(with_proof(plain, KEY, "GET", PATH)), "invalid_token")


def test_a_sandbox_may_bind_its_token_too() -> None:
    client = make_client()
    token = make_token(client, key=KEY)
    assert get(with_proof(token, KEY, "GET", PATH)).status_code == 200
    refused(get({"HTTP_AUTHORIZATION": f"Bearer {token}"}), "invalid_token", scheme="Bearer")


def test_a_live_token_that_is_bound_to_nothing_opens_nothing(client: ClientView) -> None:
    token = make_token(client, key=None)
    refused(get({"HTTP_AUTHORIZATION": f"Bearer {token}"}), "invalid_token", scheme="Bearer")
    refused(get(with_proof(token, KEY, "GET", PATH)), "invalid_token")


def test_a_revoked_client_is_out_with_its_key(client: ClientView, token: str) -> None:
    assert get(with_proof(token, KEY, "GET", PATH)).status_code == 200
    with platform_scope():
        services.revoke_client(client_id=client.client_id, actor=ACTOR, now=now())
    refused_now = get(with_proof(token, KEY, "GET", PATH))
    assert refused_now.status_code == 401
    assert refused_now.json()["type"].endswith("/problems/invalid_token")


def test_used_proofs_are_forgotten_when_no_clock_takes_them_any_more(client: ClientView, token: str) -> None:
    assert get(with_proof(token, KEY, "GET", PATH)).status_code == 200
    tasks.forget_used_proofs()
    assert used(client) == 1
    with time_machine.travel(now() + dpop.KEPT + timedelta(seconds=5)):
        tasks.forget_used_proofs()
    assert used(client) == 0
    assert timedelta(seconds=2 * (dpop.AGE_MAX_S + dpop.SKEW_S)) < dpop.KEPT


def test_a_binding_goes_with_its_token(client: ClientView, token: str) -> None:
    with time_machine.travel(now() + timedelta(minutes=16)), platform_scope():
        assert services.forget_expired(now=now()) == 2
        assert TokenBinding.objects.count() == 0


@pytest.mark.parametrize("statement", ["SELECT count(*) FROM hub_usedproof", "DELETE FROM hub_usedproof"])
def test_an_institution_can_neither_read_nor_remove_used_proofs(client: ClientView, statement: str) -> None:
    with (
        tenant_scope(client.institution_id),
        pytest.raises(ProgrammingError),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
def test_one_proof_raced() -> None:
    client = make_client(make_institution(sandbox=False), key=make_key())
    headers, gate, answers = signed_in(client)("POST", THINGS), Barrier(8), []

    def race() -> None:
        gate.wait()
        try:
            answers.append(post(headers, {"purpose": "scoring"}).status_code)
        finally:
            connection.close()

    threads = [Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201] + [401] * 7
    assert rows_of(client.institution_id, OutboxEvent) == 3  # those two, and the one that came in
    assert used(client) == 1


def test_keys_are_named_as_the_standard_names_them() -> None:
    """RFC 7638 section 3.1 and RFC 8037 appendix A.3."""
    key = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}  # by sha256:
    found = read_key(key)
    assert found is not None
    assert found.thumbprint == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"  # sha256
