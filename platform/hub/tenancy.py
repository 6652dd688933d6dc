"""Whose rows a transaction may touch: SET LOCAL ROLE and the institution's id, set as each transaction opens.

The login role has no rights of its own, so outside a scope every table answers "permission denied".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from django.db import connections, transaction

from hub.db.base import DatabaseWrapper


class ScopeError(RuntimeError):
    """A scope was opened inside another one: a mistake in the program, never of its user."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One database role and, for the tenant's, the institution whose rows it sees."""

    role: str
    institution_id: UUID | None = None


PLATFORM = Scope("luopan_platform")


@contextmanager
def tenant_scope(institution_id: UUID) -> Iterator[None]:
    """Open a transaction that sees the rows of one institution only."""
    if not isinstance(institution_id, UUID):
        raise ScopeError(f"an institution's id is a UUID, not {type(institution_id).__name__}")
    with _open(Scope("luopan_tenant", institution_id)):
        yield


@contextmanager
def platform_scope() -> Iterator[None]:
    """Open a transaction that sees every row: for the modules listed in the tests, and no others."""
    with _open(PLATFORM):
        yield


def current_scope() -> Scope | None:
    """Return the open scope of this thread's connection, None outside one."""
    return _wrapper().scope


def _wrapper() -> DatabaseWrapper:
    return cast(DatabaseWrapper, connections["default"])


@contextmanager
def _open(scope: Scope) -> Iterator[None]:
    wrapper = _wrapper()
    if wrapper.scope not in (None, scope):
        raise ScopeError(f"{scope} inside {wrapper.scope}: finish the first transaction before the second.")
    inner = wrapper.scope is not None
    nested = wrapper.in_atomic_block
    with transaction.atomic():
        if inner:
            yield
            return
        wrapper.open_transaction(scope.role, str(scope.institution_id or ""))
        wrapper.scope = scope
        try:
            yield
            wrapper.flush(commit=not nested and not wrapper.needs_rollback)
        finally:
            wrapper.scope = None
            wrapper.forget()
        # Only a test's own transaction lies around the outermost scope; what SET LOCAL did would live on in it.
        if nested and not wrapper.needs_rollback:
            wrapper.open_transaction("none", "")
