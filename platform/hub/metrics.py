"""What Prometheus reads: requests of this process, and the state of the queues in the database.

With several web processes each answers for the requests of its own; the queues are the same from everywhere.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily

from hub import sealing
from hub.clock import now
from hub.tenancy import platform_scope

disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has not typed this one
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PROBES = ("/livez", "/readyz", "/metrics")
STATIC = "/static/"
QUIET_ROUTES = (*PROBES, STATIC)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_LABELS = ["route", "method", "status"]
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_requests = Counter("luopan_requests", "HTTP requests answered.", _LABELS)
_seconds = Histogram(
    "luopan_request_seconds", "Time until the answer was ready.", ["route", "method"], buckets=_BUCKETS
)


@dataclass(frozen=True, slots=True)
class Gauge:
    """One number that an app reports: `name` without prefix, `help` a sentence, `labels` of few values."""

    name: str
    help: str
    value: float
    labels: dict[str, str] = field(default_factory=dict)


_OUTBOX = """
SELECT count(*), extract(epoch FROM %s - min(created_at))::float8 FROM hub_outboxevent WHERE position IS NULL"""
_INBOX = "SELECT state, count(*) FROM hub_inboxentry WHERE state <> 'done' GROUP BY state"
_QUEUES = "SELECT queue, count(*) FROM hub_brokermessage GROUP BY queue"
_INVARIANTS = "SELECT code, sum(wrong)::bigint FROM hub_invariantreport GROUP BY code"
_CHECKED = "SELECT extract(epoch FROM %s - min(checked_at))::float8 FROM hub_invariantreport"
_DEAD = "SELECT queue, count(*) FROM hub_brokerdead GROUP BY queue"


def note_request(route: str, method: str, status: int, seconds: float) -> None:
    """Count one answered request. `route` is the pattern, so the number of series is bounded."""
    count, duration = _series(route, method, status)
    count.inc()
    duration.observe(seconds)


@lru_cache(maxsize=1_000)
def _series(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    return _requests.labels(route, method, str(status)), _seconds.labels(route, method)


def text() -> bytes:
    """Return all metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Stored())
    return generate_latest(REGISTRY) + generate_latest(registry)


class _Stored:
    """Reads, when asked, what the database knows."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return one family per name."""
        families: dict[str, GaugeMetricFamily] = {}
        with platform_scope():
            for gauge in _gauges():
                names = sorted(gauge.labels)
                family = families.setdefault(
                    gauge.name, GaugeMetricFamily(f"luopan_{gauge.name}", gauge.help, labels=names)
                )
                family.add_metric([gauge.labels[name] for name in names], gauge.value)
        return families.values()


def _gauges() -> Iterator[Gauge]:
    (waiting, lag), *_ = _rows(_OUTBOX, now())
    yield Gauge("outbox_waiting", "Events without a position yet.", waiting)
    yield Gauge("outbox_lag_seconds", "Age of the oldest of them.", max(lag or 0.0, 0.0))
    states = dict(_rows(_INBOX))
    for state in ("waiting", "parked"):
        yield Gauge("inbox_entries", "Events to be handed to subscribers.", states.get(state, 0), {"state": state})
    for name, query in (("broker_messages", _QUEUES), ("broker_dead", _DEAD)):
        counts = dict(_rows(query))
        for queue in ("default", "delivery", "training"):
            yield Gauge(name, "Messages of the embedded broker.", counts.get(queue, 0), {"queue": queue})
    tail = sealing.tail(now=now())
    yield Gauge("audit_unsealed_rows", "Audit rows without a seal yet.", tail.rows)
    yield Gauge("audit_unsealed_seconds", "Age of the oldest of them.", tail.age_s)
    for code, wrong in _rows(_INVARIANTS):
        yield Gauge("invariant_wrong_rows", "Rows that break an invariant.", wrong, {"invariant": code})
    for (age,) in _rows(_CHECKED, now()):
        if age is not None:  # None before the first check
            yield Gauge("invariants_checked_seconds", "Time since the invariants were last checked.", max(age, 0.0))
    for source in settings.METRIC_SOURCES:
        read: Callable[[], Iterable[Gauge]] = import_string(source)
        yield from read()


def _rows(query: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values or None)
        return list(cursor.fetchall())
