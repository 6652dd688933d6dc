"""Structured logs that redact, and the id, the log line and the measurements of each request."""

import logging
import logging.config
import sys
import time
from collections.abc import Callable, MutableMapping
from typing import Any

import msgspec
import structlog
from django.http import HttpRequest, HttpResponse

from hub import audit, metrics, redact
from hub.clock import now
from hub.ids import uuid7

Event = MutableMapping[str, Any]
HEADER = "X-Request-Id"
# On answers that say nothing else: files, refusals and the API are no pages.
LAST_RESORT = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",  # a page shows its reader's own; files say otherwise themselves
}
_OURS = ("timestamp", "level", "logger", "event", "exception", "request_id")
log = logging.getLogger("hub.request")


def configure_logging() -> None:
    """Send every logger of the process, ours and the libraries', through redaction to the standard error.

    One JSON object a line; readable lines where that is a terminal.
    """
    shared: list[Any] = [structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name, _add_request_id]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter: dict[str, Any] = {"()": _Formatter, "foreign_pre_chain": [*shared, _describe]}
    formatter["processors"] = [redacted, structlog.processors.TimeStamper(fmt="iso", utc=True), _renderer()]
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"probes": {"()": _NotOfProbes}, "due": {"()": _NotDue}},
            "formatters": {"one": formatter},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "one"}},
            "root": {"handlers": ["stderr"], "level": "INFO"},
            "loggers": {
                # The line of a request is ours; what Django adds to it says nothing more below an error.
                "django.request": {"level": "ERROR", "filters": ["probes"]},
                "django.server": {"level": "ERROR"},
                # What became of a task is told when it ends; that it was sent and received, twice a second, is noise.
                "celery.beat": {"filters": ["due"]},
                "celery.worker.strategy": {"level": "WARNING"},
            },
        }
    )


class RequestLine(msgspec.Struct, frozen=True):
    """What the line of a request tells. All of it is ours, so there is nothing to clean."""

    level: str
    logger: str
    event: str
    request_id: str
    method: str
    route: str
    status: int
    ms: float
    timestamp: str


class _Formatter(structlog.stdlib.ProcessorFormatter):
    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a request's goes past all processors, because every request waits for it."""
        if type(record.msg) is not RequestLine:
            return super().format(record)
        if sys.stderr.isatty():
            shown = msgspec.structs.asdict(record.msg)
            return "{timestamp} {method} {route} {status} in {ms} ms ({request_id})".format(**shown)
        return msgspec.json.encode(record.msg).decode()


class _NotOfProbes(logging.Filter):
    """Drops what Django says of a probe that answers 503: that is its work, and it is asked every few seconds."""

    def filter(self, record: logging.LogRecord) -> bool:
        path = getattr(getattr(record, "request", None), "path", "")
        return not (path in metrics.PROBES and getattr(record, "status_code", 500) == 503)


class _NotDue(logging.Filter):
    """Drops what beat says of each task that it sends."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Scheduler: Sending due task")


def _renderer() -> Any:
    if sys.stderr.isatty():
        return structlog.dev.ConsoleRenderer()
    return structlog.processors.JSONRenderer()


def _add_request_id(_logger: Any, _method: str, event: Event) -> Event:
    if number := audit.request_id.get():
        event["request_id"] = number
    return event


def _describe(_logger: Any, _method: str, event: Event) -> Event:
    record: logging.LogRecord = event["_record"]
    request = getattr(record, "request", None)
    if isinstance(request, HttpRequest) and event["event"].endswith(request.path):
        # Django ends these with the path, which may hold anything; the route holds nothing of the request.
        event["event"] = event["event"].removesuffix(request.path) + _route(request)
    elif record.name.startswith("celery."):
        _describe_task(record, event)
    return event


def _describe_task(record: logging.LogRecord, event: Event) -> None:
    # Celery writes results and the text of exceptions into its messages: told here is what became of which task.
    data = getattr(record, "data", None)
    if isinstance(data, dict):
        became = "will be tried again" if "exc" in data else "succeeded"
        event["event"] = f"task {data.get('description') or became}"
        event["task"], event["task_id"] = data.get("name"), data.get("id")
        if "runtime" in data:
            event["seconds"] = round(data["runtime"], 3)
    elif record.exc_info:
        event["event"] = event["event"].partition(": ")[0]


def redacted(_logger: Any, _method: str, event: Event) -> Event:
    """The processor through which every entry passes: exceptions by type and place, all else cleaned."""
    record = event.pop("_record", None)
    event.pop("_from_structlog", None)
    event.pop("stack_info", None)
    caught = event.pop("exc_info", None) or (record.exc_info if record is not None else None)
    own = {name: event.pop(name) for name in _OURS if name in event}
    if "event" in own:
        own["event"] = redact.text(str(own["event"]))
    cleaned: Event = {**own, **redact.mapping(event)}
    if (found := _exception(caught)) is not None:
        cleaned["exception"] = redact.error(found)
    return cleaned


def _exception(caught: Any) -> BaseException | None:
    if caught is True:
        return sys.exc_info()[1]
    if isinstance(caught, tuple):
        caught = caught[1]
    return caught if isinstance(caught, BaseException) else None


class RequestMiddleware:
    """Give each request an id of our own, answer it, log the request by its route, and measure it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer; what a client sends as X-Request-Id is not believed."""
        number = str(uuid7())
        token = audit.request_id.set(number)
        begun = time.perf_counter()
        try:
            response = self.get_response(request)
            response[HEADER] = number
            for name, value in LAST_RESORT.items():
                response.headers.setdefault(name, value)
            _note(request, number, response.status_code, time.perf_counter() - begun)
        finally:
            audit.request_id.reset(token)
        return response


def _note(request: HttpRequest, number: str, status: int, seconds: float) -> None:
    route = _route(request)
    method = request.method if request.method in metrics.METHODS else "other"
    metrics.note_request(route, method, status, seconds)
    if status >= 400 or route not in metrics.QUIET_ROUTES:
        moment, ms = now().isoformat().replace("+00:00", "Z"), round(seconds * 1000, 1)
        line = RequestLine("info", log.name, "request", number, method, route, status, ms, moment)
        log.handle(logging.LogRecord(log.name, logging.INFO, "", 0, line, None, None))


def _route(request: HttpRequest) -> str:
    if request.resolver_match:
        return f"/{request.resolver_match.route}"
    # Files are answered before a route is looked for.
    return metrics.STATIC if request.path.startswith(metrics.STATIC) else "unmatched"
