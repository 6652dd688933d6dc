"""The REST kernel: one decorator turns a method of a Resource into an operation of the API.

    class Scores(Resource):
        @endpoint(scope="scores:write", idempotent=True, body=NewScore, answer=ScoreView, status=201)
        def post(self, request: Request) -> Reply:
            ...services.score(..., body=decode(request, NewScore), actor=caller(request).actor, now=now())

The handler runs inside the tenant's transaction, and its answer is encoded there. Any error rolls it back.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar, cast
from uuid import UUID

import msgspec
from django.db import IntegrityError, OperationalError
from django.http import HttpRequest, HttpResponse
from psycopg.errors import DeadlockDetected, SerializationFailure, UniqueViolation
from rest_framework.exceptions import MethodNotAllowed, NotAcceptable
from rest_framework.request import Request
from rest_framework.views import APIView

from hub import limits, problems
from hub.api_auth import ClientIdentity, identify, liveness, refuse_unless_live
from hub.clock import now
from hub.db.quick import ask
from hub.dpop import UsedProof, is_used_proof
from hub.errors import DomainError, InsufficientScope, Unauthenticated
from hub.faults import faultpoint
from hub.idempotency import Answer, Slot, read_key
from hub.lane import WholeResponse
from hub.parsing import decode, raw_body
from hub.tenancy import tenant_scope

__all__ = ["ClientIdentity", "Operation", "Reply", "Resource", "caller", "decode", "endpoint", "raw_body"]

P = ParamSpec("P")
V = TypeVar("V", bound="Resource")
DEADLOCKS_MAX = 3
_GAVE_WAY = (DeadlockDetected, SerializationFailure)
JSON = "application/json"
_ASKED_OFTEN = ("META", "method", "path", "resolver_match")
_JSON = frozenset(("*/*", "application/*", JSON))


@dataclass(slots=True)
class Reply:
    """What a handler answers; bytes go as they are. `person_id`: of whom it tells, with whom the kept answer goes."""

    data: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    person_id: UUID | None = None


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
    media: str


class Resource(APIView):
    """A resource of the API: methods that `endpoint` did not make answer 405, whatever they are.

    Past the framework's own dispatch: its renderers, versions and throttles are not used, and cost a tenth of a
    request.
    """

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer; errors as application/problem+json, but for faults of our own: those go on to Django."""
        context = {"view": self, "args": args, "kwargs": kwargs}
        asked = Request(request, parsers=self.get_parsers(), parser_context=context)
        for name in _ASKED_OFTEN:  # which it would look for elsewhere first, each time
            setattr(asked, name, getattr(request, name))
        try:
            handler = getattr(self, (request.method or "").lower(), None)
            operation: Operation | None = getattr(handler, "operation", None)
            _refuse_unless_acceptable(request.META.get("HTTP_ACCEPT", ""), operation.media if operation else JSON)
            asked.auth = who = identify(request)
            limits.charge(request, who.client_id, who.limits, now_s=now().timestamp())
            _refuse_unless_allowed(operation, asked)
            answer: HttpResponse = cast("Any", handler)(asked, *args, **kwargs)
            return answer
        except Exception as error:
            if (known := problems.known(error)) is None:
                raise
            response = problems.problem(known, request)
        if response.status_code == 405:
            response["Allow"] = ", ".join(self.operations())
        return response

    @classmethod
    def operations(cls) -> list[str]:
        """The methods that `endpoint` made."""
        return [name.upper() for name in cls.http_method_names if hasattr(getattr(cls, name, None), "operation")]


def _refuse_unless_acceptable(accept: str, media: str) -> None:
    taken = [one.partition(";")[0].strip().lower() for one in accept.split(",")]
    if accept and media not in taken and _JSON.isdisjoint(taken):
        raise NotAcceptable()


def _refuse_unless_allowed(operation: Operation | None, request: Request) -> None:
    if operation is None:
        raise MethodNotAllowed(request.method or "")
    if operation.scope not in caller(request).scopes:
        raise InsufficientScope(operation.scope)
    if operation.idempotent:
        read_key(request.META.get("HTTP_IDEMPOTENCY_KEY"))  # refused here, before a large body is read


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
    media: str = JSON,
) -> Callable[[Callable[Concatenate[V, Request, P], Reply]], Callable[Concatenate[V, Request, P], HttpResponse]]:
    """Make an operation of a handler: its scope is needed (403), it runs in the caller's tenant scope.

    With `idempotent`, the Idempotency-Key is settled around it; `payload` gives the bytes that a repeat must match
    (the body; the path always counts too). The rest only describes it in OpenAPI: `body` and `answer` (types that
    msgspec knows; another body than JSON is a dict, media type to media type object), `status`, `raises` (errors of
    its own, beside those that any operation may have) and `examples` ("request", "response"). `media` is the answer's.
    """
    operation = Operation(scope, idempotent, payload, body, answer, status, raises, examples or {}, media)

    def wrap(
        handler: Callable[Concatenate[V, Request, P], Reply],
    ) -> Callable[Concatenate[V, Request, P], HttpResponse]:
        @functools.wraps(handler)
        def run(view: V, request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            return _run(operation, request, lambda: _answer(handler(view, request, *args, **kwargs)))

        run.operation = operation  # type: ignore[attr-defined]  # read by Resource and hub.openapi
        return run

    return wrap


def _run(operation: Operation, request: Request, effect: Callable[[], Answer]) -> HttpResponse:
    identity = caller(request)
    # The whole body is read before a transaction opens: a slow sender must not hold one.
    slot = _slot(operation, request) if operation.idempotent else None

    def once() -> Answer:
        with tenant_scope(identity.institution_id):
            live, *found = ask(liveness(identity), *(slot.questions if slot else ()))
            refuse_unless_live(live)
            answer = slot.settle(*found, now=now(), effect=effect) if slot else effect()
            _note_proof(identity)
            return answer

    try:
        given = _again(once)
    except Exception as error:
        _note_proof_alone(identity, error)
        raise
    faultpoint("after_commit_before_answer")
    return _respond(given, request.META[limits.FIELDS], operation.media)


def _note_proof(identity: ClientIdentity) -> None:
    if identity.proof:
        UsedProof.note(institution_id=identity.institution_id, digest=identity.proof, now=now())


def _note_proof_alone(identity: ClientIdentity, error: Exception) -> None:
    """Note the proof of a request that was undone: it serves nobody else either. Not where the database is away."""
    known = problems.known(error)
    if identity.proof and known and known.status < 500 and not isinstance(known, Unauthenticated):
        with tenant_scope(identity.institution_id):
            _note_proof(identity)


def _again(once: Callable[[], Answer]) -> Answer:
    """Run a transaction again where it had to give way to others, which left nothing of it.

    Once where a row that it was first to add (the person, the consent, the Idempotency-Key) was added by another one
    meanwhile: the second run finds it. Three times where the database ended a deadlock with it.
    """
    for run in range(DEADLOCKS_MAX + 1):
        try:
            return once()
        except IntegrityError as error:
            if run or not isinstance(error.__cause__, UniqueViolation) or is_used_proof(error):
                raise
        except OperationalError as error:
            if run == DEADLOCKS_MAX or not isinstance(error.__cause__, _GAVE_WAY):
                raise
    raise AssertionError("the last run returns or raises")


def caller(request: Request) -> ClientIdentity:
    """Return the client behind a request to a Resource."""
    return cast(ClientIdentity, request.auth)


def _slot(operation: Operation, request: Request) -> Slot:
    match = request.resolver_match
    identity = caller(request)
    return Slot.of(
        institution_id=identity.institution_id,
        client_id=identity.client_id,
        operation=f"{request.method} {match.view_name if match else request.path}",
        key=read_key(request.META.get("HTTP_IDEMPOTENCY_KEY")),
        payload=request.path.encode() + b"\0" + operation.payload(request),
    )


def _answer(reply: Reply) -> Answer:
    if isinstance(reply.data, bytes):
        body = reply.data
    else:
        body = b"" if reply.data is None else msgspec.json.encode(reply.data)
    return Answer(reply.status, dict(reply.headers), body, reply.person_id)


def _respond(answer: Answer, fields: Mapping[str, str], media: str) -> HttpResponse:
    headers = {"Content-Type": media, **answer.headers, **fields, "Cache-Control": "no-store"}
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    return WholeResponse(answer.body, status=answer.status, headers=headers)
