"""Products for tests, made by the services: a draft, or one that is live with its policy and budget."""

import itertools
from typing import Any
from uuid import UUID, uuid4

import msgspec

from hub.audit import Actor, user_actor
from hub.clock import now
from hub.tenancy import platform_scope
from partners.products import budgets, credit_policies, services
from partners.products.budgets import Caps
from partners.products.models import Product
from partners.products.policy import PolicyText
from partners.products.terms import ProductChange, ProductTerms
from tests.factories import make_institution

MAKER, CHECKER = user_actor(uuid4()), user_actor(uuid4())
TERMS: dict[str, Any] = {
    "name": "Instalment", "product_class": "personal_instalment", "currency": "HKD", "jurisdiction": "HK",
    "amount_min": "5000.00", "amount_max": "200000.00", "terms": [12, 24, 36], "fee_percent": "1",
    "grid": {"A": "5.5", "B": "8.25", "C": "12", "D": "18.5", "E": "30"},
}  # fmt: skip
RULES: list[dict[str, Any]] = [
    {"fact": "grade", "op": "in", "value": ["A", "B", "C"], "code": "grade_up_to_c"},
    {"fact": "monthly_income", "op": ">=", "value": 8000, "code": "income_floor"},
]
_number = itertools.count(1)


def terms(**changes: Any) -> ProductTerms:
    """The terms of a sound product, with changes."""
    return msgspec.convert({**TERMS, **changes}, ProductTerms)


def policy_text(rules: list[dict[str, Any]] | None = None, **more: Any) -> PolicyText:
    """The text of a policy."""
    return msgspec.convert({"all": RULES if rules is None else rules, **more}, PolicyText)


def make_product(institution_id: UUID | None = None, *, actor: Actor = MAKER, **changes: Any) -> Product:
    """Draft a product (of a new sandbox unless told)."""
    owner = institution_id or make_institution().id
    given = terms(**{"name": f"Instalment {next(_number)}", **changes})
    with platform_scope():
        return services.open_product(institution_id=owner, terms_=given, actor=actor, now=now())


def give_policy(product_id: UUID, rules: list[dict[str, Any]] | None = None, **more: Any) -> UUID:
    """Write, submit and approve a policy; return the version's id."""
    with platform_scope():
        credit_policies.write_policy(product_id=product_id, text=policy_text(rules, **more), actor=MAKER, now=now())
        credit_policies.submit_policy(product_id=product_id, actor=MAKER, now=now())
        return credit_policies.approve_policy(product_id=product_id, actor=CHECKER, now=now()).id


def give_budget(product_id: UUID, **caps: Any) -> UUID:
    """Set the budget of this month; return its id."""
    given = msgspec.convert(caps or {"cap_amount": "1000000"}, Caps)
    with platform_scope():
        return budgets.set_budget(product_id=product_id, caps=given, actor=MAKER, now=now()).id


def set_state(product_id: UUID, state: str) -> Product:
    """Set a product live, paused or closed."""
    change = msgspec.convert({"state": state}, ProductChange)
    with platform_scope():
        return services.change_product(product_id=product_id, change=change, actor=MAKER, now=now())


def make_live(
    institution_id: UUID | None = None, *, rules: list[dict[str, Any]] | None = None,
    caps: dict[str, Any] | None = None, **changes: Any,
) -> Product:  # fmt: skip
    """Make a product with a live policy and a budget, and set it live."""
    product = make_product(institution_id, **changes)
    give_policy(product.id, rules)
    give_budget(product.id, **(caps or {}))
    return set_state(product.id, "live")
