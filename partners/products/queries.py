"""Reads of products, credit policies and budgets, in the open scope."""

from collections.abc import Collection, Iterable
from datetime import date
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from hub.errors import NotFound
from partners.products.models import Budget, BudgetEntry, CreditPolicy, Product


def products() -> QuerySet[Product]:
    """Return the products that the open scope sees."""
    return Product.objects.all()


def product_by_id(product_id: UUID) -> Product:
    """Return a product; `NotFound` where there is none, or the open scope may not see it."""
    found = Product.objects.filter(id=product_id).first()
    if found is None:
        raise NotFound("There is no such product.")
    return found


def locked_product(product_id: UUID) -> Product:
    """As above, locked until the transaction ends."""
    found = Product.objects.select_for_update(no_key=True).filter(id=product_id).first()
    if found is None:
        raise NotFound("There is no such product.")
    return found


def live_policy(product_id: UUID) -> CreditPolicy | None:
    """Return the version that decides."""
    return CreditPolicy.objects.filter(product_id=product_id, state="live").first()


def open_policy(product_id: UUID) -> CreditPolicy | None:
    """Return the version that is being written, or waits for approval."""
    return CreditPolicy.objects.filter(product_id=product_id, state__in=CreditPolicy.OPEN).first()


def newest_policy(product_id: UUID) -> CreditPolicy | None:
    """Return the version of the highest number."""
    return CreditPolicy.objects.filter(product_id=product_id).order_by("-version").first()


def newest_budgets(product_ids: Iterable[UUID], period: date) -> QuerySet[Budget]:
    """Return, for each product that has one, the budget of this month, or the last one before it."""
    rows = Budget.objects.filter(product_id__in=product_ids, period__lte=period)
    return rows.order_by("product_id", "-period").distinct("product_id")


def settlement_of(referral_id: UUID) -> str | None:
    """Return how a referral's reservation ended: release, use, or None."""
    rows = BudgetEntry.objects.filter(referral_id=referral_id).exclude(kind=BudgetEntry.RESERVE)
    return rows.values_list("kind", flat=True).first()


def live_rows(ids: Collection[UUID]) -> QuerySet[CreditPolicy]:
    """Return the live policies of these products, with product and institution."""
    rows = CreditPolicy.objects.filter(product_id__in=ids, state="live")
    return rows.select_related("product__institution")


def policy_rows(version_ids: Iterable[UUID]) -> QuerySet[CreditPolicy]:
    """Return these versions, whatever their state."""
    return CreditPolicy.objects.filter(id__in=version_ids).only("id", "rules")


_FAULTS = """
SELECT b.id FROM products_budget b LEFT JOIN (SELECT budget_id,
  coalesce(sum(amount) FILTER (WHERE kind = 'reserve'), 0) - coalesce(sum(amount) FILTER (WHERE kind <> 'reserve'), 0)
    AS held_amount, coalesce(sum(amount) FILTER (WHERE kind = 'use'), 0) AS used_amount,
  coalesce(sum(count) FILTER (WHERE kind = 'reserve'), 0) - coalesce(sum(count) FILTER (WHERE kind <> 'reserve'), 0)
    AS held_count, coalesce(sum(count) FILTER (WHERE kind = 'use'), 0) AS used_count,
  coalesce(sum(expected_loss) FILTER (WHERE kind = 'reserve'), 0)
    - coalesce(sum(expected_loss) FILTER (WHERE kind <> 'reserve'), 0) AS held_loss,
  coalesce(sum(expected_loss) FILTER (WHERE kind = 'use'), 0) AS used_loss
  FROM products_budgetentry GROUP BY budget_id) e ON e.budget_id = b.id
WHERE (b.reserved_amount, b.used_amount, b.reserved_count, b.used_count, b.reserved_expected_loss,
  b.used_expected_loss) <> (coalesce(e.held_amount, 0), coalesce(e.used_amount, 0), coalesce(e.held_count, 0),
  coalesce(e.used_count, 0), coalesce(e.held_loss, 0), coalesce(e.used_loss, 0))
  AND (%s::uuid IS NULL OR b.id = %s::uuid) ORDER BY b.id
"""


def budget_faults(*, budget_id: UUID | None = None) -> list[UUID]:
    """Return the budgets (or the one) whose figures are not the sum of their ledger (I1): none, unless by a fault."""
    with connection.cursor() as cursor:
        cursor.execute(_FAULTS, [budget_id, budget_id])
        return [row[0] for row in cursor.fetchall()]
