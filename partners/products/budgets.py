"""Budgets: caps are set by institutions, reservations come and go with referrals."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from hub import outbox
from hub.audit import system_actor
from hub.errors import Conflict
from hub.events import BudgetLow, BudgetMoved
from partners.products import queries
from partners.products.models import Budget, BudgetEntry

ACTOR = system_actor("budget")
_PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class BudgetLeft:
    """What a budget still allows this month: cap less reserved less used. None is no limit."""

    amount: Decimal | None
    count: int | None
    expected_loss: Decimal | None


NOTHING = BudgetLeft(Decimal(0), 0, Decimal(0))


def month_of(now: datetime) -> date:
    """Return the first day of the month (UTC) that a moment lies in: the period of its budget."""
    return now.date().replace(day=1)


def budgets_left(product_ids: Iterable[UUID], *, now: datetime) -> Mapping[UUID, BudgetLeft]:
    """Return what is left this month for each of the products, by one statement; nothing where no budget was set."""
    period = month_of(now)
    wanted = list(product_ids)
    found = {row.product_id: _left(row, period) for row in queries.newest_budgets(wanted, period)}
    return {product_id: found.get(product_id, NOTHING) for product_id in wanted}


def _left(row: Budget, period: date) -> BudgetLeft:
    if row.period != period:  # an earlier month's row lends its caps only: nothing of this month is gone yet
        return BudgetLeft(row.cap_amount, row.cap_count, row.cap_expected_loss)
    amount, count, loss = row.cap_amount, row.cap_count, row.cap_expected_loss
    return BudgetLeft(
        None if amount is None else amount - row.reserved_amount - row.used_amount,
        None if count is None else count - row.reserved_count - row.used_count,
        None if loss is None else loss - row.reserved_expected_loss - row.used_expected_loss,
    )


@transaction.atomic
def reserve(*, product_id: UUID, referral_id: UUID, amount: Decimal, expected_loss: Decimal, now: datetime) -> bool:
    """Take a part of this month's budget for a referral; False where some cap leaves no room, or none was set.

    A repeat for the same referral answers True and moves nothing; False once it was released.
    """
    period = month_of(now)
    budget_id = Budget.lock(product_id=product_id, period=period)
    if budget_id is None:
        Budget.carry_over(product_id=product_id, period=period, now=now)
        budget_id = Budget.lock(product_id=product_id, period=period)
    if budget_id is None:
        return False
    loss = expected_loss.quantize(_PLACES)
    held = Budget.hold(budget_id=budget_id, referral_id=referral_id, amount=amount, expected_loss=loss, now=now)
    if held.institution_id is None:
        return held.released is False
    _tell(budget_id, held.institution_id, referral_id, BudgetEntry.RESERVE, amount, loss, now)
    if held.became_low:
        low = BudgetLow(product_id, held.institution_id, period=f"{period:%Y-%m}")
        outbox.publish(low, actor=ACTOR, now=now)
    return True


@transaction.atomic
def release(*, referral_id: UUID, now: datetime) -> None:
    """Give back what a referral had reserved. Safe to repeat; `Conflict` where it is used."""
    _settle(referral_id, BudgetEntry.RELEASE, now)


@transaction.atomic
def use(*, referral_id: UUID, now: datetime) -> None:
    """Count what a referral had reserved as lent. Safe to repeat; `Conflict` where nothing was, or it was released."""
    _settle(referral_id, BudgetEntry.USE, now)


def _settle(referral_id: UUID, kind: str, now: datetime) -> None:
    budget_id = Budget.lock_of(referral_id=referral_id)
    settled = Budget.settle(referral_id=referral_id, kind=kind, now=now) if budget_id else None
    if settled is not None:
        _tell(
            settled.budget_id, settled.institution_id, referral_id, kind, settled.amount, settled.expected_loss, now
        )  # fmt: skip
        return
    before = queries.settlement_of(referral_id)
    if kind == BudgetEntry.USE and before != kind:
        raise Conflict("The referral holds no part of the budget any more, so nothing of it can be lent.")
    if kind == BudgetEntry.RELEASE and before == BudgetEntry.USE:
        raise Conflict("What the referral had reserved is lent already.")


def _tell(
    budget_id: UUID, institution_id: UUID, referral_id: UUID, kind: str, amount: Decimal, loss: Decimal, now: datetime
) -> None:
    moved = BudgetMoved(
        budget_id, institution_id, referral_id=referral_id, kind=kind, amount=str(amount), expected_loss=str(loss)
    )
    outbox.publish(moved, actor=ACTOR, now=now)
