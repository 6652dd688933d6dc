"""Accounts in the console: administrators give them out and close them; no secret is ever shown but a new password."""

from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest

from hub import console
from hub.accounts import services
from hub.accounts.models import User
from hub.accounts.policies import NOBODY_BUT_ADMINISTRATORS, Role
from hub.clock import now
from hub.records import Deed, Once, RecordAdmin, actor, coloured

_ROLES = [(role.value, role.value) for role in Role]


class RolesForm(forms.Form):
    """Which roles a member of staff holds."""

    roles = forms.MultipleChoiceField(
        choices=_ROLES, required=False, widget=forms.CheckboxSelectMultiple,
        help_text="Operators run the platform, risk officers approve models, auditors read only.",
    )  # fmt: skip


class AccountForm(RolesForm):
    """A new account."""

    email = forms.EmailField(label="E-mail address")
    name = forms.CharField(max_length=120)
    institution_id = forms.UUIDField(
        required=False, label="Institution", help_text="The id of a member's institution; empty for staff."
    )
    field_order = ("email", "name", "roles", "institution_id")


def _open(request: HttpRequest, _row: None, data: dict[str, Any]) -> Once:
    made = services.open_account(
        email=data["email"], name=data["name"], roles=[Role(role) for role in data["roles"]],
        institution_id=data["institution_id"], actor=actor(request), now=now(),
    )  # fmt: skip
    return Once("Account given out", (("E-mail address", data["email"]), ("First password", made.password)))


def _roles(request: HttpRequest, row: User, data: dict[str, Any]) -> str:
    roles = [Role(role) for role in data["roles"]]
    services.give_roles(user_id=row.id, roles=roles, actor=actor(request), now=now())
    return "Roles given."


def _password(request: HttpRequest, row: User, _data: dict[str, Any]) -> Once:
    password = services.renew_password(user_id=row.id, actor=actor(request), now=now())
    return Once("New password", (("E-mail address", row.email), ("Password", password)))


def _reset(request: HttpRequest, row: User, _data: dict[str, Any]) -> str:
    services.reset_second_factor(user_id=row.id, actor=actor(request), now=now())
    return "The second factor is gone: the next page this person opens asks for a new one."


def _close(request: HttpRequest, row: User, _data: dict[str, Any]) -> str:
    services.switch(user_id=row.id, active=False, actor=actor(request), now=now())
    return "The account is closed."


def _reopen(request: HttpRequest, row: User, _data: dict[str, Any]) -> str:
    services.switch(user_id=row.id, active=True, actor=actor(request), now=now())
    return "The account is open again."


@console.register(User)
class UserAdmin(RecordAdmin):
    """Staff and members."""

    section = "People"
    icon = "person"
    list_display = ("email", "name", "kind", "roles_held", "second_factor", "is_active", "last_login")
    list_filter = ("is_staff", "is_active")
    search_fields = ("email", "name")
    ordering = ("email",)
    shown = (
        "email", "name", "kind", "roles_held", "second_factor", "institution_id", "is_active", "last_login",
        "date_joined",
    )  # fmt: skip
    list_deeds = (Deed("open", "Give out an account", _open, NOBODY_BUT_ADMINISTRATORS, form=AccountForm),)
    deeds = (
        Deed(
            "roles", "Give roles", _roles, NOBODY_BUT_ADMINISTRATORS, form=RolesForm, offered=lambda row: row.is_staff
        ),
        Deed(
            "password", "New password", _password, NOBODY_BUT_ADMINISTRATORS, danger=True,
            question="The present password and every open session end. The new password is shown once.",
        ),
        Deed(
            "second-factor", "Reset second factor", _reset, NOBODY_BUT_ADMINISTRATORS, danger=True,
            question="Authenticator app, passkeys and recovery codes of this person are removed. Be sure who asks.",
        ),
        Deed(
            "close", "Close account", _close, NOBODY_BUT_ADMINISTRATORS, danger=True,
            question="This person is signed out and cannot sign in any more.", offered=lambda row: row.is_active,
        ),
        Deed("reopen", "Open again", _reopen, NOBODY_BUT_ADMINISTRATORS, offered=lambda row: not row.is_active),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Fetch roles and second factors with the list; never the password."""
        rows: QuerySet[User] = super().get_queryset(request).defer("password")
        return rows.prefetch_related("groups", "authenticator_set")

    def form_of(self, deed: Deed, row: Any, request: HttpRequest) -> forms.Form:
        """Tick the roles that the person holds already."""
        form = super().form_of(deed, row, request)
        if row is not None and "roles" in form.fields:
            form.initial["roles"] = [group.name for group in row.groups.all()]
        return form

    @display(description="kind")
    def kind(self, row: User) -> str:
        """Staff, administrator or member."""
        return "administrator" if row.is_superuser else "staff" if row.is_staff else "member"

    @display(description="roles")
    def roles_held(self, row: User) -> str:
        """Name the roles."""
        return ", ".join(sorted(group.name for group in row.groups.all())) or "none"

    @coloured("second factor", missing="danger", set="success")
    def second_factor(self, row: Any) -> tuple[str, str]:
        """Say which kinds there are, not what they hold."""
        kinds = sorted({str(Authenticator.Type(one.type).label) for one in row.authenticator_set.all()})
        return ("set", ", ".join(kinds)) if kinds else ("missing", "missing")
