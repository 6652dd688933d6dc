"""Django's PostgreSQL backend, which also starts the embedded server, refuses an unsafe role, and knows scopes."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.backends.postgresql import base
from django.db.models import Model
from psycopg.pq import ConnStatus, TransactionStatus
from psycopg_pool import PoolTimeout

from hub import postgres
from hub.db import wire
from hub.db.inserts import insert_statement
from hub.db.patience import SilentServer, note_silent, refuse_if_silent, statement_limit_ms
from hub.db.wire import Rows, Statement

if TYPE_CHECKING:
    from hub.tenancy import Scope

# SET LOCAL ROLE and SET LOCAL, as one statement that can be prepared.
_ACT_AS = b"SELECT set_config('role', $1, true), set_config('app.institution_id', $2, true)"
_ACT_AS_SOON = _ACT_AS + b", set_config('statement_timeout', $3, true)"
_GONE = (psycopg.errors.AdminShutdown, psycopg.errors.CrashShutdown, psycopg.errors.CannotConnectNow)
_UNSAFE = """
SELECT concat_ws(', ',
  CASE WHEN r.rolsuper THEN 'is a superuser' END,
  CASE WHEN r.rolbypassrls THEN 'has BYPASSRLS' END,
  CASE WHEN r.rolinherit THEN 'inherits (it must be NOINHERIT)' END,
  CASE WHEN EXISTS (SELECT FROM pg_class c WHERE c.relowner = r.oid) THEN 'owns tables' END)
FROM pg_roles r WHERE r.rolname = session_user
"""


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that belongs to one scope at a time; see `hub.tenancy`."""

    scope: "Scope | None" = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting: list[tuple[type[Model], list[Any]]] = []
        self._opening: tuple[Statement, ...] = ()
        self._points: list[Statement] = []
        self._undone = ""
        self.offsets: dict[UUID, int] = {}  # of the clocks of sandboxes: see hub.sandbox

    def open_transaction(self, role: str, institution_id: str) -> None:
        """Let a transaction open as this role, in one round trip with its first statement."""
        self.ensure_connection()
        if limit_ms := statement_limit_ms():
            act = Statement(_ACT_AS_SOON, (role, institution_id, str(limit_ms)))
        else:
            act = Statement(_ACT_AS, (role, institution_id))
        if self.connection.info.transaction_status == TransactionStatus.IDLE:
            self._opening = (Statement(b"BEGIN"), act)
        else:  # within a test's own
            self._send(act)

    def ask(self, text: bytes, values: Sequence[Any]) -> Rows:
        """Return the rows of a statement with the places $1, $2 and so on."""
        self.ensure_connection()
        return self._send(Statement(text, values))[0]

    def flush(self, *, commit: bool = False) -> None:
        """Send the inserts that wait (see `hub.db.quick.append`), as one statement; with it, if told so, the COMMIT."""
        waiting, self.waiting = self.waiting, []
        if waiting:
            text = insert_statement(tuple(model for model, _ in waiting))
            values = [value for _, values in waiting for value in values]
            self.ensure_connection()
            self._send(Statement(text, values), *([Statement(b"COMMIT")] if commit else []))

    def _commit(self) -> None:
        # Where COMMIT went with the inserts, nothing is left to be said.
        if self.connection.pgconn.transaction_status != TransactionStatus.IDLE:
            super()._commit()  # type: ignore[misc]  # not in the stubs

    def forget(self) -> None:
        """Drop what was not sent: the transaction is over."""
        self.waiting.clear()
        self._opening = ()
        self._points.clear()
        self.offsets.clear()

    def _send(self, *statements: Statement) -> list[Rows]:
        opening, self._opening = self._opening, ()
        points, self._points = self._points, []
        return self._sent(opening, (*points, *statements))[len(points) :]

    def _sent(self, opening: tuple[Statement, ...], statements: tuple[Statement, ...]) -> list[Rows]:
        with self.wrap_database_errors:
            # The opening is also the check of a pooled connection's health: nothing is lost yet if it is dead.
            for _ in range(self.pool.max_size if opening and self.pool else 0):
                try:
                    return self._together(*opening, *statements)[len(opening) :]
                except SilentServer:
                    raise  # another connection to the same server would say no more
                except psycopg.OperationalError as error:
                    if not isinstance(error, _GONE) and self.connection.pgconn.status == ConnStatus.OK:
                        raise
                self._renew_connection()
            return self._together(*opening, *statements)[len(opening) :]

    def _savepoint(self, sid: str) -> None:
        """Let a savepoint of a scope go with the next statement: most end without one, or with one alone."""
        if self.scope is None:
            super()._savepoint(sid)  # type: ignore[misc]  # not in the stubs
            return
        self.flush()
        self._points.append(_point(self.ops.savepoint_create_sql(sid)))

    def _savepoint_commit(self, sid: str) -> None:
        if self.scope is None:
            super()._savepoint_commit(sid)  # type: ignore[misc]  # not in the stubs
        elif sid != self._undone and not self._unset(sid):
            self._points.append(_point(self.ops.savepoint_commit_sql(sid)))

    def _savepoint_rollback(self, sid: str) -> None:
        if self.scope is not None and self._unset(sid):
            self._undone = sid  # Django releases it all the same
            return
        self._points.clear()  # they lie within what is rolled back
        super()._savepoint_rollback(sid)  # type: ignore[misc]  # not in the stubs

    def _unset(self, sid: str) -> bool:
        """Forget a savepoint that was not sent yet, with all that came behind it; False where it was sent."""
        point = _point(self.ops.savepoint_create_sql(sid))
        if point not in self._points:
            return False
        del self._points[self._points.index(point) :]
        return True

    def _together(self, *statements: Statement) -> list[Rows]:
        return wire.ask(self.connection, *statements, prepare=settings.PREPARE_STATEMENTS)

    def _renew_connection(self) -> None:
        self.connection.close()
        self.pool.putconn(self.connection)
        self.connection = self.pool.getconn()
        self.connection.autocommit = False

    def _set_autocommit(self, autocommit: bool) -> None:
        # The driver asks its lock and runs a generator for what is one attribute as long as no transaction is open.
        if self.connection.pgconn.transaction_status == TransactionStatus.IDLE:
            self.connection._autocommit = autocommit
        else:
            super()._set_autocommit(autocommit)  # type: ignore[misc]  # not in the stubs

    def create_cursor(self, name: str | None = None) -> Any:
        """Make a cursor; what it runs sees the inserts that waited."""
        self.flush()
        if self._opening or self._points:
            self._send()
        return super().create_cursor(name)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect; the embedded server is started first where it is the one to be used."""
        if settings.EMBEDDED_POSTGRES:
            postgres.ensure_running(settings.LUOPAN_HOME)
        refuse_if_silent()
        try:
            return super().get_new_connection(conn_params)
        except PoolTimeout:
            note_silent()
            raise

    def _configure_connection(self, connection: Any) -> bool:
        changed: bool = super()._configure_connection(connection)  # type: ignore[misc]  # not in the stubs
        if not self.settings_dict.get("OWNER"):
            refuse_unsafe_role(connection)
        return changed


_of_thread = threading.local()


def wrapper() -> DatabaseWrapper:
    """Return this thread's wrapper of the default database: the same as Django's, without the ten calls to it."""
    try:
        return cast(DatabaseWrapper, _of_thread.wrapper)
    except AttributeError:
        _of_thread.wrapper = connections["default"]
        return cast(DatabaseWrapper, _of_thread.wrapper)


def _point(text: str) -> Statement:
    return Statement(text.encode(), prepared=False)


def refuse_unsafe_role(connection: Any) -> None:
    """Raise `ImproperlyConfigured` where the role of this psycopg connection would make row-level security void."""
    idle = connection.info.transaction_status == TransactionStatus.IDLE
    before = connection.autocommit
    if idle:
        connection.autocommit = True
    faults = connection.execute(_UNSAFE).fetchone()[0]
    if idle:
        connection.autocommit = before
    if faults:
        raise ImproperlyConfigured(
            f"The database role {connection.info.user!r} is unsafe: it {faults}. Row-level security would be void. "
            "Connect as luopan_app (see platform/hub/sql/roles.sql)."
        )


@contextmanager
def as_owner() -> Iterator[None]:
    """Let the default connection be the owner's for migrations and test set-up; the application's again afterwards."""
    default = connections["default"]
    if default.settings_dict.get("OWNER"):
        yield  # already
        return
    before = dict(default.settings_dict)
    default.close()
    default.close_pool()  # type: ignore[attr-defined]  # the PostgreSQL backend's
    options = {key: value for key, value in before["OPTIONS"].items() if key != "pool"}
    owner = {key: value for key, value in settings.DATABASE_OWNER.items() if key != "NAME"}
    default.settings_dict.update({**owner, "OPTIONS": options, "OWNER": True})
    try:
        yield
    finally:
        default.close()
        name = default.settings_dict["NAME"]
        default.settings_dict.clear()
        default.settings_dict.update({**before, "NAME": name})
