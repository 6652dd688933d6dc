"""The connection of one process to the broker's tables: statements from any thread, one thread that waits for news."""

import os
import socket
import threading
from contextlib import suppress
from multiprocessing.connection import wait
from typing import Any

import psycopg


class Session:
    """One connection to the database, for the process that opened it only, and a bell that its threads ring."""

    def __init__(self, dsn: str, role: str | None) -> None:
        """Connect, and take `role` where one is given."""
        self._pid = os.getpid()
        self._db = psycopg.connect(
            dsn, autocommit=True, connect_timeout=5, application_name="luopan broker",
            keepalives_idle=30, keepalives_interval=10, keepalives_count=3, tcp_user_timeout=30_000,
        )  # fmt: skip
        if role:
            self._db.execute("SELECT set_config('role', %s, false)", (role,))
        self._db.add_notify_handler(lambda _: self.ring())
        self._ear, self._bell = socket.socketpair()
        self._ear.setblocking(False)
        self._bell.setblocking(False)
        self._bell_lock = threading.Lock()

    @property
    def usable(self) -> bool:
        """True while the connection stands and this is not a child of the process that opened it."""
        return os.getpid() == self._pid and not self._db.closed

    def execute(self, statement: Any, values: Any = None) -> psycopg.Cursor[Any]:
        """Run one statement in its own transaction, from any thread of this process."""
        if os.getpid() != self._pid:
            raise psycopg.InterfaceError("this connection belongs to the parent process")
        return self._db.execute(statement, values)

    def ring(self) -> None:
        """End the wait of the consuming thread."""
        with self._bell_lock, suppress(OSError):  # full (it is awake already) or closed
            self._bell.send(b"!")

    def wait(self, timeout_s: float) -> None:
        """Sleep until the bell, a notification or `timeout_s`; raise OperationalError where the connection is lost."""
        if not self._take_notifications():
            wait([self._db.fileno(), self._ear], timeout_s)
            self._take_notifications()
        with suppress(BlockingIOError):
            self._ear.recv(4096)

    def _take_notifications(self) -> bool:
        # What libpq has read already does not make the socket readable, so its own list is asked as well.
        heard = False
        with self._db.lock:
            self._db.pgconn.consume_input()
            while self._db.pgconn.notifies():
                heard = True
        return heard

    def close(self) -> None:
        """Close the connection; a child leaves its parent's alone."""
        if os.getpid() != self._pid:
            return
        self._db.close()
        with self._bell_lock:  # a thread that acknowledges late may still ring
            self._bell.close()
            self._ear.close()
