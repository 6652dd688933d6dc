"""What must always hold of budgets."""

from hub.invariants import by_rows

_SUMS = """
SELECT budget_id,
  sum(CASE kind WHEN 'reserve' THEN amount ELSE -amount END) AS reserved_amount,
  sum(CASE kind WHEN 'reserve' THEN count ELSE -count END) AS reserved_count,
  sum(CASE kind WHEN 'reserve' THEN expected_loss ELSE -expected_loss END) AS reserved_loss,
  sum(amount) FILTER (WHERE kind = 'use') AS used_amount, sum(count) FILTER (WHERE kind = 'use') AS used_count,
  sum(expected_loss) FILTER (WHERE kind = 'use') AS used_loss
FROM products_budgetentry GROUP BY budget_id"""

CHECKS = [
    by_rows(
        "I1",
        "what a budget has reserved and used is the sum of its ledger",
        f"""
        SELECT b.id::text, (b.reserved_amount, b.reserved_count, b.reserved_expected_loss,
          b.used_amount, b.used_count, b.used_expected_loss) IS DISTINCT FROM
          (coalesce(l.reserved_amount, 0), coalesce(l.reserved_count, 0)::int, coalesce(l.reserved_loss, 0),
          coalesce(l.used_amount, 0), coalesce(l.used_count, 0)::int, coalesce(l.used_loss, 0))
        FROM products_budget b LEFT JOIN ({_SUMS}) l ON l.budget_id = b.id""",  # nosec
    ),
    by_rows(
        "I1",
        "no budget is above a cap",
        """
        SELECT id::text, coalesce(reserved_amount + used_amount > cap_amount, false)
          OR coalesce(reserved_count + used_count > cap_count, false)
          OR coalesce(reserved_expected_loss + used_expected_loss > cap_expected_loss, false)
        FROM products_budget""",
    ),
]
