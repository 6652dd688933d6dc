"""What administrators do with accounts. Passwords are made here, returned once, and kept only as hashes."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.db import transaction

from hub import outbox
from hub.accounts.events import AccountChanged, AccountOpened
from hub.accounts.models import User
from hub.accounts.policies import Role, check_roles
from hub.audit import Actor
from hub.errors import Conflict, FieldError, Invalid, NotFound


@dataclass(frozen=True, slots=True, repr=False)
class NewAccount:
    """An account that was just given out, with its first password."""

    user_id: UUID
    password: str


@transaction.atomic
def open_account(
    *,
    email: str,
    name: str,
    roles: Collection[Role] = (),
    institution_id: UUID | None = None,
    administrator: bool = False,
    actor: Actor,
    now: datetime,
) -> NewAccount:
    """Give out an account: to staff with roles, or to a member of an institution, who has none.

    `Invalid` where the address is taken or both were given; `Forbidden` for roles that exclude each other.
    """
    check_roles(roles)
    if institution_id is not None and (roles or administrator):
        raise Invalid([FieldError("/roles", "not_for_members", "A member of an institution has no role here.")])
    if User.by_email(email) is not None:
        raise Invalid([FieldError("/email", "taken", "There is an account with this address already.")])
    password = secrets.token_urlsafe(15)
    staff = institution_id is None
    user = User.objects.create_user(
        email, password, name=name, is_staff=staff, is_superuser=administrator, institution_id=institution_id
    )
    user.hold(roles)
    outbox.publish(AccountOpened(user.id, institution_id, is_staff=staff), actor=actor, now=now)
    return NewAccount(user.id, password)


@transaction.atomic
def give_roles(*, user_id: UUID, roles: Collection[Role], actor: Actor, now: datetime) -> None:
    """Let a member of staff hold exactly these roles."""
    check_roles(roles)
    user = _locked(user_id)
    if not user.is_staff:
        raise Conflict("A member of an institution has no role in the console.")
    user.hold(roles)
    _publish(user, "roles_given", ", ".join(sorted(roles)), actor, now)


@transaction.atomic
def renew_password(*, user_id: UUID, actor: Actor, now: datetime) -> str:
    """Give a new password, returned once; open sessions end."""
    user = _locked(user_id)
    password = secrets.token_urlsafe(15)
    user.renew_password(password)
    _publish(user, "password_renewed", "", actor, now)
    return password


@transaction.atomic
def reset_second_factor(*, user_id: UUID, actor: Actor, now: datetime) -> None:
    """Remove every second factor of a person, who must set up a new one before anything else."""
    user = _locked(user_id)
    Authenticator.objects.filter(user_id=user.id).delete()
    _publish(user, "second_factor_reset", "", actor, now)


@transaction.atomic
def switch(*, user_id: UUID, active: bool, actor: Actor, now: datetime) -> None:
    """Close an account or open it again; nobody closes their own."""
    if str(user_id) == actor.id:
        raise Conflict("Nobody closes the own account: another administrator must.")
    user = _locked(user_id)
    user.switch(active=active)
    _publish(user, "reopened" if active else "closed", "", actor, now)


def _locked(user_id: UUID) -> User:
    user = User.objects.select_for_update().filter(id=user_id).first()
    if user is None:
        raise NotFound("There is no such account.")
    return user


def _publish(user: User, change: str, detail: str, actor: Actor, now: datetime) -> None:
    outbox.publish(AccountChanged(user.id, user.institution_id, change=change, detail=detail), actor=actor, now=now)
