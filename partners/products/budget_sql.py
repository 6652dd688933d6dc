"""The statements of the budget's ledger: each moves figures and writes the ledger row at once, or does nothing."""

LOCK = "SELECT id FROM products_budget WHERE product_id = %s AND period = %s FOR NO KEY UPDATE"

LOCK_OF = """
SELECT id FROM products_budget
WHERE id = (SELECT budget_id FROM products_budgetentry WHERE referral_id = %s AND kind = 'reserve') FOR NO KEY UPDATE
"""

CARRY_OVER = """
INSERT INTO products_budget (id, institution_id, product_id, period, cap_amount, cap_count, cap_expected_loss,
  reserved_amount, reserved_count, reserved_expected_loss, used_amount, used_count, used_expected_loss,
  row_version, created_at)
SELECT %s::uuid, institution_id, product_id, %s::date, cap_amount, cap_count, cap_expected_loss,
  0, 0, 0, 0, 0, 0, row_version, %s::timestamptz
FROM products_budget WHERE product_id = %s AND period < %s ORDER BY period DESC LIMIT 1
ON CONFLICT (product_id, period) DO NOTHING
"""

# `past` is null where the referral has no entry yet; else whether it was released.
HOLD = """
WITH given AS (SELECT %s::uuid AS budget_id, %s::uuid AS entry_id, %s::uuid AS referral_id, %s::numeric AS amount,
  %s::numeric AS loss, %s::timestamptz AS at),
past AS (SELECT bool_or(e.kind = 'release') AS released FROM products_budgetentry e, given
  WHERE e.referral_id = given.referral_id),
moved AS (UPDATE products_budget b SET
  reserved_amount = b.reserved_amount + given.amount, reserved_count = b.reserved_count + 1,
  reserved_expected_loss = b.reserved_expected_loss + given.loss,
  low_at = CASE WHEN b.low_at IS NULL AND (b.reserved_amount + b.used_amount + given.amount > b.cap_amount * 0.9
    OR b.reserved_count + b.used_count + 1 > b.cap_count * 0.9
    OR b.reserved_expected_loss + b.used_expected_loss + given.loss > b.cap_expected_loss * 0.9)
    THEN given.at ELSE b.low_at END
  FROM given, past WHERE b.id = given.budget_id AND past.released IS NULL
  AND (b.cap_amount IS NULL OR b.reserved_amount + b.used_amount + given.amount <= b.cap_amount)
  AND (b.cap_count IS NULL OR b.reserved_count + b.used_count + 1 <= b.cap_count)
  AND (b.cap_expected_loss IS NULL OR b.reserved_expected_loss + b.used_expected_loss + given.loss
    <= b.cap_expected_loss)
  RETURNING b.id, b.institution_id, b.low_at = given.at AS became_low),
entered AS (INSERT INTO products_budgetentry (id, institution_id, budget_id, kind, amount, count, expected_loss,
  referral_id, at) SELECT given.entry_id, moved.institution_id, moved.id, 'reserve', given.amount, 1, given.loss,
  given.referral_id, given.at FROM moved, given)
SELECT moved.institution_id, coalesce(moved.became_low, false), past.released FROM past LEFT JOIN moved ON true
"""

SETTLE = """
WITH given AS (SELECT %s::uuid AS entry_id, %s::uuid AS referral_id, %s::text AS kind, %s::timestamptz AS at),
held AS (SELECT e.budget_id, e.amount, e.count, e.expected_loss FROM products_budgetentry e, given
  WHERE e.referral_id = given.referral_id AND e.kind = 'reserve' AND NOT EXISTS (SELECT FROM products_budgetentry s
    WHERE s.referral_id = given.referral_id AND s.kind <> 'reserve')),
moved AS (UPDATE products_budget b SET
  reserved_amount = b.reserved_amount - held.amount, reserved_count = b.reserved_count - held.count,
  reserved_expected_loss = b.reserved_expected_loss - held.expected_loss,
  used_amount = b.used_amount + CASE given.kind WHEN 'use' THEN held.amount ELSE 0 END,
  used_count = b.used_count + CASE given.kind WHEN 'use' THEN held.count ELSE 0 END,
  used_expected_loss = b.used_expected_loss + CASE given.kind WHEN 'use' THEN held.expected_loss ELSE 0 END
  FROM given, held WHERE b.id = held.budget_id
  RETURNING b.id, b.institution_id, b.product_id, held.amount, held.count, held.expected_loss)
INSERT INTO products_budgetentry (id, institution_id, budget_id, kind, amount, count, expected_loss, referral_id, at)
SELECT given.entry_id, moved.institution_id, moved.id, given.kind, moved.amount, moved.count, moved.expected_loss,
  given.referral_id, given.at FROM moved, given
RETURNING institution_id, budget_id, amount, expected_loss
"""
