"""A short way for the REST API: past the middleware that only pages need (files, sessions, forms, languages, CSP)."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from http.cookies import SimpleCookie
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.http import BadHeaderError, HttpRequest, HttpResponse
from django.http.response import ResponseHeaders
from django.urls import ResolverMatch, get_urlconf, resolve
from django.utils.log import log_response

from hub.db.base import wrapper

LANE = "/api/v1/"
# Answers of the API are never rendered; where a browser does it all the same, it may do nothing with them.
POLICY = "default-src 'none'; frame-ancestors 'none'"


class Application(WSGIHandler):
    """Django's own entry point, and for the API one without its signals, whose receivers have nothing to do there."""

    _middleware_chain: Callable[[HttpRequest], HttpResponse]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        """Return the parts of the body; afterwards the thread holds no connection to the database."""
        if not environ.get("PATH_INFO", "").startswith(LANE):
            return super().__call__(environ, start_response)
        request = self.request_class(environ)
        response = self._middleware_chain(request)
        if response.status_code >= 400:
            log_response("%s: %s", response.reason_phrase, request.path, response=response, request=request)
        start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
        if response.streaming:
            closing: Any = response
            closing._handler_class = type(self)
            closing._resource_closers.append(request.close)
            return response  # the server closes it when it is sent
        request.close()
        wrapper().close_if_unusable_or_obsolete()
        return (response.content,)


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


class WholeResponse(HttpResponse):
    """An answer whose body and headers are all known: they are checked together and not one by one."""

    def __init__(self, body: bytes, *, status: int, headers: Mapping[str, str]) -> None:
        text = "".join(headers.values())
        if not (text.isascii() and text.isprintable()):
            raise BadHeaderError("A header's value is ASCII without line breaks.")
        self.headers = _Headers({})
        self.headers._store = {name.lower(): (name, value) for name, value in headers.items()}
        self.status_code, self._reason_phrase, self._charset = status, None, None
        self.cookies, self._handler_class, self.closed = SimpleCookie(), None, False
        self._resource_closers: list[Any] = []
        self._container = [body]


class _Headers(ResponseHeaders):
    _store: dict[str, tuple[str, str]]

    def setdefault(self, key: str, value: Any) -> None:
        """Add one of the program's own where there is none of its name."""
        self._store.setdefault(key.lower(), (key, value))
