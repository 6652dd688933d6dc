"""Inquiries at data sources in the console: read only. What a source answered is shown nowhere here."""

from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest

from hub import console
from hub.money import Money
from hub.records import RecordAdmin, coloured
from risk.scoring.models import Inquiry


@console.register(Inquiry)
class InquiryAdmin(RecordAdmin):
    """Who was asked about whom, for what, on which consent, at which cost, and what came of it."""

    section = "Decisions"
    icon = "travel_explore"
    list_display = ("source", "purpose", "inquiry_type", "state_label", "took_ms", "cost", "person", "asked_at")
    list_filter = ("state", "kind", "inquiry_type", "sandbox")
    search_fields = ("id", "person__id", "consent_id")
    shown = (
        "id", "source", "kind", "purpose", "inquiry_type", "person", "consent_id", "state_label", "in_force", "sandbox",
        "asked_at", "due_at", "settled_at", "took_ms", "as_of", "holds_until", "cost",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Inquiry]:
        """Leave answers and keys where they are."""
        rows: QuerySet[Inquiry] = super().get_queryset(request).select_related("person")
        return rows.defer("sealed", "person__wrapped", "person__reference_index")

    @coloured("state", asked="info", answered="success", no_record="", timed_out="warning", unavailable="warning",
              unusable="danger")  # fmt: skip
    def state_label(self, row: Inquiry) -> str:
        """Colour the state."""
        return row.state

    @display(description="cost at most")
    def cost(self, row: Inquiry) -> str:
        """In major units, with the currency."""
        return f"{row.currency} {Money.from_minor(row.cost_minor, row.currency).amount}"
