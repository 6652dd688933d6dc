"""Which due deliveries are sent next, as one statement. Fair in three ways.

Every endpoint is given its first place before any its second. What is on its way to one endpoint at once is limited
over all workers, and to one for an endpoint whose receiver is slow. Slow endpoints have places of their own, so however
many they are, they take none from the others.
"""

# One claim at a time: two at once would each see none of what the other one takes.
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(0x6c756f7004)"

# A window over an index, read no further than its LIMIT: the length of a backlog does not matter. Arrays and not joins,
# as the planner takes the rows for more than they are and would read all that wait.
CLAIM = """
WITH busy AS (
  SELECT endpoint_id, count(*) AS places FROM delivery_delivery
  WHERE lease_token IS NOT NULL AND lease_until > %(now)s GROUP BY endpoint_id),
ready AS (
  SELECT e.id, e.slow, coalesce(b.places, 0) AS taken,
         CASE WHEN e.slow THEN 1 ELSE %(each)s END - coalesce(b.places, 0) AS free
  FROM delivery_webhookendpoint e LEFT JOIN busy b ON b.endpoint_id = e.id
  WHERE e.state = 'active' AND (e.held_until IS NULL OR e.held_until <= %(now)s)),
due AS (
  SELECT next.id, next.due_at, r.slow, next.turn + r.taken AS turn FROM ready r CROSS JOIN LATERAL (
    SELECT d.id, d.due_at, row_number() OVER (ORDER BY d.due_at, d.id) AS turn FROM delivery_delivery d
    WHERE d.endpoint_id = r.id AND d.state = 'waiting' AND d.due_at <= %(now)s
      AND (d.lease_until IS NULL OR d.lease_until <= %(now)s)
    ORDER BY d.due_at, d.id LIMIT %(each)s) next
  WHERE next.turn <= r.free),
placed AS (SELECT id, slow, row_number() OVER (PARTITION BY slow ORDER BY turn, due_at, id) AS place FROM due),
picked AS (
  SELECT d.id FROM delivery_delivery d WHERE d.state = 'waiting' AND d.id = ANY(ARRAY(
    SELECT p.id FROM placed p WHERE p.place <= CASE WHEN p.slow THEN %(slow)s ELSE %(quick)s END))
  FOR UPDATE OF d SKIP LOCKED)
UPDATE delivery_delivery d
SET attempts = d.attempts + 1, attempted_at = %(now)s, lease_token = %(token)s, lease_until = %(until)s
WHERE d.id = ANY(ARRAY(SELECT id FROM picked))
"""

DELIVERED = """
UPDATE delivery_delivery d
SET state = 'delivered', last_status = done.status, last_fault = '', lease_token = NULL, lease_until = NULL
FROM unnest(%s::uuid[], %s::uuid[], %s::int[]) AS done (id, token, status)
WHERE d.id = done.id AND d.lease_token = done.token AND d.state = 'waiting'
"""
