"""Alerts and nights in the console, and what is measured on each model line's page."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import display
from django.http import HttpRequest
from django.urls import reverse

from hub import console, records
from hub.clock import now
from hub.console import Panel
from hub.records import Part, RecordAdmin, coloured
from risk.monitoring import pages, queries, shadows
from risk.monitoring.models import Alert, MonitoringRun
from risk.scoring import facade as scoring

ALERTS_SHOWN = 8
FIGURES_SHOWN = 500


@console.register(Alert)
class AlertAdmin(RecordAdmin):
    """Alerts: opened and closed by the nightly figures, by nobody else."""

    section = "Models"
    icon = "notification_important"
    list_display = ("alert", "line", "state_label", "value", "opened_at", "closed_at")
    list_filter = ("state", "metric", "line")
    list_select_related = ("line", "opened_by")
    search_fields = ("id", "segment")
    ordering = ("-opened_at", "-id")
    shown = (
        "id", "line", "institution_id", "metric", "segment_kind", "segment", "source", "state", "value", "opened_at",
        "closed_at",
    )  # fmt: skip

    def parts(self, request: HttpRequest, row: Alert) -> list[Part]:  # noqa: ARG002 - the base's signature
        """The figure that opened it."""
        context = {"rows": pages.table([row.opened_by]), "line_id": row.line_id}
        return [Part("What opened it", "monitoring/figures.html", context)]

    @display(description="figure")
    def alert(self, row: Alert) -> str:
        """Name it."""
        return str(row)

    @coloured("state", open="danger", closed="")
    def state_label(self, row: Alert) -> str:
        """Colour the state."""
        return row.state

    @display(description="value when opened")
    def value(self, row: Alert) -> str:
        """What it was."""
        return f"{row.opened_by.value:.3f}"


@console.register(MonitoringRun)
class MonitoringRunAdmin(RecordAdmin):
    """Nights: each line's figures as of the end of a day."""

    section = "Models"
    icon = "monitoring"
    title = "Nights"
    list_display = ("line", "day", "version", "decisions", "finished_at")
    list_filter = ("line",)
    list_select_related = ("line", "version__line")
    search_fields = ("id",)
    ordering = ("-day", "-id")
    shown = ("id", "line", "version", "day", "decisions", "created_at", "finished_at")

    def parts(self, request: HttpRequest, row: MonitoringRun) -> list[Part]:  # noqa: ARG002 - the base's signature
        """All of its figures, the whole line's first."""
        found = row.figures.order_by("institution_id", "id")[:FIGURES_SHOWN]
        return [Part("Figures", "monitoring/figures.html", {"rows": pages.table(found), "line_id": row.line_id})]


def _of_line(_request: HttpRequest, row: Any) -> Iterable[Part]:
    return pages.parts_of_line(row.id, row.institution_id)


def _of_version(_request: HttpRequest, row: Any) -> Iterable[Part]:
    shadow = scoring.shadow_of(version_id=row.id)
    if shadow is None:
        return
    told = shadows.agreement(version_id=row.id, line_id=row.line_id, now=now())
    yield Part("Beside the champion", "monitoring/shadow.html", {"shadow": shadow, "told": told})


records.extend("scoring.ModelLine", parts=_of_line)
records.extend("scoring.ModelVersion", parts=_of_version)


@console.register_panel
def alerts(_request: HttpRequest) -> Panel:
    """Show which figures are beyond their limits."""
    context = {"alerts": queries.open_alerts()[:ALERTS_SHOWN]}
    return Panel("Models watched", "monitoring/panel.html", context, reverse("admin:monitoring_alert_changelist"))
