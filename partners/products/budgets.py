"""Budgets: caps are set by institutions, reservations come and go with referrals."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar
from uuid import UUID

from django.db import transaction
from msgspec import Meta, Struct

from hub import outbox
from hub.audit import Actor, system_actor
from hub.described import given
from hub.errors import Conflict, FieldError, Invalid
from hub.events import BudgetLow, BudgetMoved, BudgetSet
from hub.money import DIGITS, parse_amount
from hub.versions import ANY, Match, etag
from partners.products import queries
from partners.products.budget_models import MEASURES
from partners.products.models import Budget, BudgetEntry
from partners.products.terms import DecimalText

COUNT_MAX = 1_000_000_000
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
    wanted = list(product_ids)
    found = {row[0]: BudgetLeft(*row[1:]) for row in queries.left_of_budgets(wanted, month_of(now))}
    return {product_id: found.get(product_id, NOTHING) for product_id in wanted}


def left_of(row: Budget, period: date) -> BudgetLeft:
    """Return what a row leaves in a month: its own, or a later one."""
    if row.period != period:  # an earlier month's row lends its caps only: nothing of this month is gone yet
        return BudgetLeft(row.cap_amount, row.cap_count, row.cap_expected_loss)
    amount, count, loss = row.cap_amount, row.cap_count, row.cap_expected_loss
    return BudgetLeft(
        None if amount is None else amount - row.reserved_amount - row.used_amount,
        None if count is None else count - row.reserved_count - row.used_count,
        None if loss is None else loss - row.reserved_expected_loss - row.used_expected_loss,
    )


class Caps(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The caps of a budget, in the product's currency; what is null or left out is not limited."""

    cap_amount: DecimalText | None = None
    cap_count: Annotated[int, Meta(ge=0, le=COUNT_MAX)] | None = None
    cap_expected_loss: DecimalText | None = None

    RULES: ClassVar[dict[str, Any]] = {"anyOf": [given(f"cap_{measure}") for measure in MEASURES]}


def budget_tag(budget: Budget | None) -> str:
    """Return the entity tag of a budget: of its caps, whatever comes and goes below them; "0" before the first."""
    return etag(budget.row_version if budget else 0)


@transaction.atomic
def set_budget(*, product_id: UUID, caps: Caps, match: Match = ANY, actor: Actor, now: datetime) -> Budget:
    """Set the caps of this month and, until they are set again, of those to come.

    `Invalid` for caps that will not do, `Conflict` for those below what is reserved and used already.
    """
    product = queries.locked_product(product_id)
    period = month_of(now)
    match.require(budget_tag(queries.newest_budgets([product_id], period).first()))
    values = _checked(caps, DIGITS[product.currency])
    Budget.carry_over(product_id=product_id, period=period, now=now)
    Budget.lock(product_id=product_id, period=period)
    budget = Budget.objects.filter(product_id=product_id, period=period).first()
    if budget is None:
        budget = Budget.open(
            product_id=product_id, institution_id=product.institution_id, period=period, caps=values, now=now
        )
    else:
        _refuse_below(budget, values)
        budget.set_caps(values)
    told = BudgetSet(
        product_id, product.institution_id, period=f"{period:%Y-%m}", cap_amount=caps.cap_amount,
        cap_count=caps.cap_count, cap_expected_loss=caps.cap_expected_loss,
    )  # fmt: skip
    outbox.publish(told, actor=actor, now=now)
    return budget


def _checked(caps: Caps, digits: int) -> dict[str, Any]:
    errors: list[FieldError] = []
    values: dict[str, Any] = {"cap_amount": None, "cap_count": caps.cap_count, "cap_expected_loss": None}
    for name in ("cap_amount", "cap_expected_loss"):
        try:
            text = getattr(caps, name)
            values[name] = None if text is None else parse_amount(text, digits=digits, pointer=f"/{name}")
        except Invalid as error:
            errors += error.errors
    if caps == Caps():
        errors.append(FieldError("/cap_amount", "missing", "Set at least one cap: amount, count or expected loss."))
    if errors:
        raise Invalid(errors)
    return values


def _refuse_below(budget: Budget, caps: dict[str, Any]) -> None:
    errors = []
    for measure in MEASURES:
        cap = caps[f"cap_{measure}"]
        gone = getattr(budget, f"reserved_{measure}") + getattr(budget, f"used_{measure}")
        if cap is not None and cap < gone:
            remedy = f"Let it be at least {gone}: that much is reserved and used this month."
            errors.append(FieldError(f"/cap_{measure}", "below_committed", remedy))
    if errors:
        raise Conflict("A cap is below what is reserved and used already.", errors=errors)


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
