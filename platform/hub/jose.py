"""Public keys as others send them, and what they signed: RFC 7517, RFC 7515. PS256, ES256 and Ed25519, no others."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from joserfc import jwk, jws
from joserfc.errors import JoseError
from joserfc.jwk import Key

from hub.errors import DomainError
from hub.parsing import strict_json

COMPACT_MAX = 8_000  # characters
RSA_CHARACTERS = range(342, 684)  # of the modulus in base64url: 2048 to 4096 bits
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
# One algorithm for each kind of key, so that no header can choose another (RFC 8725 section 3.1).
ALGORITHMS = {"RSA": {"PS256"}, "EC": {"ES256"}, "OKP": {"EdDSA", "Ed25519"}}
_CURVES = {"EC": "P-256", "OKP": "Ed25519"}


class _Registry(jws.JWSRegistry):
    """PS256, ES256 and Ed25519, which most clients still call EdDSA (RFC 9864 gives it the name of its curve)."""

    max_header_length = 2_000  # room for a jwk of 4096 bits

    def get_alg(self, name: str) -> Any:
        return super().get_alg("Ed25519" if name == "EdDSA" else name)


_REGISTRY = _Registry(algorithms=["PS256", "ES256", "Ed25519"])


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that may sign, with its SHA-256 thumbprint (RFC 7638): 43 characters."""

    kind: str
    key: Key
    thumbprint: str


class SignatureError(Exception):
    """It is no signed object, or its signature is not that of the key."""


def key_fault(key: object) -> str:
    """Return why this is no public key that may sign, "" where it is one."""
    if fault := _fault_of_form(key):
        return fault
    return "" if _imported(key) else "Its numbers are not a public key."


def _fault_of_form(key: object) -> str:
    if not isinstance(key, dict) or key.get("kty") not in [*ALGORITHMS]:
        return "Send an RSA, EC (P-256) or OKP (Ed25519) key."
    if _PRIVATE & key.keys():
        return "It has private parts. Treat it as disclosed: make a new pair and send the public half."
    if key.get("use", "sig") != "sig" or key.get("alg", "") not in ["", *ALGORITHMS[key["kty"]]]:
        return "It is meant for something else: use is sig, and alg PS256, ES256 or EdDSA."
    if key["kty"] == "RSA" and len(str(key.get("n"))) not in RSA_CHARACTERS:
        return "An RSA key has 2048 to 4096 bits."
    if key["kty"] != "RSA" and key.get("crv") != _CURVES[key["kty"]]:
        return "The curve is P-256 (EC) or Ed25519 (OKP)."
    return ""


def public_key(key: object) -> PublicKey | None:
    """Return the key of a JSON Web Key; None where `key_fault` finds something."""
    return None if _fault_of_form(key) else _imported(key)


def _imported(key: Any) -> PublicKey | None:
    values = {name: value for name, value in reduced(key).items() if name != "kid"}
    if not all(isinstance(value, str) and value.isascii() for value in values.values()):
        return None
    return _of_text(msgspec.json.encode(values, order="sorted"))


@lru_cache(maxsize=1_000)
def _of_text(text: bytes) -> PublicKey | None:
    """Import a key; the same few come again and again, and this costs as much as a signature."""
    values = msgspec.json.decode(text)
    try:
        key = jwk.import_key(values)
        return PublicKey(values["kty"], key, key.thumbprint())
    except (JoseError, ValueError, TypeError):
        return None


def reduced(key: Mapping[str, Any]) -> dict[str, Any]:
    """Return what verification needs of a key."""
    return {name: key[name] for name in ("kty", "kid", "crv", "x", "y", "n", "e") if name in key}


def header_of(signed: str) -> dict[str, Any]:
    """Return the header of a compact JWS, of which nothing is proved yet; `SignatureError` if it is none."""
    header: dict[str, Any] = _extracted(signed).headers()
    return header


def payload_of(signed: str) -> Any:
    """Return the JSON of a compact JWS, of which nothing is proved yet; `SignatureError` if it is none."""
    try:
        return strict_json(_extracted(signed).payload)
    except DomainError as error:
        raise SignatureError from error


def proved_payload(signed: str, key: PublicKey | None) -> Any:
    """Return the JSON of a compact JWS that this key has signed; `SignatureError` if it has not."""
    if key is None:
        raise SignatureError
    try:
        return strict_json(jws.deserialize_compact(_bytes(signed), key.key, registry=_REGISTRY).payload)
    except (JoseError, DomainError, ValueError) as error:
        raise SignatureError from error


def is_name(text: object, longest: int) -> bool:
    """Whether this is a text of 1 to `longest` printable ASCII characters."""
    return isinstance(text, str) and 1 <= len(text) <= longest and text.isascii() and text.isprintable()


def is_number(value: object) -> bool:
    """Whether this is a number of JSON."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _extracted(signed: str) -> Any:
    try:
        return jws.extract_compact(_bytes(signed), registry=_REGISTRY)
    except (JoseError, ValueError, RecursionError) as error:
        raise SignatureError from error


def _bytes(signed: str) -> bytes:
    if len(signed) > COMPACT_MAX or not signed.isascii():
        raise SignatureError
    return signed.encode()
