"""The forms of the second factor: wrong codes are counted, and one code is good for one use."""

from typing import Any

from allauth.core import context
from allauth.mfa import app_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from allauth.mfa.webauthn.internal import auth as webauthn
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from hub.accounts import second_factor
from hub.clock import now


class _Counted:
    """Goes before allauth's form."""

    def clean_code(self) -> str:
        """Return the code; a wrong, spent or too late one is counted and refused."""
        user = self.user  # type: ignore[attr-defined]  # allauth's form has it
        if second_factor.is_locked(context.request, user):
            raise ValidationError("locked", code="locked")
        try:
            return self._unspent(user)
        except ValidationError:
            second_factor.count_failure(context.request, user)
            raise

    def _unspent(self, user: object) -> str:
        # allauth remembers spent codes in the memory of one process; the row lock makes it hold for all of them.
        app = Authenticator.objects.select_for_update().filter(user=user, type=Authenticator.Type.TOTP).first()
        code: str = super().clean_code()  # type: ignore[misc]  # allauth's form has it
        if self.authenticator == app and app.last_used_at and _period(app.last_used_at.timestamp()) == _period():  # type: ignore[attr-defined]
            raise ValidationError(_("This code was used already: wait for the next one."), code="spent")
        return code


def _period(moment: float | None = None) -> int:
    """Return the number of the TOTP period of a moment (RFC 6238), of this one by default."""
    return int(now().timestamp() if moment is None else moment) // int(app_settings.TOTP_PERIOD)


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]  # allauth carries no types
    """A new passkey: what is none in any way is a wrong one (allauth lets some ways be a fault of ours)."""

    def clean_credential(self) -> Any:
        """Return the browser's answer if it can be read."""
        try:
            webauthn.parse_registration_response(self.cleaned_data["credential"])
        except (ValueError, LookupError, AttributeError) as error:
            raise get_adapter().validation_error("incorrect_code") from error
        return self.cleaned_data["credential"]


class CodeForm(_Counted, AuthenticateForm):  # type: ignore[misc]  # allauth carries no types
    """The code asked for at sign-in."""


class ConfirmForm(_Counted, ReauthenticateForm):  # type: ignore[misc]  # allauth carries no types
    """The code asked for before something delicate."""
