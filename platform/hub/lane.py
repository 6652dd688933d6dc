"""A short way for the REST API: past the middleware that only pages need (files, sessions, forms, languages, CSP)."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import resolve

LANE = "/api/v1/"
# Answers of the API are never rendered; where a browser does it all the same, it may do nothing with them.
POLICY = "default-src 'none'; frame-ancestors 'none'"


class ApiLaneMiddleware:
    """Call the API's view directly; unknown paths and errors go the way of all others."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        if not request.path_info.startswith(LANE):
            return self.get_response(request)
        request.get_host()  # refuses a name that is none of ours
        match = request.resolver_match = resolve(request.path_info)
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        if hasattr(response, "render"):
            response = response.render()
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("X-Frame-Options", "DENY")
        return response
