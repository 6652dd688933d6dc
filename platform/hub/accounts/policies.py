"""Who may do what in the console: roles are groups, and a person has the rights of the roles given to them."""

from collections.abc import Iterable
from enum import StrEnum

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from hub.accounts.models import User
from hub.errors import Forbidden

Person = AbstractBaseUser | AnonymousUser


class Role(StrEnum):
    """What a member of staff is trusted with. Administrators (superusers) hold every role and give them out."""

    OPERATOR = "operator"
    RISK_OFFICER = "risk officer"
    AUDITOR = "auditor"


OPERATORS = frozenset({Role.OPERATOR})
RISK_OFFICERS = frozenset({Role.RISK_OFFICER})
STAFF = OPERATORS | RISK_OFFICERS
NOBODY_BUT_ADMINISTRATORS: frozenset[Role] = frozenset()


def may_read(person: Person) -> bool:
    """Whether this is a member of staff with some role: all of them may read the whole console."""
    return isinstance(person, User) and person.is_active and person.is_staff and (_all(person) or bool(person.roles))


def may(person: Person, roles: Iterable[str]) -> bool:
    """Whether the person has one of the roles; administrators have all."""
    return may_read(person) and isinstance(person, User) and (_all(person) or not person.roles.isdisjoint(roles))


def require(person: Person, roles: frozenset[Role]) -> None:
    """Raise `Forbidden` unless the person has one of the roles."""
    if not may(person, roles):
        needed = " or ".join(sorted(roles)) or "administrator"
        raise Forbidden(f"This needs the role {needed}.")


def check_roles(roles: Iterable[Role]) -> None:
    """Raise `Forbidden` for a set of roles that nobody should hold together."""
    if Role.AUDITOR in set(roles) and len(set(roles)) > 1:
        raise Forbidden("An auditor reads only: the role goes with no other.")


def _all(person: User) -> bool:
    return person.is_superuser
