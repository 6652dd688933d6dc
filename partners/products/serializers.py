"""The bodies of the product endpoints. Money and rates are decimal strings."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from partners.products.budgets import left_of, month_of
from partners.products.models import Budget, CreditPolicy, Product
from partners.products.policy import PolicyText
from partners.products.terms import DecimalText, ProductTerms, money_text, terms_of

LossText = Annotated[str, Meta(extra_json_schema={"format": "decimal", "pattern": r"^[0-9]+(\.[0-9]{4})?$"})]


class ProductAnswer(ProductTerms, frozen=True, kw_only=True):
    """A product: its terms as they were written, and where it stands."""

    id: UUID
    institution_id: UUID
    state: str
    created_at: datetime


class ProductPage(Struct):
    """One page of products; `next` is the address of the next one, or null."""

    items: list[ProductAnswer]
    next: str | None


class PolicyVersion(Struct, frozen=True):
    """One version of a credit policy. Maker and checker are a client or a user, by kind and id."""

    id: UUID
    version: int
    state: str
    rules: PolicyText
    maker: str | None
    checker: str | None
    created_at: datetime
    submitted_at: datetime | None
    approved_at: datetime | None


class PolicyAnswer(Struct, frozen=True):
    """A product's credit policy: the version that decides, and the one being written or waiting for approval."""

    live: PolicyVersion | None
    open: PolicyVersion | None


class BudgetAnswer(Struct, frozen=True, kw_only=True):
    """A product's budget of a month (UTC): caps, what referrals have reserved, what is lent, and what is left.

    A null cap sets no limit. Before the first one is set (`set` is false) nothing is lent.
    """

    set: bool
    period: str
    currency: str
    cap_amount: DecimalText | None = None
    cap_count: int | None = None
    cap_expected_loss: LossText | None = None
    reserved_amount: DecimalText = "0"
    reserved_count: int = 0
    reserved_expected_loss: LossText = "0"
    used_amount: DecimalText = "0"
    used_count: int = 0
    used_expected_loss: LossText = "0"
    left_amount: DecimalText | None = None
    left_count: int | None = None
    left_expected_loss: LossText | None = None


def product_answer(product: Product) -> ProductAnswer:
    """Return a product as the API shows it."""
    return ProductAnswer(
        **msgspec.structs.asdict(terms_of(product)),
        id=product.id,
        institution_id=product.institution_id,
        state=product.state,
        created_at=product.created_at,
    )


def policy_answer(live: CreditPolicy | None, open_: CreditPolicy | None) -> PolicyAnswer:
    """Return the two versions of a credit policy that count."""
    return PolicyAnswer(_version(live) if live else None, _version(open_) if open_ else None)


def _version(policy: CreditPolicy) -> PolicyVersion:
    return PolicyVersion(
        id=policy.id,
        version=policy.version,
        state=policy.state,
        rules=msgspec.convert(policy.rules, PolicyText),
        maker=policy.maker or None,
        checker=policy.checker or None,
        created_at=policy.created_at,
        submitted_at=policy.submitted_at,
        approved_at=policy.approved_at,
    )


def budget_answer(product: Product, newest: Budget | None, *, now: datetime) -> BudgetAnswer:
    """Return the budget of this month; `newest` may be an earlier month's row, which lends its caps."""
    period = month_of(now)
    shown: dict[str, Any] = {"set": newest is not None, "period": f"{period:%Y-%m}", "currency": product.currency}
    if newest is None:
        return BudgetAnswer(**shown)
    left = left_of(newest, period)
    for measure in ("amount", "count", "expected_loss"):
        shown[f"cap_{measure}"] = _shown(getattr(newest, f"cap_{measure}"), measure, product)
        shown[f"left_{measure}"] = _shown(getattr(left, measure), measure, product)
        for gone in (f"reserved_{measure}", f"used_{measure}"):
            value = getattr(newest, gone) if newest.period == period else Decimal(0)
            shown[gone] = _shown(value, measure, product)
    return BudgetAnswer(**shown)


def _shown(value: Decimal | int | None, measure: str, product: Product) -> str | int | None:
    if value is None or measure == "count":
        return None if value is None else int(value)
    return money_text(Decimal(value), product.currency) if measure == "amount" else f"{value:.4f}"


PRODUCT_TERMS: dict[str, Any] = {
    "name": "Harbour Instalment",
    "product_class": "personal_instalment",
    "currency": "HKD",
    "jurisdiction": "HK",
    "amount_min": "5000.00",
    "amount_max": "300000.00",
    "terms": [12, 24, 36],
    "method": "equal_instalment",
    "rounding": "half_up",
    "fee_percent": "1.5",
    "fee_flat": "0.00",
    "grid": {"A": "5.5", "B": "8.25", "C": "12"},
}
PRODUCT: dict[str, Any] = {
    **PRODUCT_TERMS,
    "id": "019ab2f0-5b1e-7c3a-9f00-3f6f0b7d5b01",
    "institution_id": "0198c5a8-3f2e-7b10-8c11-5d2f7a9e4c01",
    "state": "draft",
    "created_at": "2026-11-23T02:00:00+00:00",
}
RULES: dict[str, Any] = {
    "all": [
        {"fact": "grade", "op": "in", "value": ["A", "B", "C"], "code": "grade_up_to_c"},
        {"fact": "monthly_income", "op": ">=", "value": 12000, "code": "income_floor"},
    ]
}
POLICY: dict[str, Any] = {
    "live": None,
    "open": {
        "id": "019ab2f0-6a00-7c3a-9f00-3f6f0b7d5b02",
        "version": 1,
        "state": "draft",
        "rules": RULES,
        "maker": None,
        "checker": None,
        "created_at": "2026-11-23T02:05:00+00:00",
        "submitted_at": None,
        "approved_at": None,
    },
}
CAPS: dict[str, Any] = {"cap_amount": "2000000.00", "cap_count": 40, "cap_expected_loss": None}
BUDGET: dict[str, Any] = {
    "set": True,
    "period": "2026-11",
    "currency": "HKD",
    **CAPS,
    "reserved_amount": "80000.00",
    "reserved_count": 2,
    "reserved_expected_loss": "2150.4000",
    "used_amount": "0.00",
    "used_count": 0,
    "used_expected_loss": "0.0000",
    "left_amount": "1920000.00",
    "left_count": 38,
    "left_expected_loss": None,
}
