"""How the data sources do: figures for the metrics page."""

from datetime import datetime, timedelta

from hub.db.quick import run
from hub.metrics import Gauge
from risk.features.facade import KINDS
from risk.scoring.source_flow import INQUIRY

RECENT = timedelta(minutes=15)
_RECENT = "SELECT kind, state, count(*) FROM scoring_inquiry WHERE asked_at > %s AND NOT sandbox GROUP BY kind, state"
_SLOW = """
SELECT kind, percentile_disc(0.95) WITHIN GROUP (ORDER BY took_ms) FROM scoring_inquiry
WHERE asked_at > %s AND NOT sandbox AND took_ms IS NOT NULL GROUP BY kind"""


def source_gauges(*, now: datetime) -> list[Gauge]:
    """Return what came of the live inquiries of the last 15 minutes, and how long they took. Platform scope."""
    since = now - RECENT
    counts = {(kind, state): count for kind, state, count in run(_RECENT, (since,))}
    slow = dict(run(_SLOW, (since,)))
    about = "Live inquiries at data sources within 15 minutes."
    return [
        *(
            Gauge("source_inquiries", about, counts.get((kind, state), 0), {"kind": kind, "outcome": state})
            for kind in KINDS
            for state in INQUIRY.states
        ),
        *(
            Gauge("source_seconds", "95th percentile of their duration.", slow.get(kind, 0) / 1000, {"kind": kind})
            for kind in KINDS
        ),
    ]
