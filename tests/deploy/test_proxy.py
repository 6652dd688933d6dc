"""haproxy as it is configured for real, before a receiver of this test's own: what it lets in, adds and takes away."""

import http.client
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.deploy.files import DEPLOY, tool
from tests.stack import free_port, until

FOLDER = DEPLOY / "haproxy"
HOST = "loans.example.com"


class Web(BaseHTTPRequestHandler):
    """Stands where a web process would: tells what reached it. `ready` says what it answers to /readyz."""

    protocol_version = "HTTP/1.1"
    ready = True

    def do_GET(self) -> None:
        body = json.dumps({"path": self.path, "headers": list(self.headers.items())}).encode()
        self.send_response(503 if self.path == "/readyz" and not Web.ready else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Proxy:
    """haproxy on two ports of loopback."""

    def __init__(self, http_port: int, https_port: int) -> None:
        self.http_port, self.https_port = http_port, https_port
        self.tls = ssl._create_unverified_context()

    def get(
        self, path: str, headers: dict[str, str] | None = None, *, plain: bool = False
    ) -> tuple[int, dict[str, str], bytes]:
        """Ask, with TLS unless `plain`."""
        connection = (
            http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=10)
            if plain
            else http.client.HTTPSConnection("127.0.0.1", self.https_port, timeout=10, context=self.tls)
        )
        try:
            connection.request("GET", path, headers={"Host": HOST, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    begins = datetime.now(UTC) - timedelta(days=1)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), begins,
                                   begins + timedelta(days=9)).sign(key, hashes.SHA256())  # fmt: skip
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path_factory.mktemp("tls") / "luopan.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(*plain))
    return path


@pytest.fixture(scope="module")
def proxy(certificate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    program = tool("haproxy")
    web = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    here = f"127.0.0.1:{web.server_address[1]}"
    backends = (FOLDER / "backends.static.cfg").read_text()
    for number in (11, 12):
        backends = backends.replace(f"192.0.2.{number}:8000", here)
    folder = tmp_path_factory.mktemp("haproxy")
    (folder / "backends.cfg").write_text(backends)
    made = Proxy(free_port(), free_port())
    environment = {
        "PUBLIC_HOST": HOST, "CERTIFICATE": str(certificate), "HTTP_PORT": str(made.http_port),
        "HTTPS_PORT": str(made.https_port),
    }  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-db", "-f", str(FOLDER / "haproxy.cfg"), "-f", str(folder / "backends.cfg")],
            env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        until(lambda: process.poll() is not None or answers(made), within_s=30, what="haproxy's start")
        assert process.poll() is None, (folder / "log").read_text()
        yield made
    finally:
        process.kill()
        process.wait()
        web.shutdown()
        web.server_close()


def answers(proxy: Proxy) -> bool:
    try:
        return proxy.get("/apply/")[0] == 200
    except OSError:
        return False


@pytest.mark.parametrize("backends", ["backends.dns.cfg", "backends.static.cfg"])
def test_haproxy_accepts_its_configuration(backends: str, certificate: Path) -> None:
    words = [tool("haproxy"), "-c", "-f", str(FOLDER / "haproxy.cfg"), "-f", str(FOLDER / backends)]
    done = subprocess.run(
        words, env={"CERTIFICATE": str(certificate)}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


def test_what_a_client_says_of_its_address_is_thrown_away(proxy: Proxy) -> None:
    lies = {"X-Forwarded-For": "198.51.100.7", "Forwarded": "for=198.51.100.7", "X-Real-Ip": "198.51.100.7"}
    status, _, body = proxy.get("/apply/", {**lies, "X-Forwarded-Proto": "http"})
    heard = [(name.lower(), value) for name, value in json.loads(body)["headers"]]
    assert status == 200
    assert [value for name, value in heard if name == "x-forwarded-for"] == ["127.0.0.1"]
    assert [value for name, value in heard if name == "x-forwarded-proto"] == ["https"]
    assert not [name for name, _ in heard if name in {"forwarded", "x-real-ip"}]


def test_without_tls_there_is_only_a_redirect(proxy: Proxy) -> None:
    status, headers, _ = proxy.get("/apply/", plain=True)
    assert (status, headers["location"]) == (308, f"https://{HOST}/apply/")


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/metrics?x=1"])
def test_state_and_figures_stay_within(proxy: Proxy, path: str) -> None:
    assert proxy.get(path)[0] == 404


def test_while_nothing_is_ready_staff_get_in_and_others_are_told_to_come_again(proxy: Proxy) -> None:
    Web.ready = False
    try:
        until(lambda: proxy.get("/apply/")[0] == 503, within_s=30, what="the processes are taken out")
        status, headers, body = proxy.get("/apply/")
        assert (status, headers["retry-after"], headers["content-type"]) == (503, "5", "text/html; charset=utf-8")
        status, headers, body = proxy.get('/api/v1/scores/"x')
        assert (status, headers["retry-after"], headers["content-type"]) == (503, "5", "application/problem+json")
        problem = json.loads(body)
        assert problem["type"] == f"https://{HOST}/problems/unavailable"
        assert (problem["status"], problem["instance"]) == (503, '/api/v1/scores/"x')
        assert proxy.get("/console/")[0] == 200
    finally:
        Web.ready = True
        until(lambda: answers(proxy), within_s=30, what="the processes are back")
