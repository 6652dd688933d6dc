"""Institutions, clients and tokens for tests: made by the services, in scopes of their own."""

import hashlib
import itertools
import json
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from joserfc import jwk, jws
from joserfc.jwk import Key
from oauth2_provider.models import get_access_token_model

from hub.audit import system_actor
from hub.clock import now
from hub.dpop import token_hash
from hub.tenancy import platform_scope
from partners.institutions import services
from partners.institutions.models import Client, TokenBinding
from partners.institutions.queries import ClientView, InstitutionView
from partners.institutions.scopes import SCOPES

ACTOR = system_actor("tests")
_number = itertools.count(1)
_TABLES = (
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
    "AND has_table_privilege(oid, 'SELECT')"
)


def make_institution(*, name: str = "", sandbox: bool = True, jurisdiction: str = "HK") -> InstitutionView:
    """Onboard an institution; with `sandbox` (as told by default) a live one and its sandbox, which is returned."""
    name = name or f"Bank {next(_number)} {secrets.token_hex(3)}"
    with platform_scope():
        live = services.onboard_institution(name=name, jurisdiction=jurisdiction, actor=ACTOR, now=now())
        if not sandbox:
            return live
        return services.onboard_institution(
            name=f"{name} (sandbox)", jurisdiction=jurisdiction, sandbox_of=live.id, actor=ACTOR, now=now()
        )


def make_client(
    institution: InstitutionView | None = None, *, scopes: Sequence[str] = tuple(SCOPES), key: Key | None = None
) -> ClientView:
    """Issue a client of the institution (a new sandbox unless told): one with a secret, or with the `key` given."""
    return make_client_and_secret(institution, scopes=scopes, key=key)[0]


def make_client_and_secret(
    institution: InstitutionView | None = None, *, scopes: Sequence[str] = tuple(SCOPES), key: Key | None = None
) -> tuple[ClientView, str]:
    """Issue a client as `make_client` does; return its secret too."""
    institution = institution or make_institution(sandbox=key is None)
    method = Client.SECRET if key is None and institution.sandbox else Client.KEY
    jwks = {"keys": [public_key(key or make_key())]} if method == Client.KEY else None
    with platform_scope():
        return services.issue_client(
            institution_id=institution.id, name=f"Client {next(_number)}", method=method, scopes=list(scopes),
            jwks=jwks, actor=ACTOR, now=now(),
        )  # fmt: skip


def make_token(
    client: ClientView, *, scopes: Sequence[str] | None = None, expires_at: datetime | None = None, key: Key | None
) -> str:
    """Give the client an access token, bound to the `key` where there is one."""
    token = secrets.token_urlsafe(24)
    with platform_scope():
        row = get_access_token_model()(
            application=Client.objects.get(client_id=client.client_id), token="",
            scope=" ".join(client.scopes if scopes is None else scopes),
            expires=expires_at or now() + timedelta(minutes=15),
        )  # fmt: skip
        row._raw_token = token
        row.save()
        assert row.token_checksum == hashlib.sha256(token.encode()).hexdigest()
        if key:
            TokenBinding.bind(token=row, thumbprint=key.thumbprint())
    return token


def bearer(client: ClientView, *, scopes: Sequence[str] | None = None, expires_at: datetime | None = None) -> Any:
    """Give a sandbox client an access token; return it as headers for django.test.Client: `get(path, **bearer(it))`."""
    assert client.sandbox, "a live client signs each request: use signed_in"
    return {"HTTP_AUTHORIZATION": f"Bearer {make_token(client, scopes=scopes, expires_at=expires_at, key=None)}"}


def signed_in(client: ClientView) -> Callable[[str, str], Any]:
    """Give any client an access token; return what makes the headers of each request, from its method and path."""
    if client.sandbox:
        headers = bearer(client)
        return lambda _method, _path: headers
    key = make_key()
    token = make_token(client, key=key)
    return lambda method, path: with_proof(token, key, method, path)


def with_proof(token: str, key: Key, method: str, path: str, **changes: Any) -> Any:
    """Return the headers of one request with a token that is bound to the key; `changes` are those of `make_proof`."""
    proof = make_proof(key, method, path, **{"ath": token_hash(token), **changes})
    return {"HTTP_AUTHORIZATION": f"DPoP {token}", "HTTP_DPOP": proof}


def make_proof(key: Key, method: str, path: str, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
    """Sign a DPoP proof for a request; `header` and `changes` replace parts of it, None leaves one out."""
    names = {"OKP": "Ed25519", "EC": "ES256", "RSA": "PS256"}
    head = {"typ": "dpop+jwt", "alg": names.get(key.key_type), "jwk": public_key(key), **(header or {})}
    claims = {
        "jti": secrets.token_urlsafe(12), "htm": method, "htu": settings.PUBLIC_URL + path.partition("?")[0],
        "iat": int(now().timestamp()), **changes,
    }  # fmt: skip
    told, body = ({name: value for name, value in part.items() if value is not None} for part in (head, claims))
    return jws.serialize_compact(told, json.dumps(body), key, algorithms=[str(told.get("alg"))])


def make_key(kind: str = "OKP", *, kid: str = "key-1") -> Key:
    """Make a pair of keys: OKP (Ed25519), EC (P-256) or RSA (2048 bits)."""
    size = {"OKP": "Ed25519", "EC": "P-256", "RSA": 2048}[kind]
    made: Key = jwk.generate_key(kind, size, {"kid": kid})  # type: ignore[call-overload]  # one of three forms
    return made


def public_key(key: Key) -> dict[str, Any]:
    """Return the public half as a JSON Web Key."""
    public: dict[str, Any] = json.loads(json.dumps(key.as_dict(private=False)))
    return public


def rows_of(institution_id: UUID, table: Any) -> int:
    """Count an institution's rows of a model, in the platform's scope."""
    with platform_scope():
        count: int = table.objects.filter(institution_id=institution_id).count()
        return count


def everything() -> dict[str, str]:
    """Return a digest of each table, of every row in it: where two are the same, nothing has changed.

    But for the used proofs: each request of a live client leaves one, also one that is refused.
    """
    with platform_scope(), connection.cursor() as cursor:
        cursor.execute(_TABLES)
        names = [name for (name,) in cursor.fetchall() if name != "hub_usedproof"]
        assert {"hub_outboxevent", "hub_auditrow", "hub_idempotencykey", "loans_loan"} <= set(names)
        union = " UNION ALL ".join(
            f"SELECT '{name}', md5(string_agg(row::text, '|' ORDER BY row::text)) FROM {name} row" for name in names
        )
        cursor.execute(union)
        return dict(cursor.fetchall())
