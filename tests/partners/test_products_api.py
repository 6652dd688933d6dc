"""Products by REST: drafted, given a policy and a budget by two clients, set live; versions by ETag and If-Match."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client as Http

from hub.clock import now
from hub.sandbox import SandboxClock
from hub.tenancy import platform_scope
from partners.institutions.queries import ClientView
from partners.products import facade
from partners.products.models import CreditPolicy, Product
from tests.factories import bearer, make_client, make_institution
from tests.partners.product_factory import RULES, TERMS, make_live, make_product

pytestmark = pytest.mark.django_db
PATH = "/api/v1/products"


def send(client: ClientView, method: str, path: str, body: Any = None, *, match: str = "", key: str = "") -> Any:
    headers = {"Idempotency-Key": key or str(uuid4()), **({"If-Match": match} if match else {})}
    data = "" if body is None else json.dumps(body)
    return Http().generic(method, path, data, "application/json", headers=headers, **bearer(client))


@pytest.fixture
def desk() -> ClientView:
    return make_client()


@pytest.fixture
def product(desk: ClientView) -> str:
    answer = send(desk, "POST", PATH, TERMS)
    assert answer.status_code == 201, answer.content
    assert answer["Location"] == f"{PATH}/{answer.json()['id']}"
    return str(answer["Location"])


def test_all_the_way_to_live(desk: ClientView, product: str) -> None:
    other = make_client(get_bank(desk))
    policy = send(desk, "GET", f"{product}/credit-policy")
    assert (policy.json(), policy["ETag"]) == ({"live": None, "open": None}, '"0"')
    written = send(desk, "PUT", f"{product}/credit-policy", {"all": RULES}, match=policy["ETag"])
    assert written.json()["open"]["rules"] == {"all": RULES}
    submitted = send(desk, "POST", f"{product}/credit-policy/submit", match=written["ETag"])
    assert submitted.json()["open"]["maker"] == f"client:{desk.client_id}"
    refused = send(desk, "POST", f"{product}/credit-policy/approve", match=submitted["ETag"])
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (403, "forbidden")
    approved = send(other, "POST", f"{product}/credit-policy/approve", match=submitted["ETag"])
    assert approved.json()["live"]["checker"] == f"client:{other.client_id}"
    assert approved.json()["open"] is None
    budget = send(desk, "PUT", f"{product}/budget", {"cap_amount": "90000", "cap_count": 3}, match='"0"')
    assert (budget.json()["left_amount"], budget.json()["left_count"]) == ("90000.00", 3)
    tag = send(desk, "GET", product)["ETag"]
    assert send(desk, "PATCH", product, {"state": "live"}, match=tag).json()["state"] == "live"
    with platform_scope():
        found = facade.live_products(
            product_class="personal_instalment", currency="HKD", sandbox_id=desk.institution_id
        )
    assert [f"{PATH}/{one.id}" for one in found] == [product]


def get_bank(client: ClientView) -> Any:
    from partners.institutions.facade import get_institution

    with platform_scope():
        return get_institution(institution_id=client.institution_id)


def test_what_is_read_back(desk: ClientView, product: str) -> None:
    answer = send(desk, "GET", product)
    shown = answer.json()
    assert {name: shown[name] for name in TERMS} == TERMS
    assert (shown["method"], shown["rounding"], shown["fee_flat"]) == ("equal_instalment", "half_up", "0.00")
    assert (shown["state"], shown["institution_id"]) == ("draft", str(desk.institution_id))
    assert answer["ETag"] == '"1"'
    listed = send(desk, "GET", PATH).json()
    assert listed == {"items": [shown], "next": None}


def test_a_repeat_drafts_one(desk: ClientView) -> None:
    first, second = (send(desk, "POST", PATH, TERMS, key="k") for _ in range(2))
    assert first.json() == second.json()
    assert second["Idempotent-Replayed"] == "true"
    with platform_scope():
        assert Product.objects.count() == 1


def test_faults_point_at_the_field(desk: ClientView) -> None:
    answer = send(desk, "POST", PATH, {**TERMS, "terms": [24, 12], "grid": {"A": "101"}, "amount_min": 5000})
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/amount_min"]
    answer = send(desk, "POST", PATH, {**TERMS, "terms": [24, 12], "grid": {"A": "101"}})
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/terms", "/grid/A"]


def test_versions_of_a_product(desk: ClientView, product: str) -> None:
    change = {"amount_max": "150000.00"}
    assert send(desk, "PATCH", product, change).status_code == 428
    changed = send(desk, "PATCH", product, change, match='"1"')
    assert (changed.status_code, changed["ETag"]) == (200, '"2"')
    assert send(desk, "PATCH", product, change, match='"1"').status_code == 412
    assert send(desk, "PATCH", product, change, match='W/"2"').status_code == 412
    assert send(desk, "PATCH", product, change, match='"1", "2"').status_code == 200
    assert send(desk, "PATCH", product, {"currency": "USD"}, match="*").status_code == 422
    assert send(desk, "GET", product).json()["amount_max"] == "150000.00"


def test_versions_of_a_budget(desk: ClientView, product: str) -> None:
    path = f"{product}/budget"
    empty = send(desk, "GET", path)
    assert (empty.json()["set"], empty["ETag"]) == (False, '"0"')
    caps = {"cap_amount": "1000"}
    assert send(desk, "PUT", path, caps).status_code == 428
    assert send(desk, "PUT", path, caps, match='"0"')["ETag"] == '"1"'
    assert send(desk, "PUT", path, caps, match='"0"').status_code == 412
    assert send(desk, "PUT", path, {"cap_amount": "2000"}, match='"1"').json()["cap_amount"] == "2000.00"
    assert send(desk, "GET", path)["ETag"] == '"2"'


def test_a_protected_attribute_is_refused(desk: ClientView, product: str) -> None:
    rules = {"all": [{"fact": "age", "op": ">=", "value": 21, "code": "adult"}]}
    answer = send(desk, "PUT", f"{product}/credit-policy", rules, match='"0"')
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {
            "detail": "Leave this rule out: a protected attribute may decide nothing.",
            "pointer": "/all/0/fact",
            "code": "protected_attribute",
        }
    ]
    with platform_scope():
        assert not CreditPolicy.objects.exists()


def test_what_the_present_state_forbids(desk: ClientView, product: str) -> None:
    assert send(desk, "PATCH", product, {"state": "live"}, match="*").status_code == 409
    assert send(desk, "POST", f"{product}/credit-policy/submit", match="*").status_code == 409
    narrow = {"all": [{"fact": "grade", "op": "==", "value": "A", "code": "only_a"}]}
    send(desk, "PUT", f"{product}/credit-policy", narrow, match="*")
    send(desk, "PATCH", product, {"grid": {"B": "7"}}, match="*")
    answer = send(desk, "POST", f"{product}/credit-policy/submit", match="*")
    assert answer.status_code == 409
    assert [one["pointer"] for one in answer.json()["errors"]] == ["/grid/A"]


def test_another_institutions_product_is_unknown(desk: ClientView) -> None:
    theirs = make_live().id
    for method, suffix, body in (
        ("GET", "", None), ("PATCH", "", {"state": "closed"}), ("GET", "/credit-policy", None),
        ("PUT", "/credit-policy", {"all": []}), ("POST", "/credit-policy/submit", None),
        ("POST", "/credit-policy/approve", None), ("GET", "/budget", None), ("PUT", "/budget", {"cap_count": 0}),
    ):  # fmt: skip
        found, unknown = (
            send(desk, method, f"{PATH}/{one}{suffix}", body, match="*").json() for one in (theirs, uuid4())
        )
        for own in ("instance", "request_id"):
            found.pop(own)
            unknown.pop(own)
        assert found == unknown
        assert found["status"] == 404
    assert send(desk, "GET", PATH).json()["items"] == []


def test_a_sandboxs_budget_follows_its_clock(desk: ClientView, product: str) -> None:
    send(desk, "PUT", f"{product}/budget", {"cap_amount": "1000"}, match='"0"')
    before = send(desk, "GET", f"{product}/budget").json()["period"]
    with platform_scope():
        SandboxClock.locked(desk.institution_id).advance(62)
    later = send(desk, "GET", f"{product}/budget").json()
    assert later["period"] > before
    assert later["left_amount"] == "1000.00"
    assert f"{now():%Y-%m}" == before


def test_lists_go_on(desk: ClientView) -> None:
    made = [str(make_product(desk.institution_id).id) for _ in range(3)]
    make_product(make_institution().id)
    first = send(desk, "GET", f"{PATH}?limit=2").json()
    second = Http().get(first["next"], **bearer(desk)).json()
    assert [item["id"] for item in first["items"] + second["items"]] == made
    assert second["next"] is None
