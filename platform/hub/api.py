"""The REST kernel: one decorator turns a method of an APIView into an operation of the API.

    class Scores(APIView):
        @endpoint(scope="scores:write", idempotent=True, body=NewScore, answer=ScoreView, status=201)
        def post(self, request: Request) -> Response:
            ...services.score(..., body=decode(request, NewScore), actor=caller(request).actor, now=now())

The handler runs inside the tenant's transaction, and its answer is encoded there. Any error rolls it back.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, cast
from urllib.parse import urlencode

import msgspec
from django.conf import settings
from django.core import signing
from django.db import IntegrityError
from django.db.models import Model, Q, QuerySet
from django.http import HttpResponse
from psycopg.errors import UniqueViolation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from hub import idempotency
from hub.api_auth import BearerAuthentication, ClientIdentity, HasScope, require_live
from hub.clock import now
from hub.errors import DomainError, FieldError, Invalid
from hub.faults import faultpoint
from hub.idempotency import Answer
from hub.parsing import JsonParser, decode, raw_body
from hub.tenancy import tenant_scope

if TYPE_CHECKING:
    from rest_framework.views import APIView

__all__ = [
    "BearerAuthentication",
    "ClientIdentity",
    "HasScope",
    "JsonParser",
    "JsonRenderer",
    "Operation",
    "caller",
    "decode",
    "endpoint",
    "page",
    "raw_body",
]

PAGE_DEFAULT = 50
PAGE_MAX = 200
P = ParamSpec("P")
V = TypeVar("V", bound="APIView")
M = TypeVar("M", bound=Model)


class JsonRenderer(BaseRenderer):
    """Writes JSON: UUIDs, moments and Decimals as strings, msgspec Structs and dataclasses as objects."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,  # noqa: ARG002 - DRF's signature
        renderer_context: Mapping[str, Any] | None = None,  # noqa: ARG002 - DRF's signature
    ) -> bytes:
        """Return the bytes."""
        return b"" if data is None else msgspec.json.encode(data)


@dataclass(frozen=True, slots=True)
class Operation:
    """What `endpoint` was told; `hub.openapi` describes the operation by it."""

    scope: str
    idempotent: bool
    payload: Callable[[Request], bytes]
    body: Any
    answer: Any
    status: int
    raises: tuple[type[DomainError], ...]
    examples: Mapping[str, Any]


def endpoint(
    *,
    scope: str,
    idempotent: bool = False,
    payload: Callable[[Request], bytes] = raw_body,
    body: Any = None,
    answer: Any = None,
    status: int = 200,
    raises: tuple[type[DomainError], ...] = (),
    examples: Mapping[str, Any] | None = None,
) -> Callable[[Callable[Concatenate[V, Request, P], Response]], Callable[Concatenate[V, Request, P], HttpResponse]]:
    """Make an operation of a handler: its scope is needed (403), it runs in the caller's tenant scope.

    With `idempotent`, the Idempotency-Key is settled around it; `payload` gives the bytes that a repeat must match
    (the body; the path always counts too). The rest only describes it in OpenAPI: `body` and `answer` (types that
    msgspec knows; another body than JSON is a dict, media type to media type object), `status`, `raises` (errors of
    its own, beside those that any operation may have) and `examples` ("request", "response").
    """
    operation = Operation(scope, idempotent, payload, body, answer, status, raises, examples or {})

    def wrap(
        handler: Callable[Concatenate[V, Request, P], Response],
    ) -> Callable[Concatenate[V, Request, P], HttpResponse]:
        @functools.wraps(handler)
        def run(view: V, request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            return _run(operation, request, lambda: handler(view, request, *args, **kwargs))

        run.operation = operation  # type: ignore[attr-defined]  # read by HasScope and hub.openapi
        return run

    return wrap


def _run(operation: Operation, request: Request, handle: Callable[[], Response]) -> HttpResponse:
    identity = caller(request)
    # The whole body is read before a transaction opens: a slow sender must not hold one.
    payload = operation.payload(request) if operation.idempotent else b""

    def once() -> Answer:
        with tenant_scope(identity.institution_id):
            require_live(identity)
            return _settled(operation, request, payload, lambda: _answer(handle()))

    given = _twice(once)
    faultpoint("after_commit_before_answer")
    return _respond(given)


def _twice(once: Callable[[], Answer]) -> Answer:
    """Run a transaction again where a row it was first to add was added by another one meanwhile.

    The person, the consent, the Idempotency-Key of a request: the second run finds what the other one left.
    """
    try:
        return once()
    except IntegrityError as error:
        if not isinstance(error.__cause__, UniqueViolation):
            raise
    return once()


def caller(request: Request) -> ClientIdentity:
    """Return the client behind a request that passed HasScope."""
    return cast(ClientIdentity, request.auth)


def _settled(operation: Operation, request: Request, payload: bytes, effect: Callable[[], Answer]) -> Answer:
    if not operation.idempotent:
        return effect()
    key = idempotency.read_key(request.headers.get("Idempotency-Key"))
    match = request.resolver_match
    return idempotency.settle(
        institution_id=caller(request).institution_id,
        client_id=caller(request).client_id,
        operation=f"{request.method} {match.view_name if match else request.path}",
        key=key,
        payload=request.path.encode() + b"\0" + payload,
        now=now(),
        effect=effect,
    )


def _answer(response: Response) -> Answer:
    headers = {name: value for name, value in response.headers.items() if name != "Content-Type"}
    # A handler that answers about a person says so: the kept answer goes when he is erased.
    person_id = getattr(response, "person_id", None)
    return Answer(response.status_code, headers, JsonRenderer().render(response.data), person_id)


def _respond(answer: Answer) -> HttpResponse:
    response = HttpResponse(answer.body, status=answer.status, content_type="application/json", headers=answer.headers)
    response["Cache-Control"] = "no-store"
    if answer.replayed:
        response["Idempotent-Replayed"] = "true"
    return response


# --- lists ------------------------------------------------------------------------------------------------------------


def page(
    request: Request,
    rows: QuerySet[M],
    show: Callable[[M], Any],
    *,
    order: tuple[str, str] = ("created_at", "id"),
) -> Response:
    """Answer one page of `rows` as {"items": […], "next": URL or null}, ordered by a moment and a unique field.

    `?limit=` is 1 to 200 (50 unless told), `?after=` the signed cursor of the page before.
    """
    limit = _limit(request)
    after = request.query_params.get("after")
    if after is not None:
        rows = rows.filter(_beyond(order, _read_cursor(request, after)))
    found = list(rows.order_by(*order)[: limit + 1])
    following = _next_url(request, found[limit - 1], order) if len(found) > limit else None
    headers = {"Link": f'<{following}>; rel="next"'} if following else {}
    return Response({"items": [show(row) for row in found[:limit]], "next": following}, headers=headers)


def _limit(request: Request) -> int:
    text = request.query_params.get("limit", str(PAGE_DEFAULT))
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= PAGE_MAX):
        raise Invalid([FieldError("", "invalid_limit", f"Let ?limit= be a whole number from 1 to {PAGE_MAX}.")])
    return int(text)


def _salt(request: Request) -> str:
    # A cursor holds for one list of one institution: elsewhere it does not verify.
    return f"hub.api.page|{caller(request).institution_id}|{request.path}"


def _read_cursor(request: Request, text: str) -> tuple[datetime, str]:
    try:
        moment, last = signing.loads(text, salt=_salt(request))
    except signing.BadSignature:
        raise Invalid(
            [FieldError("", "invalid_cursor", "Let ?after= be the cursor of this list's previous page, unchanged.")]
        ) from None
    return datetime.fromisoformat(moment), last


def _beyond(order: tuple[str, str], last: tuple[datetime, str]) -> Q:
    moment, unique = order
    return Q(**{f"{moment}__gt": last[0]}) | Q(**{moment: last[0], f"{unique}__gt": last[1]})


def _next_url(request: Request, row: Model, order: tuple[str, str]) -> str:
    moment, unique = (getattr(row, name) for name in order)
    after = signing.dumps([moment.isoformat(), str(unique)], salt=_salt(request))
    query = urlencode({**request.query_params.dict(), "after": after})
    return f"{settings.PUBLIC_URL}{request.path}?{query}"
