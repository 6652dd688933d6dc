"""The middleware that opens the platform's scope around pages; the REST API opens its own scopes."""

from collections.abc import Callable

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from hub.tenancy import platform_scope

# Neither needs the scope: the API opens a tenant's, files and probes touch no table (or open their own).
WITHOUT_SCOPE = ("/api/", "/static/", "/livez", "/readyz", "/metrics")


class PlatformPagesMiddleware:
    """Give each page one transaction in the platform's scope; a 5xx answer rolls it back."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer inside the scope where the page may need it."""
        if request.path.startswith(WITHOUT_SCOPE):
            return self.get_response(request)
        if request.method == "POST":
            request.POST  # noqa: B018 - read the whole form before a transaction opens: a slow sender must not hold one
        with platform_scope():
            response = self.get_response(request)
            if response.status_code >= 500:
                transaction.set_rollback(True)
        return response
