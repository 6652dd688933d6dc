"""What beat sends, and when. Names only: the kernel imports no app.

The schedule lives in beat's memory: after a restart an interval begins anew, and a moment missed while beat was down
is not made up for. So every task here does whatever has become due since its last run, and running twice is harmless.
`expires` keeps tasks from piling up while no worker runs.
"""

from typing import Any

SCHEDULE: dict[str, dict[str, Any]] = {
    "relay the outbox": {"task": "hub.relay_outbox", "schedule": 1.0, "options": {"expires": 5}},
    "seal the audit": {"task": "hub.seal_audit", "schedule": 5.0, "options": {"expires": 10}},
    "deliver webhooks": {"task": "delivery.deliver", "schedule": 1.0, "options": {"expires": 5, "queue": "delivery"}},
    "take files of reports": {"task": "loans.apply_batches", "schedule": 2.0, "options": {"expires": 5}},
    "mature outcomes": {"task": "loans.mature_outcomes", "schedule": 30.0, "options": {"expires": 30}},
    "sweep books and trainings": {"task": "learning.sweep", "schedule": 10.0, "options": {"expires": 10}},
    "sweep files of people": {"task": "scoring.sweep_batches", "schedule": 10.0, "options": {"expires": 10}},
    "score beside the champions": {"task": "scoring.score_beside", "schedule": 60.0, "options": {"expires": 60}},
    "keep the dates of versions": {"task": "scoring.keep_dates", "schedule": 60.0, "options": {"expires": 60}},
    "sweep replays of policies": {"task": "referrals.sweep_replays", "schedule": 30.0, "options": {"expires": 30}},
    "expire referrals": {"task": "referrals.expire_due", "schedule": 60.0, "options": {"expires": 60}},
    "check the invariants": {"task": "hub.check_invariants", "schedule": 900.0, "options": {"expires": 600}},
    "watch the models": {"task": "monitoring.watch", "schedule": 1800.0, "options": {"expires": 600}},
    "watch who asks": {"task": "scoring.watch_queries", "schedule": 3600.0, "options": {"expires": 600}},
    "train again": {"task": "learning.retrain", "schedule": 3600.0, "options": {"expires": 600}},
    "tidy uploads": {"task": "learning.tidy_uploads", "schedule": 3600.0, "options": {"expires": 600}},
    "tidy files of people": {"task": "scoring.tidy_batches", "schedule": 3600.0, "options": {"expires": 600}},
    "forget old keys": {"task": "hub.forget_idempotency_keys", "schedule": 3600.0, "options": {"expires": 600}},
    "forget used proofs": {"task": "hub.forget_used_proofs", "schedule": 300.0, "options": {"expires": 300}},
    "forget expired tokens": {"task": "institutions.forget_expired", "schedule": 900.0, "options": {"expires": 600}},
    "forget counts of codes": {"task": "journey.forget_code_counts", "schedule": 3600.0, "options": {"expires": 600}},
}
