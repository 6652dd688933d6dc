"""Announced versions and pins in the console."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.admin import display
from django.http import HttpRequest

from hub import console
from hub.accounts.policies import RISK_OFFICERS
from hub.clock import now
from hub.records import Deed, RecordAdmin, actor
from risk.scoring import notices, pins
from risk.scoring.models import Announcement, ModelVersion, VersionPin


class PinForm(forms.Form):
    """Who goes on with this version, and for how long."""

    institution_id = forms.UUIDField(label="Institution (id)")
    days = forms.IntegerField(label="For how many days", min_value=1, max_value=90)


def _pin(request: HttpRequest, row: ModelVersion, data: dict[str, Any]) -> str:
    moment = now()
    made = pins.pin(
        institution_id=data["institution_id"], version_id=row.id, until=moment + timedelta(days=data["days"]),
        actor=actor(request), now=moment,
    )  # fmt: skip
    return f"Pinned for this institution until {made.until:%Y-%m-%d %H:%M} UTC."


PIN = Deed(
    "pin", "Pin for an institution", _pin, RISK_OFFICERS, form=PinForm,
    offered=lambda row: row.state in ("champion", "retired"),
)  # fmt: skip


def _release(request: HttpRequest, row: VersionPin, _data: dict[str, Any]) -> str:
    pins.release(institution_id=row.institution_id, version_id=row.version_id, actor=actor(request), now=now())
    return "The champion scores this institution's customers again."


def _withdraw(request: HttpRequest, row: Announcement, _data: dict[str, Any]) -> str:
    notices.withdraw(announcement_id=row.id, actor=actor(request), now=now())
    return "Withdrawn: everybody who was told is told so. The version stays a challenger with its approvals."


@console.register(Announcement)
class AnnouncementAdmin(RecordAdmin):
    """Versions that take over on a day."""

    section = "Models"
    icon = "campaign"
    list_display = ("version", "effective_at", "state", "announced_at")
    list_select_related = ("version__line",)
    ordering = ("-announced_at", "-id")
    shown = ("id", "line", "version", "announced_at", "effective_at", "state", "ended_at")
    deeds = (
        Deed(
            "withdraw", "Withdraw", _withdraw, RISK_OFFICERS, danger=True, offered=lambda row: row.ended_at is None,
            question="The version does not take over, and everybody who was told is told so.",
        ),
    )  # fmt: skip

    @display(description="state")
    def state(self, row: Announcement) -> str:
        """Whether it waits for its day."""
        return "promoted" if row.promoted else "withdrawn" if row.ended_at else "announced"


@console.register(VersionPin)
class VersionPinAdmin(RecordAdmin):
    """Institutions that hold on to a version."""

    section = "Models"
    icon = "push_pin"
    title = "Pinned versions"
    list_display = ("version", "institution_id", "until", "state", "pinned_at")
    list_select_related = ("version__line",)
    search_fields = ("institution_id",)
    ordering = ("-pinned_at", "-id")
    shown = ("id", "institution_id", "line", "version", "pinned_at", "until", "state", "reminded_at", "ended_at")
    deeds = (Deed("release", "Release", _release, RISK_OFFICERS, offered=lambda row: row.ended_at is None),)

    @display(description="state")
    def state(self, row: VersionPin) -> str:
        """Whether it holds, or how it ended."""
        return row.get_ended_by_display() if row.ended_by else "holds"
