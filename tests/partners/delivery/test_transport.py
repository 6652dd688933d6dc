"""One message over a real connection: what is sent, what counts as delivered, and what is not waited for."""

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from hub.clock import now
from partners.delivery import signing
from partners.delivery.targets import Rules
from partners.delivery.transport import ANSWER_MAX, Answer, HttpTransport, Outgoing
from tests.partners.delivery.test_signing import cases
from tests.partners.misbehaving import certificate
from tests.partners.receiver import receiving

SECRET = signing.new_secret()
SANDBOX = Rules(loopback=True)
INSIDE = Rules(network=ipaddress.ip_network("127.0.0.0/8"))  # what no operator may approve; here for a local https
BODY = '{"a":"é"}'.encode()


def message(url: str, rules: Rules = SANDBOX) -> Outgoing:
    headers = signing.headers(secrets=[SECRET], message_id="m1", at=now(), body=BODY)
    return Outgoing(url, rules, headers, BODY)


def send(url: str, *, deadline_s: float = 10) -> Answer:
    return HttpTransport(deadline_s=deadline_s)(message(url))


@contextmanager
def speaking(speak: Callable[[socket.socket], Any]) -> Iterator[str]:
    """A server of one connection that says whatever `speak` says, and need not be HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            line, _ = listener.accept()
            with line:
                line.recv(65536)
                try:
                    speak(line)
                except OSError:
                    return  # the sender has gone

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join(timeout=20)
        assert not thread.is_alive()


def test_the_bytes_arrive_and_verify() -> None:
    with receiving(secrets=[SECRET]) as receiver:
        assert send(f"{receiver.url}?x=1") == Answer(204)
        (got,) = receiver.requests
    assert (got.path, got.body, got.refusal) == ("/hooks?x=1", BODY, "")
    assert got.headers["content-type"] == "application/json"
    assert got.headers["host"] == receiver.url.split("/")[2]
    assert got.headers["connection"] == "close"


def test_golden_what_counts_as_delivered() -> None:
    rules = {rule["id"]: rule for rule in cases("sender_rules") if "responses" in rule}
    assert rules.keys() == {"status-2xx", "status-3xx", "status-410", "status-429-502-504", "status-other"}
    for name, rule in rules.items():
        for status in rule["responses"]:
            with receiving(answers=[(status, {"Location": "/elsewhere", "Retry-After": "7"})]) as receiver:
                answer = send(receiver.url)
                assert len(receiver.requests) == 1, "a redirect was followed"
            assert answer == Answer(status, retry_after="7")
            assert answer.delivered == (name == "status-2xx")


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert send(f"http://127.0.0.1:{port}/") == Answer(None, "connection_failed")


def test_a_url_that_is_no_longer_allowed() -> None:
    with receiving() as receiver:
        assert HttpTransport()(message(receiver.url, Rules())) == Answer(None, "address_refused")
        assert receiver.requests == []


def test_a_name_that_leads_inside_meanwhile() -> None:
    with receiving() as receiver:
        transport = HttpTransport(resolve=lambda name: ["127.0.0.1"])
        assert transport(message("https://hooks.example.com/", Rules())) == Answer(None, "address_refused")
        assert receiver.requests == []


@pytest.mark.parametrize("error", [socket.gaierror, UnicodeError])
def test_a_name_that_leads_nowhere(error: type[Exception]) -> None:
    def resolve(name: str) -> list[str]:
        raise error

    assert HttpTransport(resolve=resolve)(message("https://hooks.example.com/")) == Answer(None, "name_not_found")


@pytest.mark.parametrize(
    "said",
    [
        b"\r\n", b"nonsense\r\n\r\n", b"HTTP/1.1 abc OK\r\n\r\n", b"HTTP/1.1 99 OK\r\n\r\n", b"\x16\x03\x01\x00",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200 + b"\r\n", b"HTTP/1.1 " + b"2" * 70_000,
    ],
    ids=lambda said: said[:20],
)  # fmt: skip
def test_answers_that_are_none(said: bytes) -> None:
    with speaking(lambda line: line.sendall(said)) as url:
        assert send(url) == Answer(None, "answer_unreadable")


def test_a_connection_that_closes_without_an_answer() -> None:
    with speaking(lambda line: None) as url:
        assert send(url) == Answer(None, "connection_failed")


def drip(line: socket.socket) -> None:
    while True:
        line.sendall(b"x")
        time.sleep(0.05)


def drip_after(head: bytes) -> Callable[[socket.socket], None]:
    def speak(line: socket.socket) -> None:
        line.sendall(head)
        drip(line)

    return speak


@pytest.mark.fault("F15")
@pytest.mark.parametrize(
    "head",
    [b"", b"HTTP/1.1 200 OK\r\nx: ", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"],
    ids=["status line", "header", "body", "long body"],
)
def test_the_deadline_is_for_all_of_it(head: bytes) -> None:
    """A byte now and then keeps each single read alive, and the message no longer than the deadline."""
    begun = time.monotonic()
    with speaking(drip_after(head)) as url:
        assert send(url, deadline_s=1) == Answer(None, "timeout")
        assert 0.9 < time.monotonic() - begun < 2


def test_silence_is_not_waited_for() -> None:
    begun = time.monotonic()
    with speaking(lambda line: line.recv(1)) as url:
        assert send(url, deadline_s=0.5) == Answer(None, "timeout")
    assert time.monotonic() - begun < 2


def test_a_slow_name_counts_too() -> None:
    def resolve(name: str) -> list[str]:
        time.sleep(0.4)
        return ["93.184.215.14"]

    begun = time.monotonic()
    transport = HttpTransport(deadline_s=0.3, resolve=resolve)
    assert transport(message("https://hooks.example.com/")) == Answer(None, "timeout")
    assert time.monotonic() - begun < 5


@pytest.mark.fault("F15")
def test_no_more_than_64_kb_are_read() -> None:
    sent: list[int] = []

    def flood(line: socket.socket) -> None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        while True:
            sent.append(line.send(b"x" * 8192))

    begun = time.monotonic()
    with speaking(flood) as url:
        assert send(url) == Answer(200)
    assert time.monotonic() - begun < 5
    assert ANSWER_MAX == 65536
    assert sum(sent) < 20_000_000  # what the system's buffers took, and not the hundred megabytes


@pytest.mark.fault("F16")
def test_an_answer_that_breaks_off_after_its_status_counts() -> None:
    with speaking(lambda line: line.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n\r\nabc")) as url:
        assert send(url) == Answer(202)


# --- https: the connection goes to the checked address, the certificate is the name's --------------------------------


def secure(name: str, receiver_url: str, trust: ssl.SSLContext | None = None) -> Answer:
    asked: list[str] = []

    def resolve(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    transport = HttpTransport(resolve=resolve, **({"tls": trust} if trust else {}))  # type: ignore[arg-type]  # of one type
    answer = transport(message(receiver_url.replace("127.0.0.1", name), INSIDE))
    assert asked == [name], "the name is resolved once, so that it cannot lead elsewhere between check and connection"
    return answer


def test_https_checks_the_name_and_names_it(tmp_path: Path) -> None:
    shown = certificate(tmp_path, "hooks.example.com")
    server, trust = shown.context, ssl.create_default_context(cadata=shown.pem)
    names: list[Any] = []
    server.sni_callback = lambda line, name, context: names.append(name)
    with receiving(tls=server, secrets=[SECRET]) as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        assert secure("hooks.example.com", receiver.url, trust) == Answer(204)
        assert receiver.requests[0].headers["host"] == f"hooks.example.com:{port}"
        assert secure("other.example.com", receiver.url, trust) == Answer(None, "tls_failed")
        assert secure("hooks.example.com", receiver.url) == Answer(None, "tls_failed")
        assert len(receiver.requests) == 1
    assert names == ["hooks.example.com", "other.example.com", "hooks.example.com"]


def test_a_receiver_that_speaks_no_tls() -> None:
    with receiving() as receiver:
        assert secure("hooks.example.com", receiver.url.replace("http:", "https:")) == Answer(None, "tls_failed")
        assert receiver.requests == []
