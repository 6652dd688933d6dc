"""The only reader of the system clock. Everything else is given the time as `now=`."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return this moment, with its time zone (UTC)."""
    return datetime.now(UTC)
