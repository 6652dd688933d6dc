"""Applications, the routing ledger and referrals in the console. What is sealed is shown to nobody here."""

from typing import Any

from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest

from hub import console
from hub.accounts.policies import STAFF
from hub.console import Panel
from hub.records import Deed, Part, RecordAdmin, coloured
from partners.referrals import queries, routing
from partners.referrals.models import Case, Contract, PolicyReplay, Referral, RoutingRun

ENTRIES_SHOWN = 200
_CASE = {"open": "info", "offered": "info", "referred": "warning", "contracted": "warning", "funded": "success"}
_REFERRAL = {
    "created": "info", "asked": "warning", "countered": "warning", "approved": "info", "signed": "info",
    "funded": "success", "declined": "danger", "withdrawn": "danger", "expired": "danger",
}  # fmt: skip


def _replay(_request: HttpRequest, row: RoutingRun, _data: dict[str, Any]) -> str:
    if routing.replay(run_id=row.id):
        return "It comes out the same, to the last product."
    return "It comes out DIFFERENT: the ledger, the catalogue or the case was changed."


@console.register(Case)
class CaseAdmin(RecordAdmin):
    """Applications as matching and the lenders meet them."""

    section = "Loans"
    icon = "assignment_ind"
    title = "Applications"
    list_display = ("id", "product_class", "amount", "currency", "term_months", "grade", "state_label", "created_at")
    list_filter = ("state", "grade", "product_class")
    search_fields = ("id", "decision_id", "lender_id")
    ordering = ("-created_at", "-id")
    shown = (
        "id", "world", "product_class", "amount", "currency", "term_months", "decision_id", "pd_12m", "grade",
        "action", "state_label", "lender_id", "created_at",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Case]:
        """Leave sealed things where they are."""
        rows: QuerySet[Case] = super().get_queryset(request).defer("sealed")
        return rows

    def parts(self, request: HttpRequest, row: Case) -> list[Part]:  # noqa: ARG002 - the base's signature
        """Show offers, matches, referrals."""
        runs = row.runs.defer("ledger", "full").order_by("-at", "-id")[:20]
        offers = row.offers.filter(run=runs[0]).order_by("rank") if runs else []
        referrals = row.referrals.defer("package").order_by("-created_at")[:20]
        return [
            Part("Offers", "referrals/offers.html", {"offers": offers}),
            Part("Routing ledger", "referrals/runs.html", {"runs": runs}),
            Part("Referrals", "referrals/received.html", {"referrals": referrals}),
        ]

    @display(description="world")
    def world(self, row: Case) -> str:
        """The live one, or a sandbox by its id."""
        return f"sandbox {row.sandbox_id}" if row.sandbox_id else "live"

    @coloured("state", closed="danger", **_CASE)
    def state_label(self, row: Case) -> str:
        """Colour the state."""
        return row.state


@console.register(RoutingRun)
class RoutingRunAdmin(RecordAdmin):
    """Matches, each with the outcome of every product; each can be done again."""

    section = "Loans"
    icon = "alt_route"
    title = "Routing ledger"
    list_display = ("id", "case_id", "rules", "at")
    search_fields = ("id", "case__id", "digest")
    ordering = ("-at", "-id")
    shown = ("id", "case_id", "rules", "seed", "digest", "catalogue_id", "at")
    deeds = (Deed("replay", "Do it again", _replay, STAFF),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RoutingRun]:
        """Leave the ledgers where they are until a page needs one."""
        rows: QuerySet[RoutingRun] = super().get_queryset(request).defer("ledger", "full")
        return rows

    def parts(self, request: HttpRequest, row: RoutingRun) -> list[Part]:  # noqa: ARG002 - as above
        """Show the ledger."""
        entries = queries.routing_entries(row)
        context = {"entries": entries[:ENTRIES_SHOWN], "products": len(entries), "cut": len(entries) > ENTRIES_SHOWN}
        return [Part("Every product on offer", "referrals/ledger.html", context)]


@console.register(Referral)
class ReferralAdmin(RecordAdmin):
    """Referrals: who received which application, and what came of it."""

    section = "Loans"
    icon = "forward_to_inbox"
    list_display = ("id", "institution_name", "product_name", "state_label", "created_at", "expires_at")
    list_filter = ("state", "sandbox")
    search_fields = ("id", "case__id", "institution_name", "product_name")
    ordering = ("-created_at", "-id")
    shown = (
        "id", "case_id", "institution_name", "product_name", "product_class", "sandbox", "terms", "state_label",
        "consent_id", "decision_id", "created_at", "expires_at", "funded_at",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Referral]:
        """Leave sealed things where they are."""
        rows: QuerySet[Referral] = super().get_queryset(request).defer("package")
        return rows

    def parts(self, request: HttpRequest, row: Referral) -> list[Part]:  # noqa: ARG002 - as above
        """Show what the lender decided, and the contract."""
        contract = Contract.objects.filter(referral=row).first()
        context = {"decisions": queries.decisions_of(row), "contract": contract}
        return [Part("Decisions and contract", "referrals/decisions.html", context)]

    @coloured("state", **_REFERRAL)
    def state_label(self, row: Referral) -> str:
        """Colour the state."""
        return row.state


@console.register(PolicyReplay)
class PolicyReplayAdmin(RecordAdmin):
    """Replays of live credit policies for challengers; what they found stands on the version's page."""

    section = "Models"
    icon = "published_with_changes"
    title = "Replays of policies"
    list_display = ("id", "version_id", "state", "applications", "attempts", "created_at", "finished_at")
    search_fields = ("version_id",)
    ordering = ("-created_at", "-id")
    shown = ("id", "version_id", "line_id", "state", "applications", "attempts", "failure", "created_at", "finished_at")

    @display(description="state")
    def state(self, row: PolicyReplay) -> str:
        """How far it is."""
        return "failed" if row.failure else "done" if row.finished_at else "running" if row.lease_token else "waiting"


@console.register_panel
def referrals(_request: HttpRequest) -> Panel:
    """Count what waits for lenders and for borrowers."""
    rows = Referral.objects.all()
    facts = [
        ("Referrals that wait for a lender", rows.filter(state__in=["created", "asked"]).count(), False),
        ("Counter-offers and contracts that wait for a borrower", _waiting(rows), False),
        ("Signed, not funded yet", rows.filter(state="signed").count(), False),
    ]
    return Panel("Referrals", "console/facts.html", {"facts": facts}, "/console/referrals/referral/")


def _waiting(rows: QuerySet[Referral]) -> int:
    return rows.filter(state__in=["countered", "approved"]).count()
