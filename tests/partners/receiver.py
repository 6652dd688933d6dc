"""A bank's webhook receiver: a real HTTP server on the loopback that verifies what it is sent, and notes it."""

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from hub.clock import now as system_now
from partners.delivery.signing import SignatureRefused, verify


@dataclass(frozen=True)
class Received:
    """One request as it came in; `refusal` is empty where a signature verified."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    refusal: str
    at_s: float

    @property
    def id(self) -> str:
        """The webhook-id."""
        return self.headers.get("webhook-id", "")

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Receiver:
    """What a running receiver knows. `answers` are given in turn, then 204 for what verifies and 401 for the rest."""

    url: str = ""
    secrets: list[str] = field(default_factory=list)
    clock: Callable[[], datetime] = system_now
    answers: list[int | tuple[int, dict[str, str]]] = field(default_factory=list)
    requests: list[Received] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The bodies of the verified requests, each id once, in the order of their coming."""
        seen: dict[str, dict[str, Any]] = {}
        with self.lock:
            for request in self.requests:
                if not request.refusal:
                    seen.setdefault(request.id, request.json())
        return list(seen.values())

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str]]:
        """Verify and note a request; return the answer."""
        refusal = ""
        try:
            verify(secrets=self.secrets, headers=headers, body=body, now=self.clock())
        except SignatureRefused as error:
            refusal = str(error)
        with self.lock:
            self.requests.append(
                Received(
                    path, {name.lower(): value for name, value in headers.items()}, body, refusal, time.monotonic()
                )
            )  # fmt: skip
            answer = self.answers.pop(0) if self.answers else (401 if refusal else 204)
        return answer if isinstance(answer, tuple) else (answer, {})


@contextmanager
def receiving(*, tls: ssl.SSLContext | None = None, port: int = 0, **settings: Any) -> Iterator[Receiver]:
    """Run a receiver on a free port, or on this one, while the block lasts; with `tls` it speaks https."""
    receiver = Receiver(**settings)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, headers = receiver.take(self.path, dict(self.headers.items()), body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/hooks"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
