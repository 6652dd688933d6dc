"""How many one-time codes may go where, for text messages cost money and some numbers pay those who call for them.

Each number has limits of its own (`codes`). Here are the others: of the numbers beside it, of its country, of the
address that asks, and of the platform. Their hours and days are those of UTC; the counts hold under any concurrency.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from acquisition.journey.errors import CodesRefused
from acquisition.journey.models import CodeCount

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_LAST = 4  # digits: a block has ten thousand numbers, as operators and resellers get them
_COUNTRY = len("+852")


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `cap` codes for one `place` within each `period`."""

    scope: str
    place: str
    cap: int
    period: timedelta
    reason: str


def limits(phone: str, address: str) -> Iterator[Limit]:
    """Yield the limits of one code, in the order in which their rows are locked; the one of all codes comes last."""
    yield Limit("block", phone[:-_LAST], settings.CODES_BLOCK_DAY, DAY, CodesRefused.DESTINATION)
    if not phone.startswith(f"+{settings.CODES_HOME}"):
        yield Limit("abroad", phone[:_COUNTRY], settings.CODES_ABROAD_DAY, DAY, CodesRefused.DESTINATION)
    yield Limit("address_hour", address, settings.CODES_ADDRESS_HOUR, HOUR, CodesRefused.ADDRESS)
    yield Limit("address_day", address, settings.CODES_ADDRESS_DAY, DAY, CodesRefused.ADDRESS)
    yield Limit("platform", "", settings.CODES_DAY, DAY, CodesRefused.PLATFORM)


def take(*, phone: str, address: str, now: datetime) -> None:
    """Count a code to `phone` that `address` asked for. `CodesRefused` over a limit: what was counted is undone then.

    That is the caller's: the refusal must leave an atomic block.
    """
    for limit in limits(phone, address):
        starts_at = _start(now, limit.period)
        if not CodeCount.take(scope=limit.scope, place=limit.place, starts_at=starts_at, cap=limit.cap):
            left = int((starts_at + limit.period - now).total_seconds()) + 1
            raise CodesRefused(limit.reason, "Too many codes were sent.", retry_after_s=left)


def forget_old(*, now: datetime) -> None:
    """Delete the counts of days that are over. Safe to repeat."""
    CodeCount.forget_before(_start(now, DAY) - DAY)


def _start(now: datetime, period: timedelta) -> datetime:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if period == DAY else now.replace(minute=0, second=0, microsecond=0)
