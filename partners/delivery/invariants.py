"""What must always hold of webhooks."""

from hub.invariants import STANDSTILL, by_rows

CHECKS = [
    by_rows(
        "I4",
        "each event that an endpoint asked for has its delivery",
        """
        SELECT e.id::text, d.id IS NULL
        FROM delivery_webhookendpoint w
        CROSS JOIN LATERAL (SELECT greatest(w.from_position, max(coalesce(c.position, 9e18::bigint))) AS position
          FROM hub_outboxevent c
          WHERE c.subject_id = w.id AND c.type IN ('webhook_endpoint.changed', 'webhook_endpoint.enabled')) since
        JOIN hub_outboxevent e ON e.institution_id = w.institution_id AND e.position > since.position
          AND e.position <= (SELECT position FROM delivery_feedcursor)
          AND e.subject_type NOT IN ('webhook_endpoint', 'delivery')
          AND (w.event_types = '[]' OR w.event_types ? e.type)
        LEFT JOIN delivery_delivery d ON d.endpoint_id = w.id AND d.event_id = e.id
        WHERE w.state = 'active'""",
    ),
    by_rows(
        "I4",
        "a delivery tells of its event: the same id in each attempt",
        """
        SELECT id::text, convert_from(body, 'UTF8')::jsonb ->> 'id' IS DISTINCT FROM event_id::text
        FROM delivery_delivery""",
    ),
    by_rows(
        "I4",
        "a delivery waits for its next attempt, or is visibly parked",
        f"""
        SELECT d.id::text, d.state = 'waiting' AND (w.state <> 'active' OR (d.due_at < clock_timestamp() - {STANDSTILL}
          AND coalesce(w.held_until, d.due_at) < clock_timestamp() - {STANDSTILL}
          AND coalesce(d.lease_until, d.due_at) < clock_timestamp() - {STANDSTILL}
          AND coalesce(tried.last, d.due_at) < clock_timestamp() - {STANDSTILL}))
        FROM delivery_delivery d JOIN delivery_webhookendpoint w ON w.id = d.endpoint_id
        LEFT JOIN (SELECT endpoint_id, max(attempted_at) AS last FROM delivery_delivery GROUP BY endpoint_id) tried
          ON tried.endpoint_id = w.id  -- a long backlog of a slow receiver is worked off one after the other
        WHERE d.state <> 'delivered'""",  # nosec
    ),
]
