"""Proofs of possession (DPoP, RFC 9449): a token that is bound to a key opens nothing without that key's signature."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import SplitResult, unquote, urlsplit
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, models

from hub import jose
from hub.db.quick import New, append
from hub.errors import Unauthenticated
from hub.jose import PublicKey, SignatureError, is_name, is_number

TYPE = "dpop+jwt"
ALGORITHMS = "PS256 ES256 EdDSA Ed25519"
JTI_MAX = 128
AGE_MAX_S = 60
SKEW_S = 10
# Longer than any of the platform's clocks would take it: they may differ by some minutes.
KEPT = timedelta(minutes=10)
_PORTS = {"http": 80, "https": 443}


class ProofRefused(Unauthenticated):
    """The DPoP proof that came with the request proves nothing (RFC 9449 section 4.3)."""

    code: ClassVar[str] = "invalid_dpop_proof"
    title: ClassVar[str] = "The DPoP proof is not valid"


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof whose signature is good: whose key it was, and the digest by which a second use is known."""

    thumbprint: str
    digest: bytes


def read_proof(header: str, *, method: str, path: str, now: datetime, token: str = "") -> Proof:
    """Return the proof in a DPoP header for this request, with `token` also for that; `ProofRefused` says why not.

    Whether it was used before is not looked at: see `UsedProof`.
    """
    key, claims = _signed(header)
    age_s = now.timestamp() - claims["iat"] if is_number(claims.get("iat")) else None
    rules = {
        "htm must be the method of the request.": claims.get("htm") == method,
        "htu must be the address of the request, without its query.": _is_place(claims.get("htu"), path),
        f"iat must be this moment, within {AGE_MAX_S} s.": age_s is not None and -SKEW_S <= age_s <= AGE_MAX_S,
        f"jti must have 1 to {JTI_MAX} printable ASCII characters.": is_name(claims.get("jti"), JTI_MAX),
        "ath must be the token's SHA-256, in base64url.": not token or claims.get("ath") == token_hash(token),
    }
    for rule, kept in rules.items():
        if not kept:
            raise ProofRefused(rule)
    return Proof(key.thumbprint, hashlib.sha256(f"{key.thumbprint}|{claims['jti']}".encode()).digest())


def token_hash(token: str) -> str:
    """Return what `ath` says of an access token."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


def _signed(header: str) -> tuple[PublicKey, Mapping[str, Any]]:
    if not header:
        raise ProofRefused("Send a DPoP header with a proof made for this request.")
    try:
        head = jose.header_of(header)
        key = _key(head)
        claims = jose.proved_payload(header, key)
    except SignatureError as error:
        raise ProofRefused("It is no JWT that the key in its header has signed.") from error
    if not isinstance(claims, dict):
        raise ProofRefused("Its claims are no JSON object.")
    return key, claims


def _key(head: Mapping[str, Any]) -> PublicKey:
    if head.get("typ") != TYPE:
        raise ProofRefused(f"typ must be {TYPE}.")
    key = jose.public_key(head.get("jwk"))
    if key is None:
        raise ProofRefused("jwk must be a public key that may sign: RSA, EC (P-256) or OKP (Ed25519).")
    if head.get("alg") not in [*jose.ALGORITHMS[key.kind]]:
        raise ProofRefused(f"alg must be one of {ALGORITHMS}, and fit the key.")
    return key


def _is_place(claimed: object, path: str) -> bool:
    """Compare as section 4.3 asks: without query and fragment, after the normalisation of RFC 3986 section 6.2.2."""
    if not isinstance(claimed, str):
        return False
    try:
        ours, theirs = urlsplit(settings.PUBLIC_URL), urlsplit(claimed)
        return _origin(theirs) == _origin(ours) and unquote(theirs.path) == ours.path + path
    except ValueError:
        return False


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None, str | None]:
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme), parts.username


class UsedProof(models.Model):
    """A proof that opened something: a second use finds it here, whichever process it comes to."""

    ONCE: ClassVar[str] = "hub_usedproof_once"

    id = models.BigAutoField(primary_key=True)
    institution_id = models.UUIDField(editable=False)
    digest = models.BinaryField(editable=False)
    expires_at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["institution_id", "digest"], name="hub_usedproof_once")]
        indexes = [models.Index(fields=["expires_at"], name="hub_usedproof_age")]

    def __str__(self) -> str:
        return f"{self.institution_id} {self.expires_at:%Y-%m-%d %H:%M}"

    @classmethod
    def note(cls, *, institution_id: UUID, digest: bytes, now: datetime) -> None:
        """Let its row go with the last statement of the scope, which `hub.api` refuses where the row is there."""
        append(New(cls, {"institution_id": institution_id, "digest": digest, "expires_at": now + KEPT}))

    @classmethod
    def use(cls, *, institution_id: UUID, digest: bytes, now: datetime) -> bool:
        """Note the first use and return True; False for any later one, however close behind it comes."""
        _, first = cls.objects.get_or_create(
            institution_id=institution_id, digest=digest, defaults={"expires_at": now + KEPT}
        )
        return first


def is_used_proof(error: IntegrityError) -> bool:
    """Whether this is the refusal of a proof that was used before."""
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) == UsedProof.ONCE


def forget_used_proofs(*, now: datetime) -> int:
    """Delete the used proofs that no clock would take any more; platform scope; returns how many."""
    return UsedProof.objects.filter(expires_at__lt=now).delete()[0]
