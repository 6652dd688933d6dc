"""Budgets of scores and alerts about who asks, in the console."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest

from hub import console
from hub.accounts.policies import OPERATORS, RISK_OFFICERS
from hub.clock import now
from hub.records import Deed, Part, RecordAdmin, actor, coloured
from risk.scoring import query_budgets, query_watch
from risk.scoring.models import QueryAlert, QueryBudget

SCORES_MAX = 10**9


class BudgetForm(forms.Form):
    """How many scores a day on each line."""

    scores_per_day = forms.IntegerField(
        min_value=1, max_value=SCORES_MAX, help_text="Of each model line, all credentials and files together; UTC days."
    )  # fmt: skip


class NewBudgetForm(BudgetForm):
    """For whom, besides."""

    institution_id = forms.UUIDField(label="Institution", help_text="Its id, a sandbox's or the live one's.")
    field_order = ("institution_id", "scores_per_day")


class SettleForm(forms.Form):
    """What was found out."""

    note = forms.CharField(max_length=500, label="What was found out", help_text="A sentence that stays in the audit.")


def _set(request: HttpRequest, row: QueryBudget | None, data: dict[str, Any]) -> str:
    institution_id = row.institution_id if row else data["institution_id"]
    query_budgets.set_budget(
        institution_id=institution_id, scores_per_day=data["scores_per_day"], actor=actor(request), now=now()
    )
    return "Every process holds to it within a minute."


def _settle(request: HttpRequest, row: QueryAlert, data: dict[str, Any]) -> str:
    assert request.user.pk is not None
    user_id = UUID(str(request.user.pk))
    query_watch.settle_alert(alert_id=row.id, note=data["note"], user_id=user_id, now=now())
    return "Settled. The same would be told again after a day."


@console.register(QueryBudget)
class QueryBudgetAdmin(RecordAdmin):
    """Institutions whose budget of scores is not that of all others."""

    section = "Models"
    icon = "data_usage"
    title = "Query budgets"
    list_display = ("institution_id", "scores_per_day", "changed_at")
    search_fields = ("institution_id",)
    ordering = ("institution_id",)
    shown = ("institution_id", "scores_per_day", "changed_at")
    list_deeds = (Deed("set-query-budget", "Set a budget", _set, OPERATORS, form=NewBudgetForm),)
    deeds = (Deed("change-query-budget", "Change it", _set, OPERATORS, form=BudgetForm),)

    def parts(self, request: HttpRequest, row: QueryBudget) -> list[Part]:  # noqa: ARG002 - the base's signature
        """Show what was used today."""
        used = query_budgets.used_today(institution_id=row.institution_id, now=now())
        return [Part("Today", "scoring/used_today.html", {"used": sorted(used.items())})]


@console.register(QueryAlert)
class QueryAlertAdmin(RecordAdmin):
    """Institutions whose questions look as if they were after a model."""

    section = "Models"
    icon = "policy_alert"
    title = "Query alerts"
    list_display = ("institution_id", "line", "kind", "state_label", "opened_at")
    list_filter = ("state", "kind", "line")
    list_select_related = ("line",)
    search_fields = ("institution_id",)
    shown = (
        "institution_id", "line", "kind", "looked_at", "found", "state_label", "opened_at", "settled_by", "settled_at",
        "note",
    )  # fmt: skip
    deeds = (
        Deed("settle", "Settle", _settle, RISK_OFFICERS, form=SettleForm, offered=lambda row: row.is_open),
    )  # fmt: skip

    def parts(self, request: HttpRequest, row: QueryAlert) -> list[Part]:  # noqa: ARG002 - the base's signature
        """Show what the institution used today."""
        used = query_budgets.used_today(institution_id=row.institution_id, now=now())
        return [Part("Scores today", "scoring/used_today.html", {"used": sorted(used.items())})]

    @coloured("state", open="warning", settled="")
    def state_label(self, row: QueryAlert) -> str:
        """Colour the state."""
        return row.state
