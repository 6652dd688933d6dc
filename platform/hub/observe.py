"""Structured logs that redact, request ids, metrics."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


def configure_logging() -> None:
    """Set up structlog."""


class RequestMiddleware:
    """Give each request an id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        return self.get_response(request)
