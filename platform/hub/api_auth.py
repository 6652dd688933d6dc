"""Who calls the API: the bearer token's client, its institution and its scopes."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, cast
from uuid import UUID

from oauth2_provider.models import get_application_model

from hub.audit import Actor, client_actor
from hub.clock import now
from hub.db.quick import Question
from hub.errors import TokenMissing, Unauthenticated
from hub.tenancy import platform_scope

# RFC 6750 section 2.1; a token of ours has 30 characters.
_BEARER = re.compile(r"bearer +([A-Za-z0-9\-._~+/]{1,200}=*)", re.IGNORECASE)

_REFUSED = "The access token is not known, has expired, or its client was revoked."
KEPT = timedelta(seconds=5)
_KEPT_MAX = 10_000
_kept: dict[str, tuple["ClientIdentity", datetime]] = {}


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """An API client as its token shows it: whose it is, what it may do, and whether it lives in a sandbox."""

    institution_id: UUID
    client_id: str
    scopes: frozenset[str]
    sandbox: bool

    @property
    def actor(self) -> Actor:
        """The client, as audit rows name it."""
        return client_actor(self.client_id)


class _Clients(Protocol):
    """What the kernel asks of the manager of OAUTH2_PROVIDER_APPLICATION_MODEL."""

    def identify(self, *, token_checksum: str, now: datetime) -> tuple[ClientIdentity, datetime] | None:
        """Return whose live token this is, judged by the client's present state, and when it expires."""

    def liveness(self, client_id: str) -> Question:
        """Ask whether the client may act now. Tenant scope."""


def identify(header: str) -> ClientIdentity:
    """Return whose token an Authorization header carries; `TokenMissing` or `Unauthenticated`.

    Read in a short platform scope of its own, before the tenant's scope opens. A good token is looked up again after
    5 s (KEPT): the look-up costs more than half as much as the rest of a request. Until then `liveness` is asked in
    the request's own transaction, for next to nothing, so a revoked client is out at once all the same. Tokens in a
    query string or a form are not looked at (RFC 9700 section 4.3.2).
    """
    if not header:
        raise TokenMissing("Send Authorization: Bearer with a token from /oauth/token/.")
    found = _BEARER.fullmatch(header.strip())
    identity = _identify(found[1]) if found else None
    if identity is None:
        raise Unauthenticated(_REFUSED)
    return identity


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
