"""Reads of products, credit policies and budgets, in the open scope."""

from collections.abc import Collection, Iterable
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from hub.db import quick
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


_LIVE = """
WITH live AS (SELECT p.id, p.row_version, c.id AS version_id, i.name
  FROM products_product p JOIN institutions_institution i ON i.id = p.institution_id
  JOIN products_creditpolicy c ON c.product_id = p.id AND c.state = 'live'
  WHERE p.state = 'live' AND i.is_active AND p.product_class = %s AND p.currency = %s AND
    CASE WHEN %s::uuid IS NULL THEN i.live_id IS NULL ELSE p.institution_id = %s END),
mark AS (SELECT md5(string_agg(concat_ws('|', id, row_version, version_id, name), ',' ORDER BY id)) AS mark FROM live)
"""

_MARK = f"{_LIVE} SELECT mark FROM mark"
_KEYS = f"{_LIVE} SELECT live.*, mark FROM live, mark ORDER BY id"


def mark_of_live(product_class: str, currency: str, sandbox_id: UUID | None) -> str:
    """Return a digest of what is on offer in a world: it changes with anything of it. Empty where there is nothing."""
    [(mark,)] = quick.run(_MARK, (product_class, currency, sandbox_id, sandbox_id))
    return mark or ""


def keys_of_live(
    product_class: str, currency: str, sandbox_id: UUID | None
) -> tuple[str, list[tuple[UUID, int, UUID, str]]]:
    """Return that digest with what it was made of, by product: row version, policy version, institution's name."""
    with connection.cursor() as cursor:
        cursor.execute(_KEYS, [product_class, currency, sandbox_id, sandbox_id])
        rows = cursor.fetchall()
    return (rows[0][4] if rows else ""), [row[:4] for row in rows]


# An earlier month's row lends its caps only: nothing of this month is gone yet.
_LEFT = """
SELECT DISTINCT ON (product_id) product_id,
  cap_amount - CASE WHEN period = %s THEN reserved_amount + used_amount ELSE 0 END,
  cap_count - CASE WHEN period = %s THEN reserved_count + used_count ELSE 0 END,
  cap_expected_loss - CASE WHEN period = %s THEN reserved_expected_loss + used_expected_loss ELSE 0 END
FROM products_budget WHERE product_id = ANY(%s::uuid[]) AND period <= %s ORDER BY product_id, period DESC
"""


def left_of_budgets(product_ids: list[UUID], period: date) -> list[tuple[UUID, Decimal, int, Decimal]]:
    """Return what the newest budgets up to a month leave in it (amount, count, expected loss; null is no limit)."""
    ids = "{" + ",".join([one.hex for one in product_ids]) + "}"  # the driver takes ten times as long over an array
    return quick.run(_LEFT, (period, period, period, ids, period))


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
