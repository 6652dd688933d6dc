"""When a failed delivery is tried again. Pure."""

import hashlib
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

_MINUTE, _HOUR = 60, 3600
DELAYS_S = (5, 5 * _MINUTE, 30 * _MINUTE, *(hours * _HOUR for hours in (2, 5, 10, 14, 20, 24)))
ATTEMPTS_MAX = 1 + len(DELAYS_S)
JITTER = 0.1  # at most this share of a delay is added to it
RETRY_AFTER_MAX_S = 24 * _HOUR
THROTTLE_S = 60
THROTTLING = frozenset((429, 502, 504))
FAILING = timedelta(days=5)  # longer than all attempts of one delivery
FAILED_ATTEMPTS = 4  # half an hour's: one bad minute after a long silence is not the end


def next_attempt(*, delivery_id: UUID, attempts: int, retry_after: timedelta | None, now: datetime) -> datetime | None:
    """Return when to try again after so many failed attempts, None after the last one.

    The receiver's Retry-After can only put it off. The jitter comes from the delivery's id, so that it is the same at
    each computation and different for each delivery.
    """
    if attempts >= ATTEMPTS_MAX:
        return None
    delay = timedelta(seconds=DELAYS_S[attempts - 1] * (1 + JITTER * _fraction(delivery_id, attempts)))
    return now + max(delay, retry_after or delay)


def pause(status: int | None, retry_after: timedelta | None) -> timedelta | None:
    """Return for how long the whole endpoint is left alone after an answer, None where it need not be."""
    if retry_after is not None:
        return retry_after
    return timedelta(seconds=THROTTLE_S) if status in THROTTLING else None


def given_up(*, failing_since: datetime, attempts: int, now: datetime) -> bool:
    """Tell whether an endpoint is disabled that has taken nothing since then: this delivery failed so many times."""
    return now - failing_since >= FAILING and attempts >= FAILED_ATTEMPTS


def read_retry_after(header: str, *, now: datetime) -> timedelta | None:
    """Read Retry-After (RFC 9110 section 10.2.3: seconds or a date), cut at a day; None where it says nothing."""
    header = header.strip()
    if header.isascii() and header.isdigit():
        return timedelta(seconds=min(int(header[:9]), RETRY_AFTER_MAX_S))
    try:
        at = parsedate_to_datetime(header)
    except (ValueError, OverflowError):  # the latter for numbers that no calendar holds
        return None
    if at.tzinfo is None or at <= now:
        return None
    return min(at - now, timedelta(seconds=RETRY_AFTER_MAX_S))


def _fraction(delivery_id: UUID, attempts: int) -> float:
    digest = hashlib.sha256(delivery_id.bytes + attempts.to_bytes(2)).digest()
    return int.from_bytes(digest[:4]) / 2**32
