"""The demonstration's lenders: three with different tastes, each live and as a sandbox, each with one product."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from hub.audit import Actor
from partners.institutions import facade as institutions
from partners.institutions.facade import InstitutionView
from partners.products import facade as products
from risk.learning import facade as learning

JURISDICTION = "HK"
AGREED_ON = date(2020, 1, 1)
_SHARED: dict[str, Any] = {
    "product_class": "personal_instalment", "currency": "HKD", "jurisdiction": JURISDICTION,
    "method": "equal_instalment",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lender:
    """A lender and its product, as the API takes it."""

    name: str
    terms: Mapping[str, Any]
    rules: tuple[Mapping[str, Any], ...]
    caps: Mapping[str, Any]


def _rule(fact: str, op: str, value: object, code: str) -> dict[str, Any]:
    return {"fact": fact, "op": op, "value": value, "code": code}


LENDERS = (
    Lender(  # careful and cheap: good grades and steady incomes
        "Harbour Bank",
        {
            **_SHARED, "name": "Harbour Instalment", "amount_min": "10000.00", "amount_max": "500000.00",
            "terms": [12, 24, 36, 48, 60], "rounding": "half_up", "fee_percent": "1",
            "grid": {"A": "4.5", "B": "6.5", "C": "9.8"},
        },
        (
            _rule("grade", "in", ["A", "B", "C"], "grade_up_to_c"),
            _rule("monthly_income", ">=", 12_000, "income_floor"),
            _rule("delinquencies_24m", "<=", 1, "few_late_payments"),
            _rule("debt_service", "<=", 50, "room_in_the_budget"),
        ),
        {"cap_amount": "30000000.00", "cap_expected_loss": "900000.00"},
    ),
    Lender(  # in the middle: looks at the purpose and at what is owed already, takes grade D at a price
        "Lantern Finance",
        {
            **_SHARED, "name": "Lantern Personal Loan", "amount_min": "5000.00", "amount_max": "300000.00",
            "terms": [6, 12, 18, 24, 36, 48], "rounding": "half_even", "fee_flat": "200.00",
            "grid": {"A": "6", "B": "7.9", "C": "12", "D": "19.5"},
        },
        (
            _rule("grade", "!=", "E", "no_grade_e"),
            _rule("monthly_income", ">=", 8_000, "income_floor"),
            _rule("purpose", "!=", "business", "no_business"),
            _rule("card_utilisation", "<=", 95, "cards_not_full"),
        ),
        {"cap_amount": "15000000.00", "cap_count": 400},
    ),
    Lender(  # small, short and dear: takes nearly everybody within a narrow loss
        "Banyan Credit",
        {
            **_SHARED, "name": "Banyan Short Loan", "amount_min": "3000.00", "amount_max": "80000.00",
            "terms": [6, 12, 18, 24], "rounding": "ceiling", "fee_percent": "2.5",
            "grid": {"A": "11", "B": "14", "C": "18", "D": "23", "E": "28"},
        },
        (
            _rule("pd_12m", "<=", 0.35, "highest_risk"),
            _rule("delinquencies_24m", "<=", 4, "not_too_many_late_payments"),
            _rule("inquiries_6m", "<=", 8, "not_too_many_inquiries"),
        ),
        {"cap_amount": "6000000.00", "cap_expected_loss": "600000.00"},
    ),
)  # fmt: skip


def prepare(*, maker: Actor, checker: Actor, actor: Actor, now: datetime) -> None:
    """Make the lenders, sandboxes and products that are missing; what is there stays as it is. Platform scope."""
    known = {view.name: view for view in institutions.all_institutions()}
    for lender in LENDERS:
        for view in _tenants(lender.name, known, actor, now):
            products.launch_product(
                institution_id=view.id, terms=lender.terms, rules=lender.rules, caps=lender.caps, maker=maker,
                checker=checker, now=now,
            )  # fmt: skip
            learning.record_agreement(
                lender_id=view.id, reference=f"Data sharing with {view.name}, of the demonstration",
                begins_on=AGREED_ON, actor=actor, now=now,
            )  # fmt: skip


def _tenants(name: str, known: Mapping[str, InstitutionView], actor: Actor, now: datetime) -> Iterator[InstitutionView]:
    live = known.get(name) or institutions.onboard_institution(
        name=name, jurisdiction=JURISDICTION, actor=actor, now=now
    )  # fmt: skip
    yield live
    yield known.get(f"{name} (sandbox)") or institutions.onboard_institution(
        name=f"{name} (sandbox)", jurisdiction=JURISDICTION, sandbox_of=live.id, actor=actor, now=now
    )
