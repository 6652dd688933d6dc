"""Clients' public keys and the assertions they sign: RFC 7517, RFC 7515, RFC 7523 section 3. No database."""

from collections.abc import Mapping
from typing import Any

from hub import jose
from hub.errors import FieldError, Invalid
from hub.jose import SignatureError, is_name, is_number

KEYS_MAX = 10
KID_MAX = JTI_MAX = 128
LIFETIME_S = 300
SKEW_S = 10


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
    return {"keys": [jose.reduced(key) for key in keys]}


def _fault(key: object) -> str:
    if fault := jose.key_fault(key):
        return fault
    if not isinstance(key, dict) or not is_name(key.get("kid"), KID_MAX):
        return f"Give it a kid of 1 to {KID_MAX} printable ASCII characters."
    return ""


# --- use --------------------------------------------------------------------------------------------------------------


def claimed_client(assertion: str) -> str:
    """Return the `sub` that an assertion claims. Nothing is proved yet; `AssertionRefusedError` if it has none."""
    try:
        claims = jose.payload_of(assertion)
    except SignatureError as error:
        raise AssertionRefusedError("The assertion is not a signed JWT.") from error
    subject = claims.get("sub") if isinstance(claims, dict) else None
    if not isinstance(subject, str):
        raise AssertionRefusedError("The assertion has no sub.")
    return subject


def proved_claims(assertion: str, jwks: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims of an assertion that one of these keys, named by its kid, has signed."""
    try:
        kid = jose.header_of(assertion).get("kid")
        key = next((key for key in jwks.get("keys", []) if key["kid"] == kid), None)
        if key is None:
            raise AssertionRefusedError("The kid is none of the client's keys.")
        claims = jose.proved_payload(assertion, jose.public_key(key))
    except SignatureError as error:
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
            is_number(claims.get("exp")) and now_s < claims["exp"] <= now_s + LIFETIME_S + SKEW_S
        ),
        "iat may not lie ahead.": _not_ahead(claims.get("iat", now_s), now_s),
        "nbf may not lie ahead.": _not_ahead(claims.get("nbf", now_s), now_s),
        f"jti must have 1 to {JTI_MAX} printable ASCII characters.": is_name(claims.get("jti"), JTI_MAX),
    }
    for rule, kept in rules.items():
        if not kept:
            raise AssertionRefusedError(rule)


def _not_ahead(moment: Any, now_s: float) -> bool:
    return is_number(moment) and 0 <= moment <= now_s + SKEW_S
