"""Approvals of proxies in the console."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest

from hub import console
from hub.accounts.policies import RISK_OFFICERS
from hub.clock import now
from hub.records import Deed, RecordAdmin
from risk.scoring import proxies
from risk.scoring.models import ModelLine, ProxyApproval


class ProxyForm(forms.Form):
    """Which feature of which line, why, until when."""

    line = forms.ModelChoiceField(queryset=ModelLine.objects.none())
    feature = forms.CharField(max_length=120, help_text="Its name in the line's mapping.")
    reason = forms.CharField(max_length=500, help_text="Why the line needs it all the same: a sentence for the audit.")
    expires_on = forms.DateField(help_text="From this day on no training takes it; a year ahead at most.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        line: Any = self.fields["line"]
        line.queryset = ModelLine.objects.order_by("name")


def _user(request: HttpRequest) -> UUID:
    assert request.user.pk is not None
    return UUID(str(request.user.pk))


def _approve(request: HttpRequest, _row: Any, data: dict[str, Any]) -> str:
    proxies.approve_proxy(
        line_id=data["line"].id, feature=data["feature"], reason=data["reason"], expires_on=data["expires_on"],
        user_id=_user(request), now=now(),
    )  # fmt: skip
    return "Trainings of the line may learn from it until that day."


def _end(request: HttpRequest, row: ProxyApproval, _data: dict[str, Any]) -> str:
    proxies.end_approval(approval_id=row.id, user_id=_user(request), now=now())
    return "No later training of the line learns from it, and no version that did is approved."


@console.register(ProxyApproval)
class ProxyApprovalAdmin(RecordAdmin):
    """Features that stand in for protected attributes, and who lets which line learn from them until when."""

    section = "Models"
    icon = "approval"
    list_display = ("feature", "line", "expires_on", "approved_at", "ended_at")
    list_select_related = ("line",)
    list_filter = ("line",)
    search_fields = ("feature",)
    shown = ("line", "feature", "reason", "begins_on", "expires_on", "approved_by", "approved_at", "ended_at")
    list_deeds = (Deed("approve-proxy", "Approve a proxy", _approve, RISK_OFFICERS, form=ProxyForm),)
    deeds = (
        Deed(
            "end-approval", "End", _end, RISK_OFFICERS, danger=True, offered=lambda row: row.is_open,
            question="No later training of the line may learn from it.",
        ),
    )  # fmt: skip
