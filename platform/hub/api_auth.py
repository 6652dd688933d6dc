"""Who calls the API: the token's client, its institution and its scopes; of a live client, also that it has its key."""

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, cast
from uuid import UUID

from django.http import HttpRequest
from oauth2_provider.models import get_application_model

from hub.audit import Actor, client_actor
from hub.clock import now
from hub.db.quick import Question
from hub.dpop import read_proof
from hub.errors import TokenMissing, Unauthenticated
from hub.limits import Limits
from hub.tenancy import platform_scope

# RFC 6750 section 2.1, RFC 9449 section 7.1; a token of ours has 30 characters.
_CREDENTIALS = re.compile(r"(bearer|dpop) +([A-Za-z0-9\-._~+/]{1,200}=*)", re.IGNORECASE)

_REFUSED = "The access token is not known, has expired, or its client was revoked."
KEPT = timedelta(seconds=5)
_KEPT_MAX = 10_000
_kept: dict[str, tuple["ClientIdentity", datetime]] = {}


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """An API client as its token shows it: whose it is, what it may do, and whether it lives in a sandbox.

    `thumbprint` is that of the key its token is bound to ("" for none), `proof` the digest of this request's proof.
    """

    institution_id: UUID
    client_id: str
    scopes: frozenset[str]
    sandbox: bool
    limits: Limits
    thumbprint: str = ""
    proof: bytes = b""

    @property
    def actor(self) -> Actor:
        """The client, as audit rows name it."""
        return client_actor(self.client_id)


class _Clients(Protocol):
    """What the kernel asks of the manager of OAUTH2_PROVIDER_APPLICATION_MODEL."""

    def identify(self, *, token_checksum: str, now: datetime) -> tuple[ClientIdentity, datetime] | None:
        """Return whose good token this is, judged by the client's present state, and when it expires.

        None also for the token of a live client that is bound to no key.
        """

    def liveness(self, client_id: str) -> Question:
        """Ask whether the client may act now. Tenant scope."""


def identify(request: HttpRequest) -> ClientIdentity:
    """Return whose token the Authorization header carries; `TokenMissing`, `Unauthenticated` or `ProofRefused`.

    Read in a short platform scope of its own, before the tenant's scope opens. A good token is looked up again after
    5 s (KEPT): the look-up costs more than half as much as the rest of a request. Until then `liveness` is asked in
    the request's own transaction, for next to nothing, so a revoked client is out at once all the same. Tokens in a
    query string or a form are not looked at (RFC 9700 section 4.3.2).
    """
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if not header:
        raise TokenMissing("Send an Authorization header with a token from /oauth/token/.")
    found = _CREDENTIALS.fullmatch(header.strip())
    identity = _identify(found[2]) if found else None
    if found is None or identity is None:
        raise Unauthenticated(_REFUSED)
    if (found[1].lower() == "dpop") != bool(identity.thumbprint):
        right = "DPoP, with a proof of its key" if identity.thumbprint else "Bearer: it is bound to no key"
        raise Unauthenticated(f"Send this token as {right}.")
    return _holder(identity, found[2], request) if identity.thumbprint else identity


def _holder(identity: ClientIdentity, token: str, request: HttpRequest) -> ClientIdentity:
    """Return the identity with the request's proof that it has the key of its token."""
    proof = read_proof(
        request.META.get("HTTP_DPOP", ""), method=request.method or "", path=request.path, now=now(), token=token
    )
    if proof.thumbprint != identity.thumbprint:
        raise Unauthenticated("The proof is of another key than the token is bound to.")
    return replace(identity, proof=proof.digest)


def _identify(token: str) -> ClientIdentity | None:
    checksum, moment = hashlib.sha256(token.encode()).hexdigest(), now()
    identity, until = _kept.get(checksum, (None, moment))
    if identity is not None and moment < until:
        return identity
    with platform_scope():
        found = _clients().identify(token_checksum=checksum, now=moment)
    if found is None:
        return None
    if len(_kept) >= _KEPT_MAX:
        _kept.clear()
    identity, expires_at = found
    _kept[checksum] = (identity, min(moment + KEPT, expires_at))
    return identity


def liveness(identity: ClientIdentity) -> Question:
    """Ask whether the client, and its institution, may still act."""
    return _clients().liveness(identity.client_id)


def refuse_unless_live(live: bool) -> None:
    """Refuse a client that was revoked, or whose institution was suspended, since its token was looked up."""
    if not live:
        raise Unauthenticated(_REFUSED)


def _clients() -> _Clients:
    return cast(_Clients, get_application_model()._default_manager)
