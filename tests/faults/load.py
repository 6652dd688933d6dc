"""Load on the REST API: each request has an Idempotency-Key of its own, and is sent again until acknowledged."""

import http.client
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

from tests.faults.cluster import Cluster

BODY: dict[str, Any] = {
    "model_line": "consumer",
    "features": {"income": 9000, "utilisation": 95, "housing": "rent"},
}


def body_for(name: str) -> dict[str, Any]:
    """The body of a request for a score of a person of his own."""
    consent = {"reference": f"consent-{name}", "text_version": "1", "given_at": "2026-01-01T00:00:00+08:00"}
    return {**BODY, "person_reference": f"person-{name}", "consent": consent}


BROKEN = 0
"""The status of a request whose connection broke."""


@dataclass(frozen=True)
class Told:
    """One answer: when the request began and how long it took (seconds of the monotonic clock), and what came."""

    at_s: float
    seconds: float
    status: int
    retry_after: str


class Load:
    """Threads that score until the block ends, each over its own connections to the addresses in turn.

    After each score a thread rests for `pause_s`.
    """

    def __init__(
        self,
        authorization: str,
        addresses: Sequence[str],
        *,
        threads: int = 6,
        settle_s: float = 60,
        pause_s: float = 0.0,
    ) -> None:
        self.pause_s = pause_s
        self.authorization, self.addresses, self.settle_s = authorization, addresses, settle_s
        self.told: list[Told] = []
        self.acknowledged: dict[str, str] = {}  # the id of the decision by key
        self.given_up: list[str] = []
        self._turn = count()
        self._over = Event()
        self._lock = Lock()
        self._threads = [Thread(target=self._drive, daemon=True) for _ in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def since(self, at_s: float) -> list[Told]:
        """The answers to requests that began after this moment."""
        with self._lock:
            return [told for told in self.told if told.at_s >= at_s]

    def _drive(self) -> None:
        lines: dict[str, http.client.HTTPConnection] = {}
        while not self._over.is_set():
            self._settle(lines, str(uuid4()))
            time.sleep(self.pause_s)
        for line in lines.values():
            line.close()

    def _settle(self, lines: dict[str, http.client.HTTPConnection], key: str) -> None:
        deadline_s = None
        while True:
            told, body = self._send(lines, key)
            with self._lock:
                self.told.append(told)
                if told.status == 201:
                    self.acknowledged[key] = json.loads(body)["id"]
                    return
            if self._over.is_set():
                deadline_s = deadline_s or time.monotonic() + self.settle_s
                if time.monotonic() > deadline_s:
                    self.given_up.append(key)
                    return
            time.sleep(0.1)

    def _send(self, lines: dict[str, http.client.HTTPConnection], key: str) -> tuple[Told, bytes]:
        address = self.addresses[next(self._turn) % len(self.addresses)]
        line = lines.setdefault(address, http.client.HTTPConnection(urlsplit(address).netloc, timeout=60))
        used = line.sock is not None
        headers = {"Authorization": self.authorization, "Idempotency-Key": key, "Content-Type": "application/json"}
        body = json.dumps(body_for(key))
        begun_s = time.monotonic()
        try:
            line.request("POST", "/api/v1/scores", body, headers)
            answer = line.getresponse()
            status, retry_after, content = answer.status, answer.headers.get("Retry-After", ""), answer.read()
        except (OSError, http.client.HTTPException):
            line.close()
            if used:  # the server has closed it meanwhile: every client opens another then
                return self._send(lines, key)
            status, retry_after, content = BROKEN, "", b""
        return Told(begun_s, time.monotonic() - begun_s, status, retry_after), content


def assert_settled(load: Load, cluster: Cluster) -> None:
    """Every key was acknowledged in the end; each decision that was is there, and there is no other one."""
    assert not load.given_up, f"{len(load.given_up)} keys were never settled"
    assert load.acknowledged
    there = [str(row[0]) for row in cluster.ask("SELECT id FROM scoring_decision")]
    assert sorted(there) == sorted(load.acknowledged.values())
    assert cluster.count("hub_outboxevent", "type = 'decision.scored'") == len(there)
    assert cluster.count("hub_auditrow", "action = 'decision.scored'") == len(there)


def assert_polite(told: Sequence[Told], *, share_of_others: float = 0.01) -> None:
    """What was refused was refused by 503 with Retry-After; of other faults there is at most this share."""
    faults = [one for one in told if one.status >= 500 or one.status == BROKEN]
    others = [one for one in faults if one.status != 503 or not one.retry_after]
    assert len(others) <= share_of_others * len(told), f"of {len(told)} answers: {others[:10]}"
