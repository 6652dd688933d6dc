"""Days past due: the age of the oldest due amount that payments, first in and first out, have not covered."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

BAD_FROM_DAYS = 90
_BUCKETS = ((0, "current"), (30, "dpd_1_30"), (60, "dpd_31_60"), (90, "dpd_61_90"))


def days_past_due(
    *,
    dues: Sequence[tuple[date, Decimal]],
    payments: Sequence[tuple[date, Decimal]],
    as_of: date,
    tolerance: Decimal = Decimal(0),
) -> int:
    """Return the days since the oldest due date that is not covered, 0 where none is; due today is not past due.

    Payments after `as_of` are not seen. A shortfall up to `tolerance` counts as covered.
    """
    missing = -sum((amount for day, amount in payments if day <= as_of), Decimal(0))
    for day, amount in sorted(dues):
        missing += amount
        if missing > tolerance and amount:
            return max(0, (as_of - day).days)
    return 0


def bucket(days: int) -> str:
    """Return the bucket of so many days past due. Day 90 is in 61-90, and is bad all the same: see `is_bad`."""
    if days < 0:
        raise ValueError("days past due are 0 or more")
    return next((name for until, name in _BUCKETS if days <= until), "dpd_90_plus")


def is_bad(days: int) -> bool:
    """Whether so many days past due make a loan bad: 90 or more."""
    return days >= BAD_FROM_DAYS
