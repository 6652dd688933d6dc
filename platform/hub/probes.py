"""`/livez`, `/readyz` and `/metrics`."""

import hmac
from collections.abc import Callable
from functools import lru_cache

import structlog
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from hub import metrics
from hub.db.base import refuse_unsafe_role
from hub.tenancy import platform_scope

OK = "ok"
log = structlog.get_logger(__name__)
Check = Callable[[], tuple[bool, str]]


@csrf_exempt  # another method is refused as such, not as a form without its token
@never_cache
@require_safe
def livez(_request: HttpRequest) -> HttpResponse:
    """Answer 200: the process lives and serves."""
    return JsonResponse({"status": OK})


@csrf_exempt
@never_cache
@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """Answer 200 with every part "ok", or 503 with the fault of each part that is not."""
    parts = readiness()
    ready = all(state == OK for state in parts.values())
    return JsonResponse({"status": OK if ready else "not ready", "parts": parts}, status=200 if ready else 503)


@csrf_exempt
@never_cache
@require_safe
def metrics_page(request: HttpRequest) -> HttpResponse:
    """Answer Prometheus' text to the machine itself, or to who has LUOPAN_METRICS_TOKEN; 403 to anybody else."""
    if not may_read_metrics(request):
        return HttpResponse("The metrics need a bearer token.\n", status=403, content_type="text/plain")
    return HttpResponse(metrics.text(), content_type=metrics.CONTENT_TYPE)


def may_read_metrics(request: HttpRequest) -> bool:
    """Tell whether the request has the token, or comes from this machine and through no proxy."""
    given = request.headers.get("Authorization", "")
    if settings.METRICS_TOKEN and hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode()):
        return True
    forwarded = any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "X-Real-Ip"))
    return not settings.PRODUCTION and not forwarded and request.META.get("REMOTE_ADDR") in ("127.0.0.1", "::1")


def readiness() -> dict[str, str]:
    """Return "ok" or a sentence for the database, its role, its migrations, and each of READINESS_CHECKS.

    Such a check is a function without arguments that returns whether all is well, and a sentence about it. It runs in
    the platform's scope; the first word of its name is the name of the part.
    """
    checks: dict[str, Check] = {"database": _database, "role": _role, "migrations": _migrations}
    for path in settings.READINESS_CHECKS:
        checks[path.rpartition(".")[2].partition("_")[0]] = import_string(path)
    parts: dict[str, str] = {}
    for name, check in checks.items():
        parts[name] = _run(check) if parts.get("database", OK) == OK else "not asked: the database is away"
    return parts


def _run(check: Check) -> str:
    try:
        with platform_scope():
            well, sentence = check()
            return OK if well else sentence
    except Exception as error:  # whatever it is, the answer is that this process cannot serve yet
        log.warning("not_ready", part=check.__name__, exc_info=error)
        return f"fails with {type(error).__name__}"


def _database() -> tuple[bool, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True, ""


def _role() -> tuple[bool, str]:
    refuse_unsafe_role(connection.connection)
    return True, ""


def _migrations() -> tuple[bool, str]:
    missing = missing_migrations()
    return not missing, f"{len(missing)} are not applied"


def missing_migrations() -> list[tuple[str, str]]:
    """Return the migrations of the code that the database has not seen, as (app, name)."""
    with platform_scope(), connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('django_migrations') IS NOT NULL")
        applied: set[tuple[str, str]] = set()
        if cursor.fetchone()[0]:
            cursor.execute("SELECT app, name FROM django_migrations")
            applied = {(app, name) for app, name in cursor.fetchall()}
    return sorted(_known_migrations() - applied)


@lru_cache(maxsize=1)
def _known_migrations() -> frozenset[tuple[str, str]]:
    loader = MigrationLoader(None)
    return frozenset((app, name) for app, name in loader.disk_migrations)
