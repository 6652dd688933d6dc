"""allauth's views where we add a line: what a person changes of the own sign-in goes into the audit rows."""

from typing import Any, ClassVar

from allauth.account import views as account
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.http import HttpRequest, HttpResponse

from hub import audit
from hub.accounts import second_factor
from hub.clock import now


class _Noted:
    """Goes before allauth's view; its `form_valid` is followed by an audit row."""

    request: HttpRequest
    action: ClassVar[str]
    proves: ClassVar[str] = ""

    def form_valid(self, form: Any) -> HttpResponse:
        """Do what allauth does and write it down; who sets a factor up has shown it."""
        response: HttpResponse = super().form_valid(form)  # type: ignore[misc]  # allauth's view has it
        user: Any = self.request.user
        audit.record(
            actor=audit.user_actor(user.pk), action=self.action, subject_type="user", subject_id=user.pk,
            institution_id=user.institution_id, now=now(),
        )  # fmt: skip
        if self.proves:
            second_factor.mark_passed(self.request, self.proves)
        return response


class ActivateApp(_Noted, totp.ActivateTOTPView):  # type: ignore[misc]  # allauth carries no types
    """Set an authenticator app up."""

    action = "account.app_set_up"
    proves = "totp"


class DeactivateApp(_Noted, totp.DeactivateTOTPView):  # type: ignore[misc]  # allauth carries no types
    """Remove the authenticator app."""

    action = "account.app_removed"


class AddPasskey(_Noted, webauthn.AddWebAuthnView):  # type: ignore[misc]  # allauth carries no types
    """Add a passkey."""

    action = "account.passkey_added"
    proves = "webauthn"


class RemovePasskey(_Noted, webauthn.RemoveWebAuthnView):  # type: ignore[misc]  # allauth carries no types
    """Remove a passkey."""

    action = "account.passkey_removed"


class GenerateCodes(_Noted, recovery_codes.GenerateRecoveryCodesView):  # type: ignore[misc]  # no types
    """Make new recovery codes; the old ones are void."""

    action = "account.recovery_codes_made"


class ChangePassword(_Noted, account.PasswordChangeView):  # type: ignore[misc]  # allauth carries no types
    """Change the own password."""

    action = "account.password_changed"
