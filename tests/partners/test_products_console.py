"""Products in the console: two people take one from a draft to live, and each role keeps to its deeds."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from pytest_django import Settings

from hub.accounts.policies import Role
from hub.clock import now
from hub.outbox import OutboxEvent
from hub.tenancy import platform_scope
from partners.products import facade
from partners.products.models import Budget, CreditPolicy, Product
from tests import people
from tests.factories import make_institution
from tests.partners.product_factory import RULES, make_live, make_product

pytestmark = pytest.mark.django_db
PRODUCTS = "/console/products/product"
FORM = {
    "name": "House loan", "product_class": "personal_instalment", "currency": "HKD", "jurisdiction": "HK",
    "amount_min": "5000", "amount_max": "90000", "terms": "12 24", "method": "equal_instalment",
    "rounding": "half_up", "fee_percent": "1.5", "fee_flat": "0", "rate_a": "5", "rate_b": "6.5", "rate_c": "9",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Settings) -> None:
    people.quick_passwords(settings)


def staff(*roles: Role) -> Client:
    return people.signed_in(people.make(f"{uuid4().hex}@luopan.example", roles))


def do(client: Client, product_id: UUID, deed: str, data: dict[str, Any] | None = None) -> Any:
    return client.post(f"{PRODUCTS}/{product_id}/do/{deed}/", data or {}, follow=True)


def only_product() -> Product:
    with platform_scope():
        return Product.objects.get()


def test_two_people_take_a_product_live() -> None:
    bank = make_institution(sandbox=False)
    olivia, rita, oscar = staff(Role.OPERATOR), staff(Role.RISK_OFFICER), staff(Role.RISK_OFFICER)
    drafted = olivia.post(f"{PRODUCTS}/do/open/", {**FORM, "institution": str(bank.id)}, follow=True)
    assert "House loan is drafted" in drafted.content.decode()
    product = only_product()
    assert (product.terms, product.grid) == ([12, 24], {"A": "5", "B": "6.5", "C": "9"})
    assert "is a draft" in do(rita, product.id, "policy", {"rules": json.dumps({"all": RULES})}).content.decode()
    assert "waits for somebody else" in do(rita, product.id, "submit").content.decode()
    assert "cannot approve it: somebody else must" in do(rita, product.id, "approve").content.decode()
    assert "decides from now on" in do(oscar, product.id, "approve").content.decode()
    do(olivia, product.id, "budget", {"cap_amount": "50000", "cap_count": "", "cap_expected_loss": ""})
    assert "on offer" in do(olivia, product.id, "live").content.decode()
    page = olivia.get(f"{PRODUCTS}/{product.id}/change/").content.decode()
    for shown in ("grade_up_to_c", "income_floor", "50000.00", "Version 1"):
        assert shown in page
    with platform_scope():
        (found,) = facade.live_products(product_class="personal_instalment", currency="HKD", sandbox_id=None)
        assert (found.id, str(found.fee_percent.normalize())) == (product.id, "1.5")
        assert facade.budgets_left([product.id], now=now())[product.id].amount == 50000


def test_the_forms_begin_with_what_is_there() -> None:
    product = make_live()
    client = staff(Role.OPERATOR)
    shown = client.get(f"{PRODUCTS}/{product.id}/do/change/").context["form"]
    assert (shown["terms"].value(), shown["rate_a"].value(), shown["amount_min"].value()) == (
        "12 24 36", "5.5", "5000.00",
    )  # fmt: skip
    rules = client.get(f"{PRODUCTS}/{product.id}/do/policy/").context["form"]["rules"].value()
    assert json.loads(rules) == {"all": RULES}


def test_refusals_stand_beside_the_form() -> None:
    product = make_live()
    client = staff(Role.OPERATOR)
    told = do(client, product.id, "change", {**FORM, "terms": "24 12", "rate_c": "101"}).content.decode()
    assert "terms: List each term once" in told
    assert "grid/C: Write a yearly percentage" in told
    assert "This is no credit policy" in do(client, product.id, "policy", {"rules": "{"}).content.decode()
    assert "This is no credit policy" in do(client, product.id, "policy", {"rules": '{"all": 1}'}).content.decode()
    protected = json.dumps({"all": [{"fact": "sex", "op": "==", "value": "F", "code": "no_men"}]})
    assert (
        "a protected attribute may decide nothing"
        in do(client, product.id, "policy", {"rules": protected}).content.decode()
    )
    assert "at least one cap" in do(client, product.id, "budget", {"cap_amount": ""}).content.decode()
    with platform_scope():
        assert Product.objects.get().row_version == product.row_version
        assert CreditPolicy.objects.count() == 1
        assert Budget.objects.get().cap_amount == 1000000


@pytest.mark.parametrize(
    ("role", "forbidden"),
    [
        (Role.AUDITOR, ["change", "policy", "budget", "close"]),
        (Role.RISK_OFFICER, ["change", "budget", "close"]),
    ],
)
def test_roles_keep_to_their_deeds(role: Role, forbidden: list[str]) -> None:
    product, client = make_product(), staff(role)
    with platform_scope():
        before = OutboxEvent.objects.count()
    for deed in forbidden:
        assert do(client, product.id, deed).status_code == 403
    with platform_scope():
        assert OutboxEvent.objects.count() == before


def test_pause_and_close() -> None:
    product, client = make_live(), staff(Role.OPERATOR)
    assert do(client, product.id, "approve").status_code == 404  # nothing waits
    for deed, state in (("pause", "paused"), ("live", "live"), ("close", "closed")):
        do(client, product.id, deed)
        assert only_product().state == state
    assert do(client, product.id, "live").status_code == 404


def test_every_page_opens() -> None:
    product, client = make_live(), staff(Role.AUDITOR)
    with platform_scope():
        facade.reserve(
            product_id=product.id,
            referral_id=uuid4(),
            amount=product.amount_min,
            expected_loss=product.fee_flat,
            now=now(),
        )
        policy, budget = CreditPolicy.objects.get().id, Budget.objects.get().id
    for path in (f"product/{product.id}", f"creditpolicy/{policy}", f"budget/{budget}"):
        assert client.get(f"/console/products/{path.partition('/')[0]}/").status_code == 200
        assert client.get(f"/console/products/{path}/change/").status_code == 200
    page = client.get(f"/console/products/budget/{budget}/change/").content.decode()
    assert "agrees" in page
    assert "reserve" in page
    assert client.get("/console/").status_code == 200
