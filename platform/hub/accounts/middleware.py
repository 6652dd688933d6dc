"""Staff and members need a second factor."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from hub.accounts import second_factor
from hub.pages import without_scope

_ALWAYS = {"account_login", "account_logout", "account_reauthenticate", "set_language"}
_SET_UP = _ALWAYS | {"mfa_activate_totp", "mfa_add_webauthn"}
_PROVE = _ALWAYS | {"mfa_reauthenticate", "mfa_reauthenticate_webauthn"}


class SecondFactorMiddleware:
    """Let nobody who signed in see a page before this session has shown a second factor."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer; `process_view` has the say."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, _view: object, _args: object, _kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Send a person without a second factor to set one up, one who did not show it to show it."""
        if without_scope(request.path) or not request.user.is_authenticated:
            return None
        name = request.resolver_match.url_name if request.resolver_match else None
        if not second_factor.is_set(request.user):
            return None if name in _SET_UP else redirect("mfa_activate_totp")
        if name in _PROVE or second_factor.was_passed(request):
            return None
        return redirect(f"{reverse('mfa_reauthenticate')}?{urlencode({'next': request.get_full_path()})}")
