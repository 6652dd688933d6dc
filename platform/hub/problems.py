"""One renderer of errors: application/problem+json (RFC 9457) for machines, Django's pages for people."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render as render_page
from django.views import defaults
from psycopg.errors import IdleInTransactionSessionTimeout, TransactionTimeout
from rest_framework import exceptions

from hub import audit, dpop, errors, limits
from hub.errors import DomainError, FieldError

MACHINE_PATHS = ("/api/", "/oauth/")
_RETRY_AFTER_S = 2
_LEFT_IDLE = (IdleInTransactionSessionTimeout, TransactionTimeout)  # the driver calls them errors of its own
_FOREIGN: list[tuple[type[Exception], type[DomainError]]] = [
    (Http404, errors.NotFound),
    (PermissionDenied, errors.Forbidden),
    (RequestDataTooBig, errors.TooLarge),
    (exceptions.UnsupportedMediaType, errors.UnsupportedMedia),
    (exceptions.MethodNotAllowed, errors.MethodNotAllowed),
    (exceptions.NotAcceptable, errors.NotAcceptable),
    (exceptions.NotAuthenticated, errors.TokenMissing),
    (exceptions.AuthenticationFailed, errors.Unauthenticated),
    (exceptions.PermissionDenied, errors.Forbidden),
    (exceptions.NotFound, errors.NotFound),
    (exceptions.Throttled, errors.TooMany),
    (exceptions.ParseError, errors.Malformed),
    (exceptions.ValidationError, errors.Malformed),
]


class Problem(msgspec.Struct, omit_defaults=True):
    """What went wrong (RFC 9457). `type` leads to a page about this kind of problem."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[FieldError] = []


def problem(error: DomainError, request: HttpRequest) -> HttpResponse:
    """Render an error. The body names no more than `error` does."""
    body = Problem(
        type=f"{settings.PUBLIC_URL}/problems/{error.code}",
        title=error.title,
        status=error.status,
        detail=error.detail,
        instance=request.path,
        request_id=audit.request_id.get(),
        errors=list(error.errors),
    )
    response = HttpResponse(
        msgspec.json.encode(body), status=error.status, content_type="application/problem+json",
        headers={**request.META.get(limits.FIELDS, {}), **_headers(error, request)},
    )  # fmt: skip
    response["Cache-Control"] = "no-store"
    return response


def _headers(error: DomainError, request: HttpRequest) -> dict[str, str]:
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, errors.InsufficientScope):
        headers["WWW-Authenticate"] = _challenge(request, f'error="insufficient_scope", scope="{error.scope}"')
    elif isinstance(error, errors.TokenMissing):
        headers["WWW-Authenticate"] = _challenge(request, "")
    elif isinstance(error, errors.Unauthenticated):
        headers["WWW-Authenticate"] = _challenge(request, f'error="{error.code}"')
    return headers


def _challenge(request: HttpRequest, fault: str) -> str:
    """Name both schemes, and the fault with the one that was used (RFC 6750 section 3, RFC 9449 section 7.1)."""
    used = request.META.get("HTTP_AUTHORIZATION", "").strip().lower()
    faults = {"Bearer": "", "DPoP": "", ("DPoP" if used.startswith("dpop") else "Bearer"): fault and f", {fault}"}
    return f'Bearer realm="luopan"{faults["Bearer"]}, DPoP realm="luopan"{faults["DPoP"]}, algs="{dpop.ALGORITHMS}"'


def handle(exc: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """Answer for DRF. None for a fault of our own: it goes on to Django, which logs it and calls `server_error`."""
    error = known(exc)
    return None if error is None else problem(error, context["request"]._request)


def known(exc: BaseException | None) -> DomainError | None:
    """Return what a caller may be told of an exception; None where that is nothing."""
    if isinstance(exc, DomainError):
        return exc
    if isinstance(exc, IntegrityError):
        return _broken_constraint(exc)
    if isinstance(exc, OperationalError | InterfaceError) or isinstance(getattr(exc, "__cause__", None), _LEFT_IDLE):
        return errors.Unavailable("Send the same request again.", retry_after_s=_RETRY_AFTER_S)
    return next((ours() for theirs, ours in _FOREIGN if isinstance(exc, theirs)), None)


def _broken_constraint(exc: IntegrityError) -> DomainError | None:
    if dpop.is_used_proof(exc):
        return dpop.ProofRefused("This jti was used before: make a new proof for each request.")
    diagnosis = getattr(exc.__cause__, "diag", None)
    name = getattr(diagnosis, "constraint_name", None)
    return errors.Conflict(f"It would break the rule {name}.") if name else None


# --- Django's handlers (hub.urls names them) and the pages behind `type` ----------------------------------------------


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer 400, or 413 where the body was over Django's limit."""
    error = known(exception) or errors.Malformed()
    response = _for_machines_or(request, error, defaults.bad_request, exception)
    response.status_code = error.status
    return response


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer 403."""
    return _for_machines_or(request, errors.Forbidden(), defaults.permission_denied, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer 404."""
    return _for_machines_or(request, errors.NotFound(), defaults.page_not_found, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Answer 500 without a word of what happened, or 503 where the database is away."""
    error = known(sys.exc_info()[1]) or errors.Internal()
    response = _for_machines_or(request, error, defaults.server_error)
    if error.status == 503:
        response.status_code = 503
        response.headers.setdefault("Retry-After", str(error.retry_after_s or _RETRY_AFTER_S))
    return response


def _for_machines_or(
    request: HttpRequest, error: DomainError, page: Callable[..., HttpResponseBase], *args: object
) -> HttpResponseBase:
    return problem(error, request) if request.path.startswith(MACHINE_PATHS) else page(request, *args)


def explain(request: HttpRequest, code: str) -> HttpResponse:
    """Show the page of one kind of problem: the `type` URI leads here."""
    kind = next((kind for kind in errors.every_error() if kind.code == code), None)
    if kind is None:
        raise Http404
    # Its parts, not the class: a template would call that.
    shown = {"title": kind.title, "code": kind.code, "status": kind.status, "text": (kind.__doc__ or "").strip()}
    return render_page(request, "hub/problem.html", shown)
