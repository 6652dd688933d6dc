"""How allauth behaves here."""

import base64
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from hub import audit
from hub.accounts import second_factor
from hub.clock import now
from hub.key_columns import Sealed

_PLACE = "mfa_authenticator|data"
# allauth keeps what it has sealed as text inside JSON: the secret of a generator, the seed of recovery codes.
SEALED = tuple(
    Sealed(
        "mfa_authenticator", f"data->{name}", place=lambda _: _PLACE, value=f"decode(data->>'{name}', 'base64')",
        put=f"data = jsonb_set(data, '{{{name}}}', to_jsonb(replace(encode(%s, 'base64'), E'\\n', '')))",
    )
    for name in ("secret", "seed")
)  # fmt: skip


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth carries no types
    """Accounts are given out by the operator; nobody signs up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 - allauth's signature
        """Keep sign-up closed."""
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Staff go to the console, members to the start page."""
        return str(settings.LOGIN_REDIRECT_URL) if request.user.is_staff else "/"

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Ask for no second confirmation right after signing in: set-up and recovery codes come at once."""
        if app == "allauth.mfa" and second_factor.is_fresh(context.request):
            return False
        return bool(super().is_reauthentication_required(app=app, **kwargs))

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        """Write the sign-in into the audit rows."""
        audit.record(
            actor=audit.user_actor(user.pk), action="account.signed_in", subject_type="user", subject_id=user.pk,
            institution_id=user.institution_id, now=now(),
        )  # fmt: skip
        response: HttpResponse = super().post_login(request, user, **kwargs)
        return response


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth carries no types
    """Secrets of second factors are sealed under the master key, which lies outside the database."""

    def encrypt(self, text: str) -> str:
        """Seal a secret; the result is text."""
        return base64.b64encode(settings.SECRETS.master.seal(text.encode(), place=_PLACE)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Open a sealed secret."""
        sealed = base64.b64decode(encrypted_text)
        return settings.SECRETS.master.open(sealed, place=_PLACE).decode()

    def _get_site_name(self) -> str:
        return str(settings.MFA_TOTP_ISSUER)
