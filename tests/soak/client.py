"""Load at a steady rate: a request's time counts from when it was due, so a server that stalls cannot slow the clock.

Each request has an Idempotency-Key and is sent again with it until it is settled, as an institution does.
"""

import http.client
import json
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

THREADS = 24
SETTLE_S = 120.0
AGAIN = {429, 502, 503, 504}
BODY: dict[str, Any] = {
    "model_line": "consumer",
    "features": {"income": 9000, "utilisation": 95, "housing": "rent"},
}


@dataclass(frozen=True)
class Work:
    """What is asked of the platform: of ten requests eight score, one reports on a loan, one opens the first page."""

    port: int
    bearer: str
    loans: tuple[UUID, ...]
    today: str


@dataclass
class Tally:
    """What came of a run. Times in milliseconds, in the order of the requests."""

    waits_ms: dict[int, float] = field(default_factory=dict)
    scores: list[str] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    pages: int = 0
    again: int = 0
    faults: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def p95(self, part: slice = slice(None)) -> float:
        """The 95th percentile of the waits of a part of the requests, 0 of none."""
        waits = sorted([self.waits_ms[number] for number in sorted(self.waits_ms)][part])
        return waits[int(len(waits) * 0.95)] if waits else 0.0


class Load:
    """Numbers requests over all its runs, so that no two report the same line."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.all = Tally()
        self._reports = 0

    def run(self, rate_per_s: float, seconds: float, *, stop: threading.Event | None = None) -> Tally:
        """Send at this rate for so long; return what came of it when all is settled."""
        tally, turn = Tally(), iter(range(int(rate_per_s * seconds)))
        begin_s = time.monotonic() + 0.2
        threads = [
            threading.Thread(target=self._drive, args=(tally, turn, begin_s, rate_per_s, stop)) for _ in range(THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.all.scores += tally.scores
        self.all.reports += tally.reports
        return tally

    def _drive(
        self, tally: Tally, turn: Iterator[int], begin_s: float, rate: float, stop: threading.Event | None
    ) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self.work.port, timeout=30)
        while not (stop and stop.is_set()):
            with tally.lock:
                number = next(turn, None)
                path, body = self._request(number) if number is not None else ("", None)
            if number is None:
                break
            due_s = begin_s + number / rate
            time.sleep(max(0.0, due_s - time.monotonic()))
            self._settle(tally, line, number, due_s, path, body)
        line.close()

    def _request(self, number: int) -> tuple[str, dict[str, Any] | None]:
        if number % 10 == 9:
            return "/apply/", None
        if number % 10 != 4:
            person = secrets.token_hex(8)
            consent = {"reference": person, "text_version": "1", "given_at": "2026-01-01T00:00:00+08:00"}
            return "/api/v1/scores", {**BODY, "person_reference": person, "consent": consent}
        self._reports += 1
        turn, loan = divmod(self._reports, len(self.work.loans))
        report = {"sequence": turn + 1, "kind": "payment", "as_of": self.work.today, "amount": "1.00"}
        return f"/api/v1/loans/{self.work.loans[loan]}/reports", report

    def _settle(
        self, tally: Tally, line: http.client.HTTPConnection, number: int, due_s: float, path: str, body: Any
    ) -> None:
        key = secrets.token_hex(16)
        while True:
            status, answer = self._send(line, key, path, body)
            busy = status in AGAIN or status == 0 or (status == 409 and b"Retry" in answer)
            if not busy or time.monotonic() > due_s + SETTLE_S:
                break
            with tally.lock:
                tally.again += 1
            time.sleep(0.2)
        with tally.lock:
            tally.waits_ms[number] = (time.monotonic() - due_s) * 1000
            self._note(tally, path, status, answer)

    def _send(self, line: http.client.HTTPConnection, key: str, path: str, body: Any) -> tuple[int, bytes]:
        headers = {"Host": "localhost"}
        if body is not None:
            headers |= {
                "Authorization": self.work.bearer,
                "Idempotency-Key": key,
                "Content-Type": "application/json",
            }
        try:
            line.request("GET" if body is None else "POST", path, json.dumps(body) if body else None, headers)
            answer = line.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            line.close()
            return 0, b""
        return answer.status, content + (b" Retry" if answer.headers.get("Retry-After") else b"")

    @staticmethod
    def _note(tally: Tally, path: str, status: int, answer: bytes) -> None:
        if path == "/apply/" and status == 200:
            tally.pages += 1
        elif status == 201 and path == "/api/v1/scores":
            tally.scores.append(json.loads(answer)["id"])
        elif status == 201:
            tally.reports.append(json.loads(answer)["id"])
        else:
            tally.faults.append(f"{path.rpartition('/')[2]} {status} {answer[:200].decode(errors='replace')}")
