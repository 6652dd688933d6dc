"""Which keys a client may register (RFC 7517, RFC 8725): public, strong, named, and only what is needed of them."""

from typing import Any

import pytest
from joserfc import jwk

from hub.errors import Invalid
from partners.institutions.keys import public_jwks
from tests.factories import make_key, public_key

KEYS = {kind: make_key(kind, kid=kind) for kind in ("OKP", "EC", "RSA")}


def refused(*keys: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as caught:
        public_jwks({"keys": list(keys)})
    return [(fault.pointer, fault.code) for fault in caught.value.errors]


def test_each_kind() -> None:
    found = public_jwks({"keys": [public_key(key) for key in KEYS.values()], "more": 1})
    assert [set(key) for key in found["keys"]] == [
        {"kty", "kid", "crv", "x"},
        {"kty", "kid", "crv", "x", "y"},
        {"kty", "kid", "n", "e"},
    ]
    assert public_jwks(found) == found


def test_only_what_is_needed_is_kept() -> None:
    extra = {"use": "sig", "alg": "EdDSA", "key_ops": ["verify"], "x5c": ["AAAA"], "note": "x"}
    (kept,) = public_jwks({"keys": [{**public_key(KEYS["OKP"]), **extra}]})["keys"]
    assert set(kept) == {"kty", "kid", "crv", "x"}


@pytest.mark.parametrize("kind", ["OKP", "EC", "RSA"])
def test_private_parts(kind: str) -> None:
    whole = dict(KEYS[kind].as_dict(private=True))
    assert refused(public_key(KEYS["EC"]), whole) == [("/jwks/keys/1", "invalid_key")]
    for name in set(whole) - set(public_key(KEYS[kind])):
        assert refused({**public_key(KEYS[kind]), name: whole[name]})
        assert refused({**public_key(KEYS[kind]), name: None})


@pytest.mark.parametrize(
    "change",
    [
        {"kid": None}, {"kid": ""}, {"kid": 1}, {"kid": "x" * 129}, {"kid": "é"}, {"kid": "a\0"}, {"use": "enc"},
        {"alg": "HS256"}, {"alg": "none"}, {"alg": "ES256"}, {"alg": 1}, {"alg": []}, {"kty": "oct"}, {"kty": []},
        {"kty": None}, {"crv": "X25519"}, {"crv": "Ed448"}, {"crv": "P-256"}, {"crv": None}, {"crv": []}, {"x": ""},
        {"x": "AA"}, {"x": 1}, {"x": None}, {"x": "!" * 43}, {"x": "é" * 43},
    ],
    ids=str,
)  # fmt: skip
def test_damaged_keys(change: dict[str, Any]) -> None:
    assert refused({**public_key(KEYS["OKP"]), **change}) == [("/jwks/keys/0", "invalid_key")]


def test_a_point_off_the_curve() -> None:
    key = public_key(KEYS["EC"])
    assert refused({**key, "y": key["x"]}) == [("/jwks/keys/0", "invalid_key")]
    assert refused({**key, "crv": "P-384"}) == [("/jwks/keys/0", "invalid_key")]


@pytest.mark.parametrize("bits", [1024, 8192])
@pytest.mark.filterwarnings("ignore:Key size should be")
def test_rsa_keys_of_other_sizes(bits: int) -> None:
    n = (1 << bits) - 1
    whole = n.to_bytes(bits // 8)
    text = jwk.OctKey.import_key(whole).as_dict()["k"]
    assert refused({"kty": "RSA", "kid": "a", "e": "AQAB", "n": text}) == [("/jwks/keys/0", "invalid_key")]


def test_a_kid_names_one_key() -> None:
    assert refused(public_key(KEYS["EC"]), {**public_key(KEYS["OKP"]), "kid": "EC"}) == [("/jwks/keys", "kid_twice")]


@pytest.mark.parametrize("keys", [[], [None], ["x"], [[]], [{}]])
def test_no_keys(keys: list[Any]) -> None:
    assert refused(*keys)


def test_too_many_keys() -> None:
    keys = [{**public_key(KEYS["OKP"]), "kid": str(n)} for n in range(11)]
    assert refused(*keys) == [("/jwks", "invalid_jwks")]
    assert len(public_jwks({"keys": keys[:10]})["keys"]) == 10


@pytest.mark.parametrize("jwks", [None, [], "x", {}, {"keys": {}}, {"keys": None}, 1])
def test_not_a_set(jwks: Any) -> None:
    with pytest.raises(Invalid):
        public_jwks(jwks)
