"""What matching sees: the live products of one world, by one or two statements, always as they are now."""

import time
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hub.clock import now
from hub.tenancy import platform_scope, tenant_scope
from partners.institutions.services import suspend_institution
from partners.products import facade, live, services
from partners.products.facade import LiveProduct
from partners.products.terms import ProductChange
from tests.factories import ACTOR, make_institution
from tests.partners.product_factory import MAKER, RULES, give_policy, make_live, make_product, set_state

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_known() -> None:
    live._kept.clear()
    live._worlds.clear()


def on_offer(sandbox_id: UUID | None = None, **more: Any) -> list[LiveProduct]:
    asked = {"product_class": "personal_instalment", "currency": "HKD", **more}
    with platform_scope():
        return facade.live_products(sandbox_id=sandbox_id, **asked)


def test_what_is_shown() -> None:
    bank = make_institution(sandbox=False)
    product = make_live(bank.id)
    (found,) = on_offer()
    assert (found.id, found.institution_id, found.institution_name) == (product.id, bank.id, bank.name)
    assert (found.amount_min, found.amount_max, found.terms) == (Decimal(5000), Decimal(200000), (12, 24, 36))
    assert (found.method, found.rounding, found.fee_percent, found.fee_flat) == (
        "equal_instalment", "half_up", Decimal(1), Decimal(0),
    )  # fmt: skip
    assert {grade: str(rate) for grade, rate in found.grid.items()} == {
        "A": "5.5", "B": "8.25", "C": "12", "D": "18.5", "E": "30",
    }  # fmt: skip
    assert [one.code for one in facade.evaluate(found, {"grade": "D", "monthly_income": 9000.0})] == ["grade_up_to_c"]
    assert facade.evaluate(found, {"grade": "A", "monthly_income": 9000.0}) == ()


def test_worlds_do_not_mix() -> None:
    first, second, real = make_institution().id, make_institution().id, make_institution(sandbox=False).id
    products = {bank: make_live(bank).id for bank in (first, second, real)}
    assert [one.id for one in on_offer(first)] == [products[first]]
    assert [one.id for one in on_offer(second)] == [products[second]]
    assert [one.id for one in on_offer()] == [products[real]]


def test_what_is_not_on_offer() -> None:
    bank = make_institution(sandbox=False).id
    make_product(bank)
    give_policy(make_product(bank).id)
    make_live(bank, product_class="car_loan")
    make_live(bank, currency="USD")
    paused = make_live(bank)
    set_state(paused.id, "paused")
    assert on_offer() == []
    set_state(paused.id, "live")
    assert [one.id for one in on_offer()] == [paused.id]
    with platform_scope():
        suspend_institution(institution_id=bank, actor=ACTOR, now=now())
    assert on_offer() == []


def test_a_tenant_sees_none_of_another() -> None:
    bank, stranger = make_institution(), make_institution()
    make_live(bank.id)
    with tenant_scope(stranger.id):
        found = facade.live_products(product_class="personal_instalment", currency="HKD", sandbox_id=bank.id)
    assert found == []


def test_what_is_kept_is_never_old() -> None:
    bank = make_institution(sandbox=False).id
    product = make_live(bank)
    first = on_offer()[0]
    assert on_offer()[0] is first
    given = msgspec.convert({"amount_max": "150000"}, ProductChange)
    with platform_scope():
        services.change_product(product_id=product.id, change=given, actor=MAKER, now=now())
    assert on_offer()[0].amount_max == 150000
    version = give_policy(product.id, [RULES[1]])
    (changed,) = on_offer()
    assert changed.policy_version_id == version
    assert facade.evaluate(changed, {"grade": "E", "monthly_income": 9000.0}) == ()


def test_few_statements_and_little_time_for_many() -> None:
    banks = [make_institution(sandbox=False).id for _ in range(5)]
    for at in range(100):
        make_live(banks[at % 5])
    statements, taken = [], []
    for _ in range(20):
        with platform_scope(), CaptureQueriesContext(connection) as queries:
            begun = time.thread_time()
            found = facade.live_products(product_class="personal_instalment", currency="HKD", sandbox_id=None)
            facts = {"grade": "B", "monthly_income": 20000.0}
            assert all(facade.evaluate(product, facts) == () for product in found)
            taken.append(time.thread_time() - begun)
        assert len(found) == 100
        statements.append(len(queries))
    assert statements == [2] + [0] * 19  # keys and rows; then one digest is compared, past what counts here
    assert sorted(taken[1:])[9] < 0.010
