"""Connections that give up on a server which says nothing, so that no request waits for a frozen one without end.

Where the server lives, its own limits (statement_timeout, lock_timeout) end what is slow, and sooner. Where it does not
answer at all, the first to find out keeps the others of this process off it for a moment: they are told so at once,
and do not fill the threads that could serve what needs no database.
"""

import time
from typing import Any

import psycopg
from django.conf import settings
from psycopg import errors

AGAIN_S = 1.0


class SilentServer(psycopg.OperationalError):
    """The server did not answer in time. Whether it did what it was told is not known."""


class _Patience:
    """What this process knows of its one server: 0 is to wait without end, as tasks may."""

    limit_s: int = 0
    silent_until_s: float = 0.0


_patience = _Patience()


def lose_patience() -> None:
    """Wait for a silent server no longer than DATABASE_PATIENCE_S from now on: for processes that serve people."""
    _patience.limit_s = settings.DATABASE_PATIENCE_S


def statement_limit_ms() -> int:
    """Return how long a living server may work on a statement; it is to end it before it is taken for a silent one."""
    return _patience.limit_s * 800


def refuse_if_silent() -> None:
    """Raise `SilentServer` where the server was found silent a moment ago."""
    if time.monotonic() < _patience.silent_until_s:
        raise SilentServer("the database does not answer")


def note_silent() -> None:
    """Keep this process off the server for a moment: it was found silent, or has no connection to spare."""
    if _patience.limit_s:
        _patience.silent_until_s = time.monotonic() + AGAIN_S


class PatientConnection(psycopg.Connection[Any]):
    """A connection that is closed when the server says nothing for as long as this process has patience."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Run a generator of the driver's; `SilentServer` where it takes too long."""
        try:
            return super().wait(gen, interval, timeout or _patience.limit_s or None)
        except errors._WaitTimeout as error:
            if timeout is not None:
                raise
            note_silent()
            self.pgconn.finish()
            raise SilentServer("the database does not answer") from error
