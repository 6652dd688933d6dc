"""A short way for the REST API: past the middleware that only pages need (files, sessions, forms, languages, CSP)."""

from collections.abc import Callable
from functools import lru_cache

from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch, get_urlconf, resolve

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
        match = request.resolver_match = _resolve(request.path_info, get_urlconf())
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        if hasattr(response, "render"):
            response = response.render()
        if not response.streaming:
            response.headers.setdefault("Content-Length", str(len(response.content)))
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("X-Frame-Options", "DENY")
        return response


@lru_cache(maxsize=1_000)
def _resolve(path: str, urlconf: str | None) -> ResolverMatch:
    """Return the view of a path; the same few come again and again."""
    return resolve(path, urlconf)
