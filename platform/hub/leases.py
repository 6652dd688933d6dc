"""Leases on long work: one worker at a time, and whoever lost his lease can write nothing more."""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event, Thread
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

from django.db import DatabaseError, connection, models

from hub.errors import Conflict


class Busy(Conflict):
    """Another worker holds the lease; `retry_after_s` says when it ends unless it is renewed."""

    title = "Another worker is at it"


class LeaseLost(Exception):
    """The lease ended and somebody else may have it: stop, and write nothing more."""


class Leased(models.Model):
    """A row that one worker at a time may work on. `nudged_at`: when the sweeper last sent a task for it.

    Its methods leave the saving to the model's own, which change more along with the lease.
    """

    lease_token = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    nudged_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True

    def take_lease(self, *, until: datetime, now: datetime) -> UUID:
        """Give the locked row to a new worker, unsaved; return the token. Raises Busy while another one holds it."""
        if self.lease_until is not None and self.lease_until > now:
            wait_s = max(1, int((self.lease_until - now).total_seconds()) + 1)
            raise Busy(f"Another worker is at it; its lease ends in {wait_s} s.", retry_after_s=wait_s)
        self.lease_token, self.lease_until = uuid4(), until
        return self.lease_token

    def check_lease(self, token: UUID) -> None:
        """Raise LeaseLost unless the token is the row's present one (the fence before each write)."""
        if self.lease_token != token:
            raise LeaseLost

    def drop_lease(self) -> None:
        """Let the row go, unsaved."""
        self.lease_token = self.lease_until = None

    def nudge(self, *, now: datetime) -> None:
        """Note that a task was sent for this row, unsaved."""
        self.nudged_at = now


def stale(*, age: timedelta, now: datetime) -> models.Q:
    """Rows that nobody holds and for which no task was sent within `age`."""
    free = models.Q(lease_until__isnull=True) | models.Q(lease_until__lt=now)
    unsent = models.Q(nudged_at__isnull=True, created_at__lt=now - age) | models.Q(nudged_at__lt=now - age)
    return free & unsent


class Heartbeat:
    """Renews a lease from a thread of its own while the block runs; `check` raises LeaseLost once it is gone.

    `renew` returns False when the lease belongs to nobody or somebody else.
    """

    def __init__(self, renew: Callable[[], bool], *, every_s: float) -> None:
        self._renew = renew
        self._every_s = every_s
        self._over = Event()
        self._lost = Event()
        self._thread = Thread(target=self._beat, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def check(self) -> None:
        """Raise LeaseLost if the lease is gone."""
        if self._lost.is_set():
            raise LeaseLost

    def _beat(self) -> None:
        try:
            while not self._over.wait(self._every_s):
                try:
                    if not self._renew():
                        self._lost.set()
                        return
                except DatabaseError:
                    continue  # away for the moment; the fence decides whether the lease outlived it
        finally:
            connection.close()
