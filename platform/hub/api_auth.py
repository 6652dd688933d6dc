"""Who calls the API: the bearer token's client, its institution and its scopes."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, cast
from uuid import UUID

from oauth2_provider.models import get_application_model
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from hub.audit import Actor, client_actor
from hub.clock import now
from hub.errors import InsufficientScope, TokenMissing, Unauthenticated
from hub.idempotency import read_key
from hub.tenancy import platform_scope

if TYPE_CHECKING:
    from rest_framework.views import APIView

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

    def is_live(self, client_id: str) -> bool:
        """Return whether the client may act now. Tenant scope."""


class BearerAuthentication(BaseAuthentication):
    """Reads `Authorization: Bearer …` in a short platform scope of its own, before the tenant's scope opens.

    A good token is looked up again after 5 s (KEPT): the look-up costs 0.7 ms of a request's 2. Until then
    `require_live` asks in the request's own transaction, for a tenth of it, so a revoked client is out at once all
    the same. Tokens in a query string or a form are not looked at (RFC 9700 section 4.3.2).
    """

    def authenticate(self, request: Request) -> tuple[None, ClientIdentity] | None:
        """Return (None, identity), None without a token, `Unauthenticated` with a bad one."""
        header: str = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        found = _BEARER.fullmatch(header.strip())
        identity = _identify(found[1]) if found else None
        if identity is None:
            raise Unauthenticated(_REFUSED)
        return None, identity

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's signature
        """Return the challenge of a 401."""
        return 'Bearer realm="luopan"'


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


def require_live(identity: ClientIdentity) -> None:
    """Refuse a client that was revoked, or whose institution was suspended, since its token was looked up."""
    if not _clients().is_live(identity.client_id):
        raise Unauthenticated(_REFUSED)


def _clients() -> _Clients:
    return cast(_Clients, get_application_model()._default_manager)


class HasScope(BasePermission):
    """Lets a request through to handlers made by `hub.api.endpoint`, with the scope that each of them names."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Return True; `TokenMissing`, `InsufficientScope`, `KeyMissing`, or 405 for a method without an `endpoint`."""
        if not isinstance(request.auth, ClientIdentity):
            raise TokenMissing("Send Authorization: Bearer with a token from /oauth/token/.")
        handler = getattr(view, (request.method or "").lower(), None)
        operation = getattr(handler, "operation", None)
        if operation is None:
            raise MethodNotAllowed(request.method or "")
        if operation.scope not in request.auth.scopes:
            raise InsufficientScope(operation.scope)
        if operation.idempotent:
            read_key(request.headers.get("Idempotency-Key"))  # refused here, before a large body is read
        return True
