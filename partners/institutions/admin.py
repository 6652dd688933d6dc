"""Institutions and their clients in the console."""

from typing import Any

from django import forms
from django.contrib.admin import display
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from hub import console
from hub.accounts.policies import OPERATORS
from hub.clock import now
from hub.console import Panel
from hub.errors import DomainError
from hub.parsing import strict_json
from hub.records import Deed, Once, Part, RecordAdmin, actor, coloured
from partners.institutions import queries, services
from partners.institutions.models import Client, Institution
from partners.institutions.scopes import SCOPES

_METHODS = [(Client.KEY, "By signed assertion (private_key_jwt)"), (Client.SECRET, "By secret (sandbox only)")]


class OnboardForm(forms.Form):
    """A new institution."""

    name = forms.CharField(max_length=services.NAME_MAX)
    jurisdiction = forms.CharField(max_length=2, min_length=2, help_text="ISO 3166-1 alpha-2, such as HK.")

    def clean_jurisdiction(self) -> str:
        """Take small letters as well."""
        return str(self.cleaned_data["jurisdiction"]).upper()


class NameForm(forms.Form):
    """A new sandbox."""

    name = forms.CharField(max_length=services.NAME_MAX)


class ClientForm(forms.Form):
    """A new client."""

    name = forms.CharField(max_length=services.NAME_MAX, help_text="What it is for, such as “scoring, night batch”.")
    method = forms.ChoiceField(choices=_METHODS, label="Signs in")
    scopes = forms.MultipleChoiceField(
        choices=[(name, f"{name}: {meaning}") for name, meaning in SCOPES.items()], widget=forms.CheckboxSelectMultiple
    )
    jwks = forms.CharField(
        required=False, widget=forms.Textarea, label="Public keys",
        help_text="A JSON Web Key Set (RFC 7517) with public keys only; for clients that sign assertions.",
    )  # fmt: skip

    def clean_jwks(self) -> object:
        """Read the JSON."""
        return _json(self.cleaned_data["jwks"]) if self.cleaned_data["jwks"].strip() else None


class KeysForm(forms.Form):
    """Other keys for a client."""

    jwks = forms.CharField(
        widget=forms.Textarea, label="Public keys",
        help_text="The whole JSON Web Key Set (RFC 7517). A key that is not in it is refused at once: leave the old "
        "one in until the client signs with the new one.",
    )  # fmt: skip

    def clean_jwks(self) -> object:
        """Read the JSON."""
        return _json(self.cleaned_data["jwks"])


def _json(text: str) -> object:
    try:
        return strict_json(text.encode())
    except DomainError as error:
        raise ValidationError(error.detail) from error


class LimitsForm(forms.Form):
    """What a client may ask."""

    per_minute = forms.IntegerField(required=False, min_value=1, max_value=services.LIMIT_MAX, label="A minute")
    per_day = forms.IntegerField(
        required=False, min_value=1, max_value=services.LIMIT_MAX, label="A day (UTC)",
        help_text="Requests to all web processes together. Leave a field empty for the limit of all others.",
    )  # fmt: skip


def _onboard(request: HttpRequest, _row: None, data: dict[str, Any]) -> str:
    made = services.onboard_institution(**data, actor=actor(request), now=now())
    return f"{made.name} is open. Give it a sandbox, or issue a client."


def _open_sandbox(request: HttpRequest, row: Institution, data: dict[str, Any]) -> str:
    made = services.onboard_institution(
        name=data["name"], jurisdiction=row.jurisdiction, sandbox_of=row.id, actor=actor(request), now=now()
    )
    return f"The sandbox {made.name} is open."


def _suspend(request: HttpRequest, row: Institution, _data: dict[str, Any]) -> str:
    services.suspend_institution(institution_id=row.id, actor=actor(request), now=now())
    return "All its clients are kept out from now on."


def _resume(request: HttpRequest, row: Institution, _data: dict[str, Any]) -> str:
    services.resume_institution(institution_id=row.id, actor=actor(request), now=now())
    return "Its clients may come in again."


def _issue(request: HttpRequest, row: Institution, data: dict[str, Any]) -> Once:
    client, secret = services.issue_client(institution_id=row.id, **data, actor=actor(request), now=now())
    lines = (("Client id", client.client_id), ("Scopes", " ".join(client.scopes)))
    if secret:
        return Once("Client issued", (*lines, ("Client secret", secret)))
    return Once("Client issued", lines, advice="It signs in with its own key; there is no secret to keep.")


def _limit(request: HttpRequest, row: Client, data: dict[str, Any]) -> str:
    limited = services.limit_client(client_id=row.client_id, **data, actor=actor(request), now=now())
    return f"From now on it may ask {limited.per_minute:,} times a minute and {limited.per_day:,} times a day."


def _replace_keys(request: HttpRequest, row: Client, data: dict[str, Any]) -> str:
    view = services.replace_client_keys(client_id=row.client_id, **data, actor=actor(request), now=now())
    return f"It signs in with {', '.join(view.key_ids)}, and with no other key."


def _rotate_secret(request: HttpRequest, row: Client, _data: dict[str, Any]) -> Once:
    client, secret = services.rotate_client_secret(client_id=row.client_id, actor=actor(request), now=now())
    lines = (("Client id", client.client_id), ("Client secret", secret))
    advice = "Copy it now: it cannot be shown again. The secret before it is good for 24 hours more."
    return Once("New secret", lines, advice=advice)


def _has_keys(row: Client) -> bool:
    return row.revoked_at is None and row.method == Client.KEY


def _has_secret(row: Client) -> bool:
    return row.revoked_at is None and row.method == Client.SECRET


def _revoke(request: HttpRequest, row: Client, _data: dict[str, Any]) -> str:
    services.revoke_client(client_id=row.client_id, actor=actor(request), now=now())
    return "The client is revoked, and its tokens are dead."


@console.register(Institution)
class InstitutionAdmin(RecordAdmin):
    """Institutions and their sandboxes."""

    section = "Institutions"
    icon = "account_balance"
    list_display = ("name", "jurisdiction", "kind", "state", "created_at")
    list_filter = ("is_active", "jurisdiction")
    list_select_related = ("live",)
    search_fields = ("name", "id")
    ordering = ("name",)
    shown = ("id", "name", "jurisdiction", "kind", "live", "state", "created_at")
    list_deeds = (Deed("onboard", "Onboard an institution", _onboard, OPERATORS, form=OnboardForm),)
    deeds = (
        Deed("client", "Issue a client", _issue, OPERATORS, form=ClientForm, offered=lambda row: row.is_active),
        Deed(
            "sandbox", "Open a sandbox", _open_sandbox, OPERATORS, form=NameForm, offered=lambda row: not row.is_sandbox
        ),
        Deed(
            "suspend", "Suspend", _suspend, OPERATORS, danger=True, offered=lambda row: row.is_active,
            question="Every client of this institution is kept out and its tokens are dead until you resume it.",
        ),
        Deed("resume", "Resume", _resume, OPERATORS, offered=lambda row: not row.is_active),
    )  # fmt: skip

    def parts(self, request: HttpRequest, row: Institution) -> list[Part]:  # noqa: ARG002 - the base's signature
        """List its clients and sandboxes."""
        clients = [(client, queries.client_view(client)) for client in queries.clients_of(row.id).order_by("created")]
        context = {"clients": clients, "sandboxes": row.sandboxes.order_by("name")}
        return [Part("Clients and sandboxes", "institutions/clients.html", context)]

    @display(description="kind")
    def kind(self, row: Institution) -> str:
        """Live, or a sandbox of which."""
        return f"sandbox of {row.live}" if row.is_sandbox else "live"

    @coloured("state", active="success", suspended="danger")
    def state(self, row: Institution) -> str:
        """Whether its clients may come in."""
        return "active" if row.is_active else "suspended"


@console.register(Client)
class ClientAdmin(RecordAdmin):
    """API clients; their secrets are not even fetched."""

    section = "Institutions"
    icon = "vpn_key"
    title = "Clients"
    list_display = ("name", "client_id", "institution", "method", "kind", "state", "created")
    list_filter = ("method", "sandbox")
    list_select_related = ("institution",)
    search_fields = ("name", "client_id")
    ordering = ("-created",)
    shown = (
        "name",
        "client_id",
        "institution",
        "kind",
        "method",
        "scopes",
        "key_ids",
        "limits",
        "state",
        "created",
        "revoked_at",
    )
    deeds = (
        Deed("limit", "Limit", _limit, OPERATORS, form=LimitsForm, offered=lambda row: row.revoked_at is None),
        Deed("keys", "Replace keys", _replace_keys, OPERATORS, form=KeysForm, offered=_has_keys),
        Deed("secret", "New secret", _rotate_secret, OPERATORS, offered=_has_secret),
        Deed(
            "revoke", "Revoke", _revoke, OPERATORS, danger=True, offered=lambda row: row.revoked_at is None,
            question="Its tokens are dead at once and it gets no new ones. This cannot be undone.",
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Client]:
        """Leave the hash of the secret where it is."""
        rows: QuerySet[Client] = super().get_queryset(request).defer("client_secret", "previous_secret")
        return rows.select_related("institution")

    @display(description="kind")
    def kind(self, row: Client) -> str:
        """Live or sandbox."""
        return "sandbox" if row.sandbox else "live"

    @display(description="key ids")
    def key_ids(self, row: Client) -> str:
        """Name its public keys."""
        return ", ".join(queries.client_view(row).key_ids) or "none"

    @display(description="limits")
    def limits(self, row: Client) -> str:
        """Say what it may ask."""
        view = queries.client_view(row)
        return f"{view.per_minute:,} requests a minute, {view.per_day:,} a day"

    @coloured("state", active="success", revoked="danger")
    def state(self, row: Client) -> str:
        """Whether it may sign in."""
        return "revoked" if row.revoked_at else "active"


@console.register_panel
def institutions(_request: HttpRequest) -> Panel:
    """Count institutions and clients."""
    facts = [
        ("Live institutions", Institution.objects.filter(live=None, is_active=True).count(), False),
        ("Sandboxes", Institution.objects.exclude(live=None).filter(is_active=True).count(), False),
        ("Clients", Client.objects.filter(revoked_at=None).count(), False),
    ]
    return Panel("Institutions", "console/facts.html", {"facts": facts}, "/console/institutions/institution/")
