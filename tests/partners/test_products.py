"""Products: what may be drafted and changed, and what keeps one from going live."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from django.db import IntegrityError, connection, transaction

from hub.audit import AuditRow
from hub.clock import now
from hub.errors import Conflict, Invalid, NotFound, PreconditionFailed
from hub.outbox import OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from hub.versions import Match
from partners.products import services
from partners.products.models import Product
from partners.products.terms import ProductChange
from tests.factories import make_institution
from tests.partners.product_factory import MAKER, RULES, TERMS, give_policy, make_product, set_state, terms

pytestmark = pytest.mark.django_db


def change(product_id: UUID, match: Match | None = None, **values: Any) -> Product:
    given = msgspec.convert(values, ProductChange)
    with platform_scope():
        return services.change_product(
            product_id=product_id, change=given, match=match or Match(), actor=MAKER, now=now()
        )


def told(product_id: UUID) -> list[tuple[str, Any]]:
    with platform_scope():
        events = OutboxEvent.objects.filter(subject_id=product_id).order_by("id")
        rows = AuditRow.objects.filter(subject_id=product_id).order_by("id")
        assert [row.action for row in rows] == [event.type for event in events]
        return [(event.type, event.payload.get("changed")) for event in events]


def test_a_draft() -> None:
    product = make_product(name="  House   loan ")
    with platform_scope():
        row = Product.objects.get(id=product.id)
    assert (row.name, row.state, row.row_version) == ("House loan", "draft", 1)
    assert (row.amount_min, row.amount_max, row.fee_percent) == (Decimal(5000), Decimal(200000), Decimal(1))
    assert row.grid == TERMS["grid"]
    assert told(product.id) == [("product.opened", None)]


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"amount_min": "0"}, ["/amount_min"]),
        ({"amount_min": "5e3"}, ["/amount_min"]),
        ({"amount_min": "5000.005"}, ["/amount_min"]),
        ({"amount_max": "4999.99"}, ["/amount_max"]),
        ({"currency": "XYZ"}, ["/currency"]),
        ({"currency": "JPY"}, ["/amount_min", "/amount_max"]),
        ({"terms": []}, ["/terms"]),
        ({"terms": [0]}, ["/terms"]),
        ({"terms": [121]}, ["/terms"]),
        ({"terms": [24, 12]}, ["/terms"]),
        ({"terms": [12, 12]}, ["/terms"]),
        ({"grid": {}}, ["/grid"]),
        ({"grid": {"A": "100.1"}}, ["/grid/A"]),
        ({"grid": {"A": "-1", "F": "3"}}, ["/grid/A", "/grid/F"]),
        ({"grid": {"A": "1.23456"}}, ["/grid/A"]),
        ({"fee_percent": "20.01"}, ["/fee_percent"]),
        ({"fee_flat": "4950"}, ["/fee_flat"]),
        ({"name": "\u202e"}, ["/name"]),
        ({"name": " "}, ["/name"]),
        ({"terms": [], "fee_percent": "x", "amount_max": "1"}, ["/fee_percent", "/amount_max", "/terms"]),
    ],
    ids=str,
)
def test_what_cannot_be_drafted(changes: dict[str, Any], pointers: list[str]) -> None:
    bank = make_institution().id
    with pytest.raises(Invalid) as refused:
        make_product(bank, **changes)
    assert [one.pointer for one in refused.value.errors] == pointers
    assert all(one.detail.endswith(".") for one in refused.value.errors)
    with platform_scope():
        assert not Product.objects.exists()


def test_a_name_is_one_institutions_once() -> None:
    bank = make_institution().id
    first, other = make_product(bank, name="Loan"), make_product(bank, name="Other")
    make_product(name="Loan")
    with pytest.raises(Conflict):
        make_product(bank, name=" Loan")
    with pytest.raises(Conflict):
        change(other.id, name="Loan")
    assert change(first.id, name="Loan").row_version == 1
    with pytest.raises(NotFound):
        make_product(uuid4())


def test_a_change_is_told_once() -> None:
    product = make_product()
    changed = change(product.id, amount_max="150000", terms=[6, 12], grid={**TERMS["grid"], "A": "4.9"})
    assert (changed.amount_max, changed.terms, changed.row_version) == (Decimal(150000), [6, 12], 2)
    assert changed.grid["A"] == "4.9"
    assert change(product.id, amount_max="150000.00").row_version == 2
    assert told(product.id) == [("product.opened", None), ("product.changed", ["amount_max", "grid", "terms"])]


def test_a_change_is_judged_with_what_stays() -> None:
    product = make_product()
    with pytest.raises(Invalid) as refused:
        change(product.id, amount_min="200000.01")
    assert [one.pointer for one in refused.value.errors] == ["/amount_max"]
    with platform_scope():
        assert Product.objects.get().amount_min == 5000


def test_a_product_in_yen_is_changed() -> None:
    product = make_product(currency="JPY", amount_min="50000", amount_max="900000")
    assert change(product.id, amount_max="800000").amount_max == 800000


def test_a_stale_version() -> None:
    product = make_product()
    seen = Match(frozenset({services.product_tag(product)}))
    assert change(product.id, seen, amount_max="150000").row_version == 2
    with pytest.raises(PreconditionFailed):
        change(product.id, seen, amount_max="160000")
    with platform_scope():
        assert Product.objects.get().amount_max == 150000


def test_live_needs_a_policy() -> None:
    product = make_product()
    with pytest.raises(Conflict, match="no live credit policy"):
        set_state(product.id, "live")
    give_policy(product.id)
    assert set_state(product.id, "live").state == "live"
    assert told(product.id)[-1] == ("product.changed", ["state"])


def test_a_grid_keeps_the_rates_that_its_policy_needs() -> None:
    product = make_product()
    give_policy(product.id)
    set_state(product.id, "live")
    with pytest.raises(Conflict) as refused:
        change(product.id, grid={"A": "5", "B": "6"})
    assert [one.pointer for one in refused.value.errors] == ["/grid/C"]
    with platform_scope():
        assert Product.objects.get().grid == TERMS["grid"]
    assert change(product.id, grid={"A": "5", "B": "6", "C": "7"}).grid == {"A": "5", "B": "6", "C": "7"}


def test_the_states() -> None:
    product = make_product()
    give_policy(product.id, [RULES[0]])
    for state in ("live", "paused", "live", "closed"):
        assert set_state(product.id, state).state == state
    refused: list[dict[str, Any]] = [{"state": "live"}, {"amount_max": "150000"}]
    for values in refused:
        with pytest.raises(Conflict, match="closed"):
            change(product.id, **values)
    with pytest.raises(Conflict, match="cannot become"):
        set_state(make_product().id, "paused")


def test_another_institutions() -> None:
    product, stranger = make_product(), make_institution().id
    given = msgspec.convert({"amount_max": "150000"}, ProductChange)
    with pytest.raises(NotFound), tenant_scope(stranger):
        services.change_product(product_id=product.id, change=given, actor=MAKER, now=now())
    with tenant_scope(stranger):
        assert not Product.objects.exists()
        assert Product.objects.filter(id=product.id).update(name="Mine") == 0
    with pytest.raises(NotFound), tenant_scope(stranger):
        services.open_product(institution_id=product.institution_id, terms_=terms(), actor=MAKER, now=now())


@pytest.mark.parametrize(
    "change",
    [
        "amount_min = 0", "amount_max = 1", "fee_percent = 20.1", "fee_flat = 5000", "currency = 'hkd'",
        "jurisdiction = 'H'", "product_class = 'A b'", "method = 'balloon'", "rounding = 'down'", "state = 'paused'",
    ],
)  # fmt: skip
def test_the_database_refuses_by_itself(change: str) -> None:
    make_product()
    with pytest.raises(IntegrityError), platform_scope(), connection.cursor() as cursor, transaction.atomic():
        cursor.execute(f"UPDATE products_product SET {change}")
