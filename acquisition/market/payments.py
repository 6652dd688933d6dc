"""How simulated borrowers pay: month by month, drawn once for each loan. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

LATE_SHARE = 0.08
LATE_DAYS_MAX = 20
# Who defaults stops so early that 90 days are past due within the window of twelve months.
PAID_AT_MOST = 7


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that reached the lender."""

    on: date
    amount: Decimal


def draw_payments(
    *, dues: Sequence[tuple[date, Decimal]], defaults: bool, rng: np.random.Generator
) -> tuple[Payment, ...]:
    """Draw when the instalments of a loan are paid: all of them, sometimes days late, or the first few and no more."""
    paid = int(rng.integers(0, PAID_AT_MOST + 1)) if defaults else len(dues)
    late = rng.random(len(dues)) < LATE_SHARE
    days = rng.integers(1, LATE_DAYS_MAX + 1, len(dues))
    return tuple(
        Payment(due_on + timedelta(days=int(days[at]) if late[at] else 0), amount)
        for at, (due_on, amount) in enumerate(dues[:paid])
    )
