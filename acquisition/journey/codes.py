"""One-time codes: sent within limits, checked within limits."""

import secrets
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils.translation import gettext, override

from acquisition.journey.errors import wrong
from acquisition.journey.gateway import gateway_for
from acquisition.journey.models import Application, OneTimeCode, phone_index, phone_indexes
from hub.crypto import lock_number
from hub.errors import TooMany

LIFE = timedelta(minutes=10)
PAUSE_S = 30
HOUR = timedelta(hours=1)
PER_HOUR = 5
DIGITS = 6
_LOCK = "SELECT pg_advisory_xact_lock(%s)"


def send(*, application: Application, phone: str, now: datetime) -> None:
    """Keep a new code and send it after the commit. `TooMany` over the number's limits, `Unavailable` if none can go.

    What a crash between commit and sending loses, the borrower asks for again: the button stands on the page.
    """
    gateway = gateway_for(sandbox=application.sandbox_id is not None)
    _check_limits(phone_indexes(application.sandbox_id, phone), now)
    index = phone_index(application.sandbox_id, phone)
    digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    OneTimeCode.issue(application=application, index=index, digits=digits, now=now, expires_at=now + LIFE)
    text, application_id = _text(digits, application.language), application.id
    transaction.on_commit(
        lambda: gateway.send(application_id=application_id, phone=phone, digits=digits, text=text), robust=True
    )


def _text(digits: str, language: str) -> str:
    with override(language):
        return gettext("Your Luopan code is %(code)s. Give it to nobody: we never ask for it.") % {"code": digits}


def _check_limits(forms: tuple[bytes, ...], now: datetime) -> None:
    with connection.cursor() as cursor:  # two requests for one number come one after the other
        cursor.execute(_LOCK, [lock_number(forms)])
    sent = list(
        OneTimeCode.objects.filter(phone_index__in=forms, sent_at__gt=now - HOUR)
        .order_by("-sent_at")
        .values_list("sent_at", flat=True)
    )
    if len(sent) >= PER_HOUR:
        raise TooMany("Too many codes for this number.", retry_after_s=_left(sent[PER_HOUR - 1] + HOUR, now))
    if sent and (left := _left(sent[0] + timedelta(seconds=PAUSE_S), now)) > 0:
        raise TooMany("A code is on its way.", retry_after_s=left)


def _left(until: datetime, now: datetime) -> int:
    return max(0, int((until - now).total_seconds()) + 1) if until > now else 0


def check(*, application: Application, phone: str, digits: str, now: datetime) -> None:
    """Use the newest code of an application and number up; `Invalid` where it is another one, spent or too old.

    The caller must not undo the transaction on the refusal: the attempt counts.
    """
    forms = phone_indexes(application.sandbox_id, phone)
    newest = OneTimeCode.objects.filter(application=application, phone_index__in=forms).order_by("-sent_at").first()
    if newest is None or newest.used_at or newest.expires_at <= now or newest.attempts >= OneTimeCode.ATTEMPTS_MAX:
        raise wrong("code", "code_spent", "Ask for a new code.")
    if not newest.guess(digits, now=now):
        raise wrong("code", "wrong_code", "This is not the code that was sent last.")
