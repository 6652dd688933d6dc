"""A partner's HTTP client: it knows an address, a client id and a secret, and nothing of what is behind them."""

import uuid
from collections.abc import Mapping
from typing import Any

from tests.stack import Answer, Stack, until


class RestClient:
    """One client of the API with a token of its own."""

    def __init__(self, stack: Stack, address: str, client_id: str, secret: str) -> None:
        self.stack, self.address = stack, address
        form = f"grant_type=client_credentials&client_id={client_id}&client_secret={secret}".encode()
        answer = stack.ask(
            "POST", f"{address}/oauth/token/", form, {"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert answer.status == 200, answer.body
        assert answer.headers["Cache-Control"] == "no-store"
        self.token = answer.json()["access_token"]

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request with the token, and with a new Idempotency-Key."""
        given = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": str(uuid.uuid4()), **headers}
        return self.stack.ask(method, self.address + path, body, given)

    def send(self, method: str, path: str, body: Any = None, *, expect: int = 200, match: str = "") -> Answer:
        """Send a request below /api/v1 that must be answered so; `match` is what If-Match says."""
        headers = {"If-Match": match} if match else {}
        answer = self.ask(method, f"/api/v1{path}", body, **headers)
        assert answer.status == expect, (answer.status, answer.body)
        return answer

    def hand_in(self, path: str, parts: Mapping[str, bytes]) -> Answer:
        """Send a form of parts, each under its Content-Disposition; it must be taken as a job."""
        boundary = uuid.uuid4().hex
        body = b"".join(
            f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
            for head, content in parts.items()
        )
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        answer = self.ask("POST", path, body + f"--{boundary}--\r\n".encode(), **kind)
        assert answer.status == 202, answer.body
        return answer

    def finished(self, path: str, *, within_s: float) -> Any:
        """Poll a job until it ended; it must have ended well."""
        job = until(
            lambda: (found := self.ask("GET", path).json())["state"] in ("done", "failed", "read", "refused") and found,
            within_s=within_s, what=f"job {path}",
        )  # fmt: skip
        assert job["state"] in ("done", "read"), job
        return job
