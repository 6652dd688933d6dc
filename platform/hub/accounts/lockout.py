"""What axes asks of us: under which name failures are counted, and what a locked-out person gets to see."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from hub.accounts.second_factor import OWNER
from hub.crypto import blind_index


def counted_name(request: HttpRequest, credentials: Mapping[str, Any] | None) -> str:
    """Return the name under which failures are counted: a blind index, so that the table holds no address in clear."""
    known = credentials or {}
    if OWNER in known:
        return f"second factor of {known[OWNER]}"
    login = known.get("email") or known.get("login") or request.POST.get("login", "")
    return blind_index("sign-in", str(login)).hex()


def parameters(_request: HttpRequest, credentials: Mapping[str, Any] | None) -> list[str | list[str]]:
    """Count passwords by address and place, codes by person alone: who guesses codes has the password already."""
    return ["username"] if OWNER in (credentials or {}) else [["username", "ip_address"]]


def locked(
    request: HttpRequest, _response: HttpResponse | None, _credentials: Mapping[str, Any] | None
) -> HttpResponse:
    """Explain the lock-out: 429 with Retry-After."""
    hours: int = settings.AXES_COOLOFF_TIME
    context = {"limit": settings.AXES_FAILURE_LIMIT, "minutes": hours * 60}
    response = render(request, "account/locked.html", context, status=429)
    response["Retry-After"] = str(hours * 3600)
    return response
