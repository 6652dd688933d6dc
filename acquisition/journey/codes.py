"""One-time codes: sent within limits, checked within limits."""

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Sum
from django.utils.translation import gettext, override

from acquisition.journey import code_limits
from acquisition.journey.errors import CodesRefused, wrong
from acquisition.journey.gateway import gateway_for
from acquisition.journey.models import Application, OneTimeCode, phone_index, phone_indexes
from hub.crypto import lock_number

LIFE = timedelta(minutes=10)
PAUSE_S = 30
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DIGITS = 6
_LOCK = "SELECT pg_advisory_xact_lock(%s)"


def send(*, application: Application, phone: str, address: str, now: datetime) -> None:
    """Keep a new code and send it after the commit. `CodesRefused` over a limit, `Unavailable` if none can go.

    A sandbox sends nothing, and has the limits of the number alone; so has who asks from within ("" for the address).
    The caller undoes the transaction on a refusal, at least to a savepoint. What a crash between commit and sending
    loses, the borrower asks for again: the button stands on the page.
    """
    gateway = gateway_for(sandbox=application.sandbox_id is not None)
    _check_limits(phone_indexes(application.sandbox_id, phone), now)
    index = phone_index(application.sandbox_id, phone)
    if address and application.sandbox_id is None:
        code_limits.take(phone=phone, address=address, now=now)
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
    _wait_for_number(forms)
    rows = OneTimeCode.objects.filter(phone_index__in=forms, sent_at__gt=now - DAY)
    sent = list(rows.order_by("-sent_at").values_list("sent_at", flat=True))
    if sent and (left := _left(sent[0] + timedelta(seconds=PAUSE_S), now)) > 0:
        raise CodesRefused(CodesRefused.ON_ITS_WAY, "A code is on its way.", retry_after_s=left)
    for cap, period in ((settings.CODES_NUMBER_HOUR, HOUR), (settings.CODES_NUMBER_DAY, DAY)):
        if len(sent) >= cap and (left := _left(sent[cap - 1] + period, now)) > 0:
            raise CodesRefused(CodesRefused.NUMBER, "Too many codes for this number.", retry_after_s=left)
    if sent and _wrong_today(forms, now) >= settings.CODES_WRONG_DAY:
        left = _left(sent[-1] + DAY, now)
        raise CodesRefused(CodesRefused.GUESSES, "Too many wrong codes for this number.", retry_after_s=left)


def _wait_for_number(forms: tuple[bytes, ...]) -> None:
    with connection.cursor() as cursor:  # two requests for one number come one after the other
        cursor.execute(_LOCK, [lock_number(forms)])


def _wrong_today(forms: tuple[bytes, ...], now: datetime) -> int:
    rows = OneTimeCode.objects.filter(phone_index__in=forms, sent_at__gt=now - DAY)
    counted = rows.aggregate(all=Sum("attempts", default=0), right=Count("used_at"))
    return int(counted["all"]) - int(counted["right"])


def _left(until: datetime, now: datetime) -> int:
    return max(0, int((until - now).total_seconds()) + 1) if until > now else 0


def check(*, application: Application, phone: str, digits: str, now: datetime) -> None:
    """Use the newest code of an application and number up; `Invalid` where it is another one, spent or too old.

    A number has so many wrong guesses within a day, over all applications and codes; then none of its codes is good.
    The caller must not undo the transaction on the refusal: the attempt counts.
    """
    forms = phone_indexes(application.sandbox_id, phone)
    _wait_for_number(forms)
    if _wrong_today(forms, now) >= settings.CODES_WRONG_DAY:
        raise wrong("code", "too_many_guesses", "Too many wrong codes for this number: try again tomorrow.")
    newest = OneTimeCode.objects.filter(application=application, phone_index__in=forms).order_by("-sent_at").first()
    if newest is None or newest.used_at or newest.expires_at <= now or newest.attempts >= OneTimeCode.ATTEMPTS_MAX:
        raise wrong("code", "code_spent", "Ask for a new code.")
    if not newest.guess(digits, now=now):
        raise wrong("code", "wrong_code", "This is not the code that was sent last.")
