"""What others may use of `monitoring`: its numbers for the metrics page."""

from datetime import timedelta

from hub.clock import now
from hub.metrics import Gauge
from risk.monitoring import queries
from risk.monitoring.models import Figure
from risk.scoring import facade as scoring


def gauges() -> list[Gauge]:
    """Return the open alerts by metric, and how far the watch over some line in use is behind; platform scope."""
    counts = queries.alert_counts()
    alerts = [
        Gauge("model_alerts", "Figures of models beyond their limits.", counts.get(name, 0), {"metric": name})
        for name, _ in Figure.METRICS
    ]
    return [*alerts, Gauge("model_unwatched_days", "Nights that the line watched least is behind.", _days_behind())]


def _days_behind() -> int:
    """A line that was never watched counts from the day on which its champion was approved."""
    days = queries.last_days()
    last = [
        days.get(model.line_id) or (model.since.date() if model.since else None) for model in scoring.models_in_use()
    ]
    yesterday = now().date() - timedelta(days=1)
    return max([0, *((yesterday - day).days for day in last if day is not None)])
