"""Webhook endpoints and deliveries in the console."""

from typing import Any

from django import forms
from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest

from hub import console
from hub.accounts.policies import OPERATORS
from hub.clock import now
from hub.console import Panel
from hub.records import Deed, Once, Part, RecordAdmin, actor, coloured, extend
from partners.delivery import queries, services
from partners.delivery.models import DESCRIPTION_MAX, Delivery, WebhookEndpoint
from partners.delivery.targets import URL_MAX

_ADVICE = "Copy it now and hand it over on a safe way: it is kept encrypted and cannot be shown again."
_LIST = "/console/delivery/delivery/"
_NEWEST = 20


class EndpointForm(forms.Form):
    """A new endpoint."""

    url = forms.CharField(max_length=URL_MAX, label="URL", help_text="https, on port 443, at a public address.")
    description = forms.CharField(max_length=DESCRIPTION_MAX, required=False)
    event_types = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, help_text="None ticked: every event."
    )
    approved_network = forms.CharField(
        required=False, max_length=50, label="Approved private network",
        help_text="Only for a receiver inside your own network, such as 10.20.0.0/16: this endpoint may be there.",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["event_types"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(name, name) for name in queries.event_types()]


def _register(request: HttpRequest, row: Any, data: dict[str, Any]) -> Once:
    made, secret = services.register_endpoint(institution_id=row.pk, **data, actor=actor(request), now=now())
    return Once("Webhook endpoint registered", (("URL", made.url), ("Signing secret", secret)), advice=_ADVICE)


def _test(request: HttpRequest, row: WebhookEndpoint, _data: dict[str, Any]) -> str:
    services.send_test(endpoint_id=row.id, actor=actor(request), now=now())
    return "A test event is on its way: see the deliveries below in a few seconds."


def _rotate(request: HttpRequest, row: WebhookEndpoint, _data: dict[str, Any]) -> Once:
    made = services.rotate_secret(endpoint_id=row.id, actor=actor(request), now=now())
    until = f"{made.previous_expires_at:%Y-%m-%d %H:%M} UTC"
    lines = (("New signing secret", made.secret), ("The one before signs until", until))
    return Once("Secret rotated", lines, advice=_ADVICE)


def _disable(request: HttpRequest, row: WebhookEndpoint, _data: dict[str, Any]) -> str:
    services.change_endpoint(endpoint_id=row.id, state="disabled", actor=actor(request), now=now())
    return "Nothing is sent to it any more; what waited is parked."


def _enable(request: HttpRequest, row: WebhookEndpoint, _data: dict[str, Any]) -> str:
    services.change_endpoint(endpoint_id=row.id, state="active", actor=actor(request), now=now())
    return "New events are sent to it again. Parked ones wait for “Send parked again”."


def _send_parked(request: HttpRequest, row: WebhookEndpoint, _data: dict[str, Any]) -> str:
    count = services.resend_parked(endpoint_id=row.id, actor=actor(request), now=now())
    return f"{count} deliveries are sent again now."


def _send_again(request: HttpRequest, row: Delivery, _data: dict[str, Any]) -> str:
    services.resend(delivery_id=row.id, actor=actor(request), now=now())
    return "It is sent again now, with the same id and body and all its attempts."


@console.register(WebhookEndpoint)
class WebhookEndpointAdmin(RecordAdmin):
    """Where institutions want their events sent; the secrets are not even fetched."""

    section = "Webhooks"
    icon = "webhook"
    list_display = ("label", "institution", "url", "state_label", "failing_since", "created_at")
    list_filter = ("state", "disabled_reason", "sandbox")
    list_select_related = ("institution",)
    search_fields = ("id", "url", "description")
    ordering = ("-created_at", "-id")
    shown = (
        "id", "institution", "url", "description", "event_types", "approved_network", "state", "disabled_reason",
        "held_until", "failing_since", "slow", "created_at",
    )  # fmt: skip
    deeds = (
        Deed("test", "Send a test", _test, OPERATORS, offered=lambda row: row.state == "active"),
        Deed("send-parked", "Send parked again", _send_parked, OPERATORS, offered=lambda row: row.state == "active"),
        Deed(
            "rotate", "Rotate the secret", _rotate, OPERATORS, offered=lambda row: row.state != "removed",
            question="A new secret is made and shown once. For a day messages are signed with the present one as well.",
        ),
        Deed(
            "disable", "Disable", _disable, OPERATORS, danger=True, offered=lambda row: row.state == "active",
            question="Nothing is sent to it any more, and what waits for it is parked. Events stay in the log.",
        ),
        Deed("enable", "Enable", _enable, OPERATORS, offered=lambda row: row.state == "disabled"),
    )  # fmt: skip

    def parts(self, request: HttpRequest, row: WebhookEndpoint) -> list[Part]:  # noqa: ARG002 - the base's signature
        """List its newest deliveries."""
        newest = queries.deliveries_of(row.institution_id, endpoint=row).order_by("-created_at", "-id")[:_NEWEST]
        return [Part("Newest deliveries", "delivery/newest.html", {"rows": newest})]

    @display(description="endpoint")
    def label(self, row: WebhookEndpoint) -> str:
        """Its description, or its id."""
        return row.description or str(row.id)

    @coloured("state", active="success", disabled="danger", removed="")
    def state_label(self, row: WebhookEndpoint) -> str:
        """Colour the state."""
        return row.state


@console.register(Delivery)
class DeliveryAdmin(RecordAdmin):
    """Deliveries, newest first; those that were given up can be sent again."""

    section = "Webhooks"
    icon = "outgoing_mail"
    list_display = ("event_type", "endpoint", "state_label", "attempts", "last_status", "last_fault", "created_at")
    list_filter = ("state",)
    list_select_related = ("endpoint",)
    search_fields = ("id", "event__id", "endpoint__id")
    ordering = ("-created_at", "-id")
    shown = (
        "id", "endpoint", "event", "event_type", "state", "attempts", "due_at", "attempted_at", "last_status",
        "last_fault", "institution_id", "created_at", "sent",
    )  # fmt: skip
    deeds = (Deed("again", "Send again", _send_again, OPERATORS, offered=lambda row: row.endpoint.state == "active"),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        """Leave the bodies where they are until a page needs one."""
        rows: QuerySet[Delivery] = super().get_queryset(request).select_related("endpoint").defer("body")
        return rows

    @display(description="body")
    def sent(self, row: Delivery) -> str:
        """The bytes that are sent: ids and figures, no personal data."""
        return bytes(row.body).decode()

    @coloured("state", parked="danger", waiting="info", delivered="success")
    def state_label(self, row: Delivery) -> str:
        """Colour the state."""
        return row.state


extend(
    "institutions.Institution",
    deeds=[Deed("webhook", "Register a webhook endpoint", _register, OPERATORS, form=EndpointForm)],
)


@console.register_panel
def webhooks(_request: HttpRequest) -> Panel:
    """Count endpoints, what waits, and what was given up."""
    parked = Delivery.objects.filter(state="parked").count()
    failing = WebhookEndpoint.objects.filter(state="disabled", disabled_reason="failing").count()
    facts = [
        ("Active endpoints", WebhookEndpoint.objects.filter(state="active").count(), False),
        ("Disabled after days of failures", failing, failing > 0),
        ("Waiting", Delivery.objects.filter(state="waiting").count(), False),
        ("Parked", parked, parked > 0),
    ]
    return Panel("Webhooks", "console/facts.html", {"facts": facts}, f"{_LIST}?state__exact=parked")
