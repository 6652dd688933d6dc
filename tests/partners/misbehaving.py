"""Receivers that no bank would be proud of: real servers on the loopback that say what HTTP does not allow."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hub.clock import now

Speak = Callable[[socket.socket], None]


@dataclass
class Odd:
    """A server that reads each request whole, keeps its head and body, and then speaks."""

    url: str
    requests: list[tuple[bytes, bytes]] = field(default_factory=list)


@contextmanager
def misbehaving(speak: Speak) -> Iterator[Odd]:
    """Run one for as many connections as come."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        odd = Odd(f"http://127.0.0.1:{listener.getsockname()[1]}/hooks")

        def serve(line: socket.socket) -> None:
            with line, suppress(OSError, ValueError), line.makefile("rb") as reader:
                head = b"".join(iter(reader.readline, b"\r\n"))
                size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                odd.requests.append((head, reader.read(size)))
                speak(line)

        def accept() -> None:
            with suppress(OSError):  # closed from outside: the end
                while True:
                    Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

        Thread(target=accept, daemon=True).start()
        yield odd
        listener.shutdown(socket.SHUT_RDWR)


@contextmanager
def silent_port(backlog: int = 256) -> Iterator[str]:
    """Take connections, and never look at them."""
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/hooks"


def one_byte_a_second(line: socket.socket) -> None:
    """Answer for as long as anybody listens."""
    for byte in b"HTTP/1.1 204 No Content\r\n":
        line.sendall(bytes([byte]))
        time.sleep(1)


def ten_gigabytes(sent: list[int]) -> Speak:
    """Answer 200 with a body of 10 GB; note how much of it was taken."""

    def speak(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        chunk = bytes(65536)
        while True:
            sent.append(line.send(chunk))

    return speak


def cut_off(line: socket.socket) -> None:
    """Close in the middle of the status line."""
    line.sendall(b"HTTP/1.1 2")


@dataclass(frozen=True)
class Certificate:
    """A certificate (PEM), the file that has it with its key, and the context of a server that shows it."""

    pem: str
    file: Path
    context: ssl.SSLContext


def certificate(folder: Path, name: str, *, ended: bool = False) -> Certificate:
    """Make a certificate for a name, signed by itself, that holds for an hour or has ended an hour ago."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = now() + timedelta(hours=-1 if ended else 1)
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(end - timedelta(hours=2)).not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / f"{made.serial_number}.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + made.public_bytes(pem))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return Certificate(made.public_bytes(pem).decode(), file, server)
