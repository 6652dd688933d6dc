"""What is known of a person's second factor, whether this session passed it, and the count of wrong codes."""

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from axes.handlers.proxy import AxesProxyHandler
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from hub.clock import now

OWNER = "second_factor_of"  # the key of axes' credentials under which wrong codes are counted
FRESH_S = 300
_KINDS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def is_set(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whether the person has an authenticator app or a passkey; recovery codes alone are none."""
    return bool(Authenticator.objects.filter(user_id=user.pk, type__in=_KINDS).exists())


def was_passed(request: HttpRequest) -> bool:
    """Whether this very session showed a second factor, or set the first one up."""
    return any(record.get("method") == "mfa" for record in get_authentication_records(request, request.user))


def is_fresh(request: HttpRequest) -> bool:
    """Whether the person showed within five minutes the most they have: the second factor, or else the password."""
    method = "mfa" if is_set(request.user) else "password"
    records = get_authentication_records(request, request.user)
    moments = [record["at"] for record in records if record.get("method") == method]
    return bool(moments) and now().timestamp() - max(moments) < FRESH_S


def mark_passed(request: HttpRequest, kind: str) -> None:
    """Note in the session that its person has just proved this factor by setting it up."""
    record_authentication(request, request.user, "mfa", type=kind)


def is_locked(request: HttpRequest, user: AbstractBaseUser) -> bool:
    """Whether too many wrong codes came for this person, from wherever; the answer is then the lock-out page."""
    if AxesProxyHandler.is_allowed(request, {OWNER: str(user.pk)}):
        return False
    request.axes_locked_out = True  # type: ignore[attr-defined]  # axes' middleware reads it
    return True


def count_failure(request: HttpRequest, user: AbstractBaseUser) -> None:
    """Count a wrong code; at the limit the answer becomes the lock-out page."""
    AxesProxyHandler.user_login_failed(sender="second_factor", credentials={OWNER: str(user.pk)}, request=request)
