"""Whose rows a transaction may touch: SET LOCAL ROLE and the institution's id, set as each transaction opens.

The login role has no rights of its own, so outside a scope every table answers "permission denied".
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from hub.db.base import wrapper


class ScopeError(RuntimeError):
    """A scope was opened inside another one: a mistake in the program, never of its user."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One database role and, for the tenant's, the institution whose rows it sees."""

    role: str
    institution_id: UUID | None = None


PLATFORM = Scope("luopan_platform")


def tenant_scope(institution_id: UUID) -> AbstractContextManager[None]:
    """Open a transaction that sees the rows of one institution only."""
    if not isinstance(institution_id, UUID):
        raise ScopeError(f"an institution's id is a UUID, not {type(institution_id).__name__}")
    return _open(Scope("luopan_tenant", institution_id))


def platform_scope() -> AbstractContextManager[None]:
    """Open a transaction that sees every row: for the modules listed in the tests, and no others."""
    return _open(PLATFORM)


def current_scope() -> Scope | None:
    """Return the open scope of this thread's connection, None outside one."""
    return wrapper().scope


@contextmanager
def _open(scope: Scope) -> Iterator[None]:
    own = wrapper()
    if own.scope not in (None, scope):
        raise ScopeError(f"{scope} inside {own.scope}: finish the first transaction before the second.")
    inner = own.scope is not None
    nested = own.in_atomic_block
    with transaction.atomic():
        if inner:
            yield
            return
        own.open_transaction(scope.role, str(scope.institution_id or ""))
        own.scope = scope
        try:
            yield
            own.flush(commit=not nested and not own.needs_rollback)
        finally:
            own.scope = None
            own.forget()
        # Only a test's own transaction lies around the outermost scope; what SET LOCAL did would live on in it.
        if nested and not own.needs_rollback:
            own.open_transaction("none", "")
