"""The demonstration's lenders: on offer in their worlds, with tastes of their own, and made once."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from acquisition.market import demo_lenders
from hub.audit import user_actor
from hub.clock import now
from hub.outbox import OutboxEvent
from hub.tenancy import platform_scope
from partners.institutions import facade as institutions
from partners.products import facade as products
from partners.products.models import CreditPolicy, Product
from tests.factories import ACTOR
from tests.partners.product_factory import set_state

pytestmark = pytest.mark.django_db
MAKER, CHECKER = user_actor(uuid4()), user_actor(uuid4())
NAMES = [lender.name for lender in demo_lenders.LENDERS]
SOUND: dict[str, Any] = {
    "grade": "B", "pd_12m": Decimal("0.031"), "amount": Decimal(50000), "term": 12, "monthly_income": 20000.0,
    "delinquencies_24m": 0.0, "debt_service": 20.0, "purpose": "tax", "card_utilisation": 40.0, "inquiries_6m": 1.0,
}  # fmt: skip


def prepare() -> None:
    with platform_scope():
        demo_lenders.prepare(maker=MAKER, checker=CHECKER, actor=ACTOR, now=now())


def on_offer(sandbox: str = "") -> list[products.LiveProduct]:
    with platform_scope():
        known = {view.name: view.id for view in institutions.all_institutions()}
        return products.live_products(
            product_class="personal_instalment", currency="HKD", sandbox_id=known[sandbox] if sandbox else None
        )


def taken_by(**facts: Any) -> set[str]:
    return {one.institution_name for one in on_offer() if not products.evaluate(one, {**SOUND, **facts})}


def test_each_is_on_offer_in_its_worlds() -> None:
    prepare()
    assert sorted(one.institution_name for one in on_offer()) == sorted(NAMES)
    for name in NAMES:
        assert [one.institution_name for one in on_offer(f"{name} (sandbox)")] == [f"{name} (sandbox)"]
    with platform_scope():
        assert {(one.maker, one.checker) for one in CreditPolicy.objects.all()} == {
            (CreditPolicy.who(MAKER), CreditPolicy.who(CHECKER))
        }
        left = products.budgets_left([one.id for one in on_offer()], now=now())
        assert all(one.amount for one in left.values())


def test_their_tastes_differ() -> None:
    prepare()
    assert taken_by() == set(NAMES)
    assert taken_by(grade="D", pd_12m=Decimal("0.15")) == {"Lantern Finance", "Banyan Credit"}
    assert taken_by(grade="E", pd_12m=Decimal("0.3")) == {"Banyan Credit"}
    assert taken_by(purpose="business", inquiries_6m=9.0) == {"Harbour Bank"}
    assert taken_by(grade="E", pd_12m=Decimal("0.5")) == set()


def test_a_second_start_changes_nothing() -> None:
    prepare()
    with platform_scope():
        paused = Product.objects.filter(state="live")[0]
    set_state(paused.id, "paused")
    with platform_scope():
        before = OutboxEvent.objects.count()
    prepare()
    with platform_scope():
        assert OutboxEvent.objects.count() == before
        assert Product.objects.count() == 2 * len(NAMES)
        assert Product.objects.get(id=paused.id).state == "paused"
