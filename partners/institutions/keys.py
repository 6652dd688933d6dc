"""Clients' public keys and the assertions they sign: RFC 7517, RFC 7515, RFC 7523 section 3. No database."""

from collections.abc import Mapping
from typing import Any

from joserfc import jwk, jws
from joserfc.errors import JoseError

from hub.errors import DomainError, FieldError, Invalid
from hub.parsing import strict_json

KEYS_MAX = 10
KID_MAX = JTI_MAX = 128
ASSERTION_MAX = 8_000  # characters
LIFETIME_S = 300
SKEW_S = 10
RSA_CHARACTERS = range(342, 684)  # of the modulus in base64url: 2048 to 4096 bits
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
# One algorithm for each kind of key, so that no header can choose another (RFC 8725 section 3.1).
_ALGORITHMS = {"RSA": {"PS256"}, "EC": {"ES256"}, "OKP": {"EdDSA", "Ed25519"}}
_CURVES = {"EC": "P-256", "OKP": "Ed25519"}


class _Registry(jws.JWSRegistry):
    """PS256, ES256 and Ed25519, which most clients still call EdDSA (RFC 9864 gives it the name of its curve)."""

    def get_alg(self, name: str) -> Any:
        return super().get_alg("Ed25519" if name == "EdDSA" else name)


_REGISTRY = _Registry(algorithms=["PS256", "ES256", "Ed25519"])


class AssertionRefusedError(Exception):
    """An assertion proves nothing; the text may be told to whoever sent it."""


# --- registration -----------------------------------------------------------------------------------------------------


def public_jwks(jwks: object) -> dict[str, Any]:
    """Return a JWK Set reduced to what verification needs. `Invalid` names each key that will not do."""
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= KEYS_MAX:
        raise Invalid(
            [FieldError("/jwks", "invalid_jwks", f'Send {{"keys": [...]}} with 1 to {KEYS_MAX} public keys.')]
        )
    faults = [
        FieldError(f"/jwks/keys/{n}", "invalid_key", fault) for n, key in enumerate(keys) if (fault := _fault(key))
    ]
    if faults:
        raise Invalid(faults)
    if len({key["kid"] for key in keys}) < len(keys):
        raise Invalid([FieldError("/jwks/keys", "kid_twice", "Give each key a kid of its own.")])
    return {"keys": [_reduced(key) for key in keys]}


def _fault(key: object) -> str:
    if not isinstance(key, dict) or key.get("kty") not in [*_ALGORITHMS]:
        return "Send an RSA, EC (P-256) or OKP (Ed25519) key."
    if _PRIVATE & key.keys():
        return "It has private parts. Treat it as disclosed: make a new pair and send the public half."
    if not _is_name(key.get("kid"), KID_MAX):
        return f"Give it a kid of 1 to {KID_MAX} printable ASCII characters."
    if key.get("use", "sig") != "sig" or key.get("alg", "") not in ["", *_ALGORITHMS[key["kty"]]]:
        return "It is meant for something else: use is sig, and alg PS256, ES256 or EdDSA."
    if key["kty"] == "RSA" and len(str(key.get("n"))) not in RSA_CHARACTERS:
        return "An RSA key has 2048 to 4096 bits."
    if key["kty"] != "RSA" and key.get("crv") != _CURVES[key["kty"]]:
        return "The curve is P-256 (EC) or Ed25519 (OKP)."
    try:
        jwk.import_key(_reduced(key))
    except (JoseError, ValueError, TypeError):
        return "Its numbers are not a public key."
    return ""


def _reduced(key: Mapping[str, Any]) -> dict[str, Any]:
    return {name: key[name] for name in ("kty", "kid", "crv", "x", "y", "n", "e") if name in key}


def _is_name(text: object, longest: int) -> bool:
    return isinstance(text, str) and 1 <= len(text) <= longest and text.isascii() and text.isprintable()


# --- use --------------------------------------------------------------------------------------------------------------


def claimed_client(assertion: str) -> str:
    """Return the `sub` that an assertion claims. Nothing is proved yet; `AssertionRefusedError` if it has none."""
    try:
        subject = strict_json(jws.extract_compact(_bytes(assertion)).payload).get("sub")
    except (JoseError, DomainError, ValueError, AttributeError) as error:
        raise AssertionRefusedError("The assertion is not a signed JWT.") from error
    if not isinstance(subject, str):
        raise AssertionRefusedError("The assertion has no sub.")
    return subject


def proved_claims(assertion: str, jwks: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims of an assertion that one of these keys, named by its kid, has signed."""
    try:
        raw = _bytes(assertion)
        kid = jws.extract_compact(raw).headers().get("kid")
        key = next((key for key in jwks.get("keys", []) if key["kid"] == kid), None)
        if key is None:
            raise AssertionRefusedError("The kid is none of the client's keys.")
        claims = strict_json(jws.deserialize_compact(raw, jwk.import_key(key), registry=_REGISTRY).payload)
    except (JoseError, DomainError, ValueError) as error:
        raise AssertionRefusedError("The assertion's signature does not verify.") from error
    if not isinstance(claims, dict):
        raise AssertionRefusedError("The assertion's claims are no JSON object.")
    return claims


def check_claims(claims: Mapping[str, Any], *, client_id: str, audiences: set[str], now_s: float) -> None:
    """Refuse claims that do not name this client, this server, this moment, and a jti."""
    audience = claims.get("aud")
    if isinstance(audience, list) and len(audience) == 1:
        audience = audience[0]
    rules = {
        "iss and sub must both be the client_id.": claims.get("iss") == claims.get("sub") == client_id,
        "aud must be the issuer or the token endpoint, and nothing else.": (
            isinstance(audience, str) and audience in audiences
        ),
        f"exp must lie ahead, by at most {LIFETIME_S} s.": (
            _is_number(claims.get("exp")) and now_s < claims["exp"] <= now_s + LIFETIME_S + SKEW_S
        ),
        "iat may not lie ahead.": _not_ahead(claims.get("iat", now_s), now_s),
        "nbf may not lie ahead.": _not_ahead(claims.get("nbf", now_s), now_s),
        f"jti must have 1 to {JTI_MAX} printable ASCII characters.": _is_name(claims.get("jti"), JTI_MAX),
    }
    for rule, kept in rules.items():
        if not kept:
            raise AssertionRefusedError(rule)


def _not_ahead(moment: Any, now_s: float) -> bool:
    return _is_number(moment) and 0 <= moment <= now_s + SKEW_S


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _bytes(assertion: str) -> bytes:
    if len(assertion) > ASSERTION_MAX or not assertion.isascii():
        raise AssertionRefusedError(f"An assertion has at most {ASSERTION_MAX} ASCII characters.")
    return assertion.encode()
