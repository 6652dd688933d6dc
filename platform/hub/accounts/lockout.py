"""What axes asks of us: under which name failures are counted, how many are too many, what is shown then."""

from collections.abc import Mapping
from typing import Any

from axes.attempts import get_cool_off_threshold
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import QuerySet, Sum
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


class Handler(AxesDatabaseHandler):  # type: ignore[misc]  # axes carries no types
    """Adds to the count by address and account together one for each of them: many who guess at one, one at many."""

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Return the failures that count; at least AXES_FAILURE_LIMIT where one of the wider limits is reached."""
        own = int(super().get_failures(request, credentials))
        if OWNER in (credentials or {}):
            return own
        recent = AccessAttempt.objects.filter(attempt_time__gte=get_cool_off_threshold(request))
        of_account = recent.filter(username=counted_name(request, credentials))
        of_address = recent.filter(ip_address=request.axes_ip_address)  # type: ignore[attr-defined]  # set by axes
        if _failures(of_account) >= settings.SIGN_IN_ACCOUNT_LIMIT:
            return max(own, settings.AXES_FAILURE_LIMIT)
        if _failures(of_address) >= settings.SIGN_IN_ADDRESS_LIMIT:
            return max(own, settings.AXES_FAILURE_LIMIT)
        return own


def _failures(rows: QuerySet[Any]) -> int:
    return int(rows.aggregate(all=Sum("failures_since_start", default=0))["all"])


def locked(
    request: HttpRequest, _response: HttpResponse | None, _credentials: Mapping[str, Any] | None
) -> HttpResponse:
    """Explain the lock-out: 429 with Retry-After."""
    hours: int = settings.AXES_COOLOFF_TIME
    context = {"limit": settings.AXES_FAILURE_LIMIT, "minutes": hours * 60}
    response = render(request, "account/locked.html", context, status=429)
    response["Retry-After"] = str(hours * 3600)
    return response
