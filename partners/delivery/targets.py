"""Where a webhook may go: the form of its URL, and the addresses behind its name. No database.

Checked at registration and again at each delivery, and the connection goes to an address that was checked: a name that
leads elsewhere meanwhile leads nowhere.
"""

import re
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from threading import Thread
from urllib.parse import SplitResult, urlsplit

URL_MAX = 500
RESOLVE_S = 3.0
Network = IPv4Network | IPv6Network
Resolver = Callable[[str], Sequence[str]]
"""Returns every address of a name; OSError (TimeoutError among them) where there is none in time."""

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_LOCAL = ("localhost", "local", "internal", "arpa")
_LOOPBACKS = {"localhost": "127.0.0.1", "127.0.0.1": "127.0.0.1", "[::1]": "::1"}
_PRIVATE = [ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")]
# Global by their registration, and yet no place of a receiver: relays into IPv4, documentation, a cloud's metadata.
_REFUSED = [
    ip_network(text)
    for text in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2001::/23", "2002::/16", "3fff::/20")
]
_UNICAST = ip_network("2000::/3")


class UrlRefused(Exception):
    """A URL, or an address behind it, is none that webhooks are sent to: a stable `code` and the remedy."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


@dataclass(frozen=True, slots=True)
class Rules:
    """What one endpoint is allowed beside https to public addresses."""

    loopback: bool = False
    network: Network | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, taken apart: `host` as it stands in the Host header, `name` as it is resolved and as TLS checks it."""

    secure: bool
    host: str
    name: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        return self.host if self.port == (443 if self.secure else 80) else f"{self.host}:{self.port}"


def read_url(url: str, rules: Rules) -> Target:
    """Take a URL apart; `UrlRefused` where it is none that the rules allow. Resolves nothing."""
    parts, port = _split(url)
    host = (parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc).lower()
    if parts.scheme == "http":
        return _loopback(parts, host, port, rules)
    if parts.scheme != "https":
        raise UrlRefused("wrong_scheme", "Give an address that begins with https://.")
    if port not in (None, 443) and rules.network is None:
        raise UrlRefused("wrong_port", "Receive on port 443.")
    name = host.strip("[]")
    if _address(name) is None:
        _refuse_unless_name(host)
    return Target(True, host, name, port or 443, _path(parts))


def check_network(text: str) -> Network:
    """Read a private network that an operator approves; `UrlRefused` where it is not inside RFC 1918 or fc00::/7."""
    try:
        network = ip_network(text)
    except ValueError:
        raise UrlRefused("wrong_network", "Write a network such as 10.20.0.0/16.") from None
    if not any(network.version == one.version and network.subnet_of(one) for one in _PRIVATE):  # type: ignore[arg-type]  # of one version
        raise UrlRefused("wrong_network", "Only networks of RFC 1918 and fc00::/7 can be approved.")
    return network


def addresses(target: Target, rules: Rules, resolve: Resolver) -> list[str]:
    """Return all addresses of a target, each checked; `UrlRefused` if one is not allowed, OSError if there is none."""
    if not target.secure:
        return [_LOOPBACKS[target.host]]
    found = [target.name] if _address(target.name) else list(dict.fromkeys(resolve(target.name)))
    if not found:
        raise OSError("the name has no address")
    for text in found:
        if not _allowed(text, rules):
            raise UrlRefused("address_refused", "The name leads to an address that is not public.")
    return found


def system_addresses(name: str) -> list[str]:
    """Ask the system's resolver (a `Resolver`); TimeoutError after three seconds."""
    found: Future[list[str]] = Future()
    Thread(target=_look_up, args=(name, found), name="resolve", daemon=True).start()
    return found.result(timeout=RESOLVE_S)


def _look_up(name: str, found: Future[list[str]]) -> None:
    try:
        infos = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        found.set_result([str(info[4][0]) for info in infos])
    except Exception as error:  # noqa: BLE001 - handed to whoever waits
        found.set_exception(error)


def _split(url: str) -> tuple[SplitResult, int | None]:
    if not (1 <= len(url) <= URL_MAX and url.isascii() and url.isprintable()) or set(url) & set(' \\"<>^`{|}'):
        raise UrlRefused("wrong_format", f"Give a URL of at most {URL_MAX} printable ASCII characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UrlRefused("wrong_format", "Give a URL such as https://hooks.example.com/luopan.") from None
    if "@" in parts.netloc:
        raise UrlRefused("credentials", "Leave user and password out: the signature says who sends.")
    if "#" in url or not parts.hostname or parts.netloc.endswith(":"):
        raise UrlRefused("wrong_format", "Give a URL with a host and without a fragment.")
    return parts, port


def _loopback(parts: SplitResult, host: str, port: int | None, rules: Rules) -> Target:
    if not rules.loopback or host not in _LOOPBACKS or port is None or not 1024 <= port <= 65535:
        hint = " A sandbox may use http to localhost, on a port from 1024 on." if rules.loopback else ""
        raise UrlRefused("wrong_scheme", f"Give an address that begins with https://.{hint}")
    return Target(False, host, host.strip("[]"), port, _path(parts))


def _path(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _refuse_unless_name(host: str) -> None:
    labels = host.split(".")
    well_formed = len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
    # Resolvers read 127.1, 0x7f000001 and their like as addresses: a name does not end in a number.
    if not well_formed or len(labels) < 2 or _NUMBER.fullmatch(labels[-1]) or labels[-1] in _LOCAL:
        raise UrlRefused("wrong_host", "Give the full name of a host in the public DNS.")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _allowed(text: str, rules: Rules) -> bool:
    address = _address(text)
    if address is None or getattr(address, "scope_id", None):
        return False
    if rules.network is not None and address in rules.network:
        return True
    public = address.is_global and not address.is_multicast and not address.is_reserved
    return public and (address.version == 4 or address in _UNICAST) and not any(address in one for one in _REFUSED)
