"""Data-sharing agreements in the console."""

from typing import Any

from django import forms
from django.http import HttpRequest

from hub import console
from hub.accounts.policies import RISK_OFFICERS
from hub.clock import now
from hub.records import Deed, RecordAdmin, actor
from risk.learning import agreements
from risk.learning.models import SharingAgreement


class AgreementForm(forms.Form):
    """Who agreed to what, from when on."""

    lender = forms.UUIDField(help_text="The institution's id, from its page.")
    reference = forms.CharField(max_length=200, help_text="What the signed document is called, and where it lies.")
    begins_on = forms.DateField(help_text="The first day on which it counts.")


def _record(request: HttpRequest, _row: Any, data: dict[str, Any]) -> str:
    agreements.record_agreement(
        lender_id=data["lender"], reference=data["reference"], begins_on=data["begins_on"], actor=actor(request),
        now=now(),
    )  # fmt: skip
    return "The next training of a shared line reads this lender's outcomes."


def _end(request: HttpRequest, row: SharingAgreement, _data: dict[str, Any]) -> str:
    agreements.end_agreement(agreement_id=row.id, actor=actor(request), now=now())
    return "No later training of a shared line reads this lender's outcomes."


@console.register(SharingAgreement)
class SharingAgreementAdmin(RecordAdmin):
    """Which lenders let the platform's models learn from how their loans turned out."""

    section = "Models"
    icon = "handshake"
    list_display = ("reference", "lender_id", "begins_on", "recorded_at", "ended_at")
    search_fields = ("lender_id", "reference")
    shown = ("reference", "lender_id", "begins_on", "recorded_by", "recorded_at", "ended_at")
    list_deeds = (Deed("record-agreement", "Record an agreement", _record, RISK_OFFICERS, form=AgreementForm),)
    deeds = (
        Deed(
            "end-agreement", "End", _end, RISK_OFFICERS, danger=True, offered=lambda row: row.is_open,
            question="No later training of a shared line may read this lender's outcomes; versions that did stay.",
        ),
    )  # fmt: skip
