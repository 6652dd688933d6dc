"""Products, credit policies and budgets in the console."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django import forms
from django.contrib.admin import display
from django.http import HttpRequest

from hub import console
from hub.accounts.policies import OPERATORS, RISK_OFFICERS, STAFF
from hub.clock import now as clock_now
from hub.console import Panel
from hub.records import Deed, Part, RecordAdmin, actor, coloured
from partners.products import budgets, credit_policies, queries, services
from partners.products.forms import (
    BudgetForm,
    ChangeForm,
    OpenForm,
    PolicyForm,
    change,
    new_terms,
    policy_initial,
    product_initial,
)
from partners.products.models import Budget, BudgetEntry, CreditPolicy, Product
from partners.products.terms import ProductChange

_STATES = {"draft": "info", "submitted": "warning", "live": "success", "paused": "warning", "closed": "danger"}


def _now(row: Product) -> datetime:
    """The moment on the clock of the product's institution: a sandbox's may be ahead."""
    return clock_now(row.institution_id)


def _open(request: HttpRequest, _row: None, data: dict[str, Any]) -> str:
    made = services.open_product(
        institution_id=UUID(data["institution"]), terms_=new_terms(data), actor=actor(request), now=clock_now()
    )
    return f"{made.name} is drafted. Give it a credit policy and a budget, then set it live."


def _change(request: HttpRequest, row: Product, data: dict[str, Any]) -> str:
    services.change_product(product_id=row.id, change=change(data), actor=actor(request), now=_now(row))
    return "The terms are changed."


def _become(state: str, said: str) -> Any:
    def run(request: HttpRequest, row: Product, _data: dict[str, Any]) -> str:
        to = msgspec.convert({"state": state}, ProductChange)
        services.change_product(product_id=row.id, change=to, actor=actor(request), now=_now(row))
        return said

    return run


def _write(request: HttpRequest, row: Product, data: dict[str, Any]) -> str:
    policy = credit_policies.write_policy(
        product_id=row.id, text=data["rules"], actor=actor(request), now=_now(row)
    )  # fmt: skip
    return f"Version {policy.version} is a draft. Submit it, and let somebody else approve it."


def _submit(request: HttpRequest, row: Product, _data: dict[str, Any]) -> str:
    policy = credit_policies.submit_policy(product_id=row.id, actor=actor(request), now=_now(row))
    return f"Version {policy.version} waits for somebody else's approval."


def _approve(request: HttpRequest, row: Product, _data: dict[str, Any]) -> str:
    policy = credit_policies.approve_policy(product_id=row.id, actor=actor(request), now=_now(row))
    return f"Version {policy.version} decides from now on."


def _set_budget(request: HttpRequest, row: Product, data: dict[str, Any]) -> str:
    budgets.set_budget(product_id=row.id, caps=data["caps"], actor=actor(request), now=_now(row))
    return "The caps hold from this month on."


def _waits(row: Product) -> bool:
    return row.state != "closed" and row.policies.filter(state="submitted").exists()


def _drafted(row: Product) -> bool:
    return row.state != "closed" and row.policies.filter(state="draft").exists()


def _unclosed(row: Product) -> bool:
    return bool(row.state != "closed")


@console.register(Product)
class ProductAdmin(RecordAdmin):
    """Products: their terms, policies and budgets."""

    section = "Institutions"
    icon = "sell"
    list_display = ("name", "institution", "product_class", "currency", "amounts", "state_label", "created_at")
    list_filter = ("state", "product_class", "currency")
    list_select_related = ("institution",)
    search_fields = ("name", "id", "institution__name")
    ordering = ("institution__name", "name")
    shown = (
        "id", "name", "institution", "state_label", "product_class", "currency", "jurisdiction", "amounts", "terms",
        "method", "rounding", "fee_percent", "fee_flat", "grid", "row_version", "created_at",
    )  # fmt: skip
    list_deeds = (Deed("open", "Draft a product", _open, OPERATORS, form=OpenForm),)
    deeds = (
        Deed("change", "Change terms", _change, OPERATORS, form=ChangeForm, offered=_unclosed),
        Deed("policy", "Write the credit policy", _write, STAFF, form=PolicyForm, offered=_unclosed),
        Deed("submit", "Submit the policy", _submit, STAFF, offered=_drafted),
        Deed(
            "approve", "Approve the policy", _approve, RISK_OFFICERS, offered=_waits,
            question="The submitted version decides from now on, and the one before it retires.",
        ),
        Deed("budget", "Set the budget", _set_budget, OPERATORS, form=BudgetForm, offered=_unclosed),
        Deed(
            "live", "Set live", _become("live", "The product is on offer."), OPERATORS,
            offered=lambda row: row.state in ("draft", "paused"),
        ),
        Deed(
            "pause", "Pause", _become("paused", "The product is not offered any more until it is set live again."),
            OPERATORS, offered=lambda row: row.state == "live",
        ),
        Deed(
            "close", "Close", _become("closed", "The product is closed."), OPERATORS, danger=True, offered=_unclosed,
            question="It is never offered again. Offers that were made and loans that run stay as they are.",
        ),
    )  # fmt: skip

    def form_of(self, deed: Deed, row: Any, request: HttpRequest) -> forms.Form:
        """Begin with what the product has now."""
        posted = request.POST or None
        if deed.form is ChangeForm:
            return ChangeForm(posted, initial=product_initial(row))
        if deed.form is PolicyForm:
            return PolicyForm(posted, initial=policy_initial(queries.newest_policy(row.id)))
        return super().form_of(deed, row, request)

    def parts(self, request: HttpRequest, row: Product) -> list[Part]:  # noqa: ARG002 - the base's signature
        """Show policies and budgets."""
        versions = row.policies.order_by("-version")[:20]
        months = row.budgets.order_by("-period")[:24]
        return [
            Part("Credit policy", "products/policies.html", {"versions": versions}),
            Part("Budget", "products/budgets.html", {"months": months, "currency": row.currency}),
        ]

    @display(description="amounts")
    def amounts(self, row: Product) -> str:
        """From and to."""
        return f"{row.amount_min:,.0f} to {row.amount_max:,.0f} {row.currency}"

    @coloured("state", **_STATES)
    def state_label(self, row: Product) -> str:
        """Colour the state."""
        return row.state


@console.register(CreditPolicy)
class CreditPolicyAdmin(RecordAdmin):
    """Versions of credit policies, newest first."""

    section = "Institutions"
    icon = "rule"
    title = "Credit policies"
    list_display = ("product", "version", "state_label", "maker", "checker", "created_at", "approved_at")
    list_filter = ("state",)
    list_select_related = ("product",)
    search_fields = ("product__name", "id")
    ordering = ("-created_at",)
    shown = (
        "id", "product", "version", "state_label", "rules", "maker", "checker", "created_at", "submitted_at",
        "approved_at",
    )  # fmt: skip

    @coloured("state", retired="info", **_STATES)
    def state_label(self, row: CreditPolicy) -> str:
        """Colour the state."""
        return row.state


@console.register(Budget)
class BudgetAdmin(RecordAdmin):
    """Budgets by month, each with its ledger."""

    section = "Institutions"
    icon = "savings"
    list_display = ("product", "period", "cap_amount", "reserved_amount", "used_amount", "cap_count", "low_at")
    list_select_related = ("product",)
    search_fields = ("product__name", "id")
    ordering = ("-period", "product__name")
    shown = (
        "id", "product", "period", "cap_amount", "reserved_amount", "used_amount", "cap_count", "reserved_count",
        "used_count", "cap_expected_loss", "reserved_expected_loss", "used_expected_loss", "low_at", "created_at",
    )  # fmt: skip

    def headline(self, row: Budget) -> list[tuple[str, object]]:
        """Tell whether the figures are the ledger's."""
        return [("Sum of the ledger", "differs" if queries.budget_faults(budget_id=row.id) else "agrees")]

    def parts(self, request: HttpRequest, row: Budget) -> list[Part]:  # noqa: ARG002 - as above
        """Show the newest lines of the ledger."""
        entries = BudgetEntry.objects.filter(budget_id=row.id)[:100]
        return [Part("Ledger", "products/ledger.html", {"entries": entries})]


@console.register_panel
def products(_request: HttpRequest) -> Panel:
    """Count what is on offer and what waits."""
    waiting = CreditPolicy.objects.filter(state="submitted").count()
    facts = [
        ("Products on offer", Product.objects.filter(state="live").count(), False),
        ("Policies that wait for approval", waiting, False),
    ]
    return Panel("Products", "console/facts.html", {"facts": facts}, "/console/products/product/")
