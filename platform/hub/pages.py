"""The middleware that opens the platform's scope around pages; the REST API opens its own scopes."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from hub.metrics import PROBES
from hub.tenancy import platform_scope


def without_scope(path: str) -> bool:
    """Tell whether a path needs no scope: the API opens a tenant's, probes touch no table or open their own."""
    return path.startswith("/api/") or path in PROBES


class PlatformPagesMiddleware:
    """Give each page one transaction in the platform's scope; a 5xx answer rolls it back."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer inside the scope where the page may need it."""
        if without_scope(request.path):
            return self.get_response(request)
        if request.method == "POST":
            _refuse_large(request)
            request.POST  # noqa: B018 - read the whole form before a transaction opens: a slow sender must not hold one
        with platform_scope():
            response = self.get_response(request)
            if response.status_code >= 500:
                transaction.set_rollback(True)
        return response


def _refuse_large(request: HttpRequest) -> None:
    # The framework has a limit for fields, but would write files of any size to the disk for whoever sends them.
    takes_files = request.path.startswith(tuple(settings.PAGES_WITH_FILES))
    limit = settings.BOOK_BYTES_MAX if takes_files else 0
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if not declared.isdigit() or int(declared) > limit + settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise RequestDataTooBig
