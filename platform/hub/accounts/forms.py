"""The forms of the second factor: wrong codes are counted, and one code is good for one use."""

from allauth.core import context
from allauth.mfa import app_settings
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
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


class CodeForm(_Counted, AuthenticateForm):  # type: ignore[misc]  # allauth carries no types
    """The code asked for at sign-in."""


class ConfirmForm(_Counted, ReauthenticateForm):  # type: ignore[misc]  # allauth carries no types
    """The code asked for before something delicate."""
