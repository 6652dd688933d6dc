"""Django's PostgreSQL backend, which also starts the embedded server, refuses an unsafe role, and knows scopes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.backends.postgresql import base
from django.db.models import Model
from psycopg.pq import ExecStatus, TransactionStatus

from hub import postgres
from hub.db import wire
from hub.db.inserts import insert_statement

if TYPE_CHECKING:
    from hub.tenancy import Scope

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

    def open_transaction(self, statements: str) -> None:
        """Run the first statements of a transaction, in one round trip with its BEGIN."""
        self.ensure_connection()
        with self.wrap_database_errors:
            if self.connection.info.transaction_status != TransactionStatus.IDLE or self.connection.autocommit:
                self.connection.execute(statements, prepare=False)
                return
            # This is also the check of a pooled connection's health: nothing is lost yet if it turns out to be dead.
            for _ in range(self.pool.max_size if self.pool else 0):
                if self._begin(statements) is None:
                    return
                self._renew_connection()
            if (error := self._begin(statements)) is not None:
                raise error

    def _begin(self, statements: str) -> psycopg.Error | None:
        """Return None once the transaction is open, or the error of a connection that is dead."""
        try:
            result = self.connection.pgconn.exec_(f"BEGIN; {statements}".encode())
        except psycopg.OperationalError as error:
            return error
        if result.status == ExecStatus.COMMAND_OK:
            return None
        fault = psycopg.errors.error_from_result(result)
        if not isinstance(fault, psycopg.OperationalError) and not self.connection.closed:
            raise fault
        return fault

    def _renew_connection(self) -> None:
        self.connection.close()
        self.pool.putconn(self.connection)
        self.connection = self.pool.getconn()
        self.connection.autocommit = False

    def flush(self) -> None:
        """Send the inserts that wait (see `hub.db.quick.append`), as one statement."""
        waiting, self.waiting = self.waiting, []
        if waiting:
            statement = insert_statement(tuple(model for model, _ in waiting))
            self.ask(statement, [value for _, values in waiting for value in values])

    def ask(self, statement: bytes, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a statement with the places $1, $2 and so on."""
        self.ensure_connection()
        with self.wrap_database_errors:
            return wire.ask(self.connection, statement, values, prepare=settings.PREPARE_STATEMENTS)

    def create_cursor(self, name: str | None = None) -> Any:
        """Make a cursor; what it runs sees the inserts that waited."""
        if self.waiting:
            self.flush()
        return super().create_cursor(name)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect; the embedded server is started first where it is the one to be used."""
        if settings.EMBEDDED_POSTGRES:
            postgres.ensure_running(settings.LUOPAN_HOME)
        return super().get_new_connection(conn_params)

    def _configure_connection(self, connection: Any) -> bool:
        changed: bool = super()._configure_connection(connection)  # type: ignore[misc]  # not in the stubs
        if not self.settings_dict.get("OWNER"):
            refuse_unsafe_role(connection)
        return changed


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
    wrapper = connections["default"]
    if wrapper.settings_dict.get("OWNER"):
        yield  # already
        return
    before = dict(wrapper.settings_dict)
    wrapper.close()
    wrapper.close_pool()  # type: ignore[attr-defined]  # the PostgreSQL backend's
    options = {key: value for key, value in before["OPTIONS"].items() if key != "pool"}
    owner = {key: value for key, value in settings.DATABASE_OWNER.items() if key != "NAME"}
    wrapper.settings_dict.update({**owner, "OPTIONS": options, "OWNER": True})
    try:
        yield
    finally:
        wrapper.close()
        name = wrapper.settings_dict["NAME"]
        wrapper.settings_dict.clear()
        wrapper.settings_dict.update({**before, "NAME": name})
