"""Loans, what was reported of them, how they turned out, and files of reports, in the console."""

from typing import Any

from django.http import HttpRequest

from hub import console
from hub.clock import now
from hub.console import Panel
from hub.records import Part, RecordAdmin, coloured
from partners.loans import life, queries
from partners.loans.models import Loan, Outcome, PerformanceBatch

_NEWEST = 20


@console.register(Loan)
class LoanAdmin(RecordAdmin):
    """Funded loans."""

    section = "Loans"
    icon = "payments"
    list_display = ("id", "institution_id", "principal", "currency", "months", "opened_on", "state_label")
    list_filter = ("state", "sandbox", "product_class", "currency")
    search_fields = ("id", "case_id", "referral__id")
    ordering = ("-created_at", "-id")
    shown = (
        "id", "institution_id", "sandbox", "referral_id", "case_id", "product_id", "decision_id", "currency",
        "principal", "annual_rate_percent", "months", "fee_upfront", "terms_hash", "opened_on", "matures_on", "state",
        "created_at",
    )  # fmt: skip

    def parts(self, request: HttpRequest, row: Loan) -> list[Part]:  # noqa: ARG002 - the base's signature
        """Show its outcome, its reports and its schedule."""
        held = life.in_force(report.fact for report in queries.reports_of(row.id))
        numbers = {report.sequence for report in held}
        reports = [(report, report.sequence in numbers) for report in queries.reports_of(row.id).order_by("sequence")]
        days = life.days_past_due(held, row.dues, now(row.institution_id).date())
        told: dict[str, Any] = {"outcome": queries.outcome_of(row.id), "days_past_due": days}
        return [
            Part("Outcome", "loans/outcome.html", told),
            Part("Reports", "loans/reports.html", {"reports": reports}),
            Part("Schedule", "loans/schedule.html", {"rows": row.schedule, "currency": row.currency}),
        ]

    @coloured("state", active="info", closed="success", charged_off="danger", sold="warning", rescinded="warning")
    def state_label(self, row: Loan) -> str:
        """The state as a badge."""
        return row.state


@console.register(Outcome)
class OutcomeAdmin(RecordAdmin):
    """How loans turned out."""

    section = "Loans"
    icon = "flag"
    list_display = ("loan_id", "label_shown", "max_dpd", "revision", "observed_on")
    list_filter = ("label", "definition_version")
    search_fields = ("loan__id",)
    ordering = ("-created_at", "-id")
    shown = (
        "id", "institution_id", "loan_id", "label", "max_dpd", "definition_version", "window_months", "revision",
        "observed_on", "created_at",
    )  # fmt: skip

    @coloured("label", good="success", bad="danger", indeterminate="warning", excluded="info")
    def label_shown(self, row: Outcome) -> str:
        """The label as a badge."""
        return row.label


@console.register(PerformanceBatch)
class PerformanceBatchAdmin(RecordAdmin):
    """Files of reports; their text is not even fetched."""

    section = "Loans"
    icon = "upload_file"
    title = "Files of reports"
    list_display = ("created_at", "institution_id", "lines", "recorded", "unchanged", "problems", "state_label")
    list_filter = ("state", "format")
    search_fields = ("id", "sha256")
    ordering = ("-created_at", "-id")
    shown = (
        "id", "institution_id", "format", "sha256", "size_bytes", "lines", "position", "recorded", "unchanged",
        "problems", "state", "actor_kind", "actor_id", "created_at", "finished_at",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        """Leave the text in the database."""
        return super().get_queryset(request).defer("content")

    def parts(self, request: HttpRequest, row: PerformanceBatch) -> list[Part]:  # noqa: ARG002 - the base's signature
        """List what was wrong with its lines."""
        faults = queries.problems_of(row.id)[: 5 * _NEWEST]
        return [Part("Lines that were not taken", "loans/problems.html", {"faults": faults})]

    @coloured("state", applied="success", received="info")
    def state_label(self, row: PerformanceBatch) -> str:
        """The state as a badge."""
        return row.state


@console.register_panel
def loans_panel(request: HttpRequest) -> Panel:  # noqa: ARG001 - the console's signature
    """Show how many loans there are, and how they turned out."""
    return Panel("Loans", "loans/panel.html", {"rows": queries.counts()}, href="/console/loans/loan/")
