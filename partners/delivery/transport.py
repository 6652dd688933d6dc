"""One webhook over HTTP: a connection to a checked address, one POST, no redirects, ten seconds for all of it."""

import io
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any, Protocol, cast

from partners.delivery.targets import Resolver, Rules, Target, UrlRefused, addresses, read_url, system_addresses

DEADLINE_S = 10.0
CONNECT_S = 4.0  # for one address, so that the next one gets its turn
ANSWER_MAX = 64 * 1024  # bytes read of an answer, headers included


@dataclass(frozen=True, slots=True, repr=False)
class Outgoing:
    """A message on its way: where to, under which rules, the signed headers and the body's very bytes."""

    url: str
    rules: Rules
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it: a status, or where there is none the kind of fault."""

    status: int | None
    fault: str = ""
    retry_after: str = ""

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


class Transport(Protocol):
    """Whatever can send a message. Raises nothing: each failure is an answer."""

    def __call__(self, outgoing: Outgoing, /) -> Answer:
        """Send it and return what came of it."""


@dataclass(frozen=True, slots=True)
class HttpTransport:
    """Sends for real. The fields are there for those with a resolver or certificates of their own."""

    deadline_s: float = DEADLINE_S
    resolve: Resolver = system_addresses
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def __call__(self, outgoing: Outgoing, /) -> Answer:
        """Send it and return what came of it, at the latest when the deadline has passed."""
        deadline = time.monotonic() + self.deadline_s
        try:
            target = read_url(outgoing.url, outgoing.rules)
            found = addresses(target, outgoing.rules, self.resolve)
            with _connect(target, found, self.tls, deadline) as line:
                line.settimeout(_left(deadline))
                line.sendall(_request(target, outgoing))
                return _read(line, deadline)
        except UrlRefused:
            return Answer(None, "address_refused")
        except TimeoutError:
            return Answer(None, "timeout")
        except (socket.gaierror, UnicodeError):
            return Answer(None, "name_not_found")
        except ssl.SSLError:
            return Answer(None, "tls_failed")
        except OSError:
            return Answer(None, "connection_failed")
        except (HTTPException, ValueError):
            return Answer(None, "answer_unreadable")


def _connect(target: Target, found: list[str], tls: ssl.SSLContext, deadline: float) -> socket.socket:
    last: OSError = OSError("no address")
    for address in found:
        try:
            plain = socket.create_connection((address, target.port), timeout=min(_left(deadline), CONNECT_S))
        except OSError as error:
            last = error
            continue
        return _secured(plain, target, tls, deadline) if target.secure else plain
    raise last


def _secured(plain: socket.socket, target: Target, tls: ssl.SSLContext, deadline: float) -> socket.socket:
    plain.settimeout(_left(deadline))  # the handshake as a whole keeps to it
    try:
        return tls.wrap_socket(plain, server_hostname=target.name)
    except BaseException:
        plain.close()
        raise


def _request(target: Target, outgoing: Outgoing) -> bytes:
    lines = {
        "Host": target.authority, "User-Agent": "Luopan-Webhooks/1", "Accept": "*/*",
        "Content-Type": "application/json", "Content-Length": str(len(outgoing.body)), "Connection": "close",
        **outgoing.headers,
    }  # fmt: skip
    head = [f"POST {target.path} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items()), "", ""]
    return "\r\n".join(head).encode("ascii") + outgoing.body


def _read(line: socket.socket, deadline: float) -> Answer:
    # HTTPResponse asks of a socket no more than makefile.
    response = HTTPResponse(cast(socket.socket, _Incoming(line, deadline)), method="POST")
    try:
        response.begin()
        with suppress(IncompleteRead, ConnectionError):
            response.read(ANSWER_MAX)  # so that the receiver can finish its answer; nothing of it is kept
        return Answer(response.status, retry_after=(response.getheader("Retry-After") or "")[:64])
    finally:
        response.close()


class _Incoming(io.RawIOBase):
    """The incoming half of a connection: up to ANSWER_MAX bytes, each read within what is left of the deadline."""

    def __init__(self, line: socket.socket, deadline: float) -> None:
        super().__init__()
        self._line, self._deadline, self._room = line, deadline, ANSWER_MAX

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return the stream that HTTPResponse reads."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes; none once the room is used up."""
        self._line.settimeout(_left(self._deadline))
        got = self._line.recv_into(memoryview(buffer)[: self._room])
        self._room -= got
        return got


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
