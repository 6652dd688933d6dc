"""Credit policies live by two: written, submitted by one, approved by another, and never changed afterwards."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from hub.audit import AuditRow, client_actor, system_actor
from hub.clock import now
from hub.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from hub.outbox import OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from hub.versions import Match
from partners.products import credit_policies
from partners.products.credit_policies import policy_tag
from partners.products.models import CreditPolicy
from tests.factories import make_institution
from tests.partners.product_factory import (
    CHECKER,
    MAKER,
    RULES,
    give_policy,
    make_product,
    policy_text,
    set_state,
)

pytestmark = pytest.mark.django_db


def write(product_id: UUID, rules: list[dict[str, Any]] | None = None, **more: Any) -> CreditPolicy:
    text = policy_text(rules)
    with platform_scope():
        return credit_policies.write_policy(
            product_id=product_id, text=text, **{"actor": MAKER, "now": now(), **more}
        )  # fmt: skip


def step(what: Any, product_id: UUID, actor: Any, **more: Any) -> CreditPolicy:
    with platform_scope():
        found: CreditPolicy = what(product_id=product_id, actor=actor, now=now(), **more)
        return found


def submit(product_id: UUID, actor: Any = MAKER, **more: Any) -> CreditPolicy:
    return step(credit_policies.submit_policy, product_id, actor, **more)


def approve(product_id: UUID, actor: Any = CHECKER, **more: Any) -> CreditPolicy:
    return step(credit_policies.approve_policy, product_id, actor, **more)


def states(product_id: UUID) -> list[tuple[int, str]]:
    with platform_scope():
        rows = CreditPolicy.objects.filter(product_id=product_id).order_by("version")
        return list(rows.values_list("version", "state"))


def told(institution_id: UUID) -> list[str]:
    with platform_scope():
        events = OutboxEvent.objects.filter(institution_id=institution_id, type__startswith="policy.").order_by("id")
        return list(events.values_list("type", flat=True))


def test_from_draft_to_live() -> None:
    product = make_product()
    assert write(product.id).state == "draft"
    submitted = submit(product.id)
    assert (submitted.state, submitted.maker) == ("submitted", f"user:{MAKER.id}")
    live = approve(product.id)
    assert (live.state, live.checker, live.rules) == ("live", f"user:{CHECKER.id}", {"all": RULES})
    assert told(product.institution_id) == ["policy.drafted", "policy.submitted", "policy.live"]


def test_the_one_before_retires() -> None:
    product = make_product()
    first = give_policy(product.id)
    second = give_policy(product.id, [RULES[0]])
    assert states(product.id) == [(1, "retired"), (2, "live")]
    assert first != second


@pytest.mark.parametrize("maker", [MAKER, client_actor("desk-1")], ids=["person", "client"])
def test_nobody_approves_his_own(maker: Any) -> None:
    product = make_product()
    write(product.id)
    submit(product.id, maker)
    with pytest.raises(Forbidden, match="cannot approve"):
        approve(product.id, maker)
    assert states(product.id) == [(1, "submitted")]
    assert approve(product.id, client_actor("desk-2")).state == "live"


def test_a_refused_approval_stays_in_the_audit_of_the_console() -> None:
    product = make_product()
    write(product.id)
    submit(product.id)
    with platform_scope():
        with pytest.raises(Forbidden):
            credit_policies.approve_policy(product_id=product.id, actor=MAKER, now=now())
        row = AuditRow.objects.get(action="policy.approval_refused")
        assert (row.subject_id, row.actor_id, row.details["code"]) == (str(product.id), MAKER.id, "forbidden")


def test_the_system_approves_nothing() -> None:
    product = make_product()
    write(product.id)
    submit(product.id)
    with pytest.raises(Forbidden):
        approve(product.id, system_actor("task"))
    assert states(product.id) == [(1, "submitted")]


def test_a_submitted_one_that_is_written_again_is_a_draft_again() -> None:
    product = make_product()
    write(product.id)
    submit(product.id)
    again = write(product.id, [RULES[1]])
    assert (again.version, again.state, again.maker) == (1, "draft", "")
    with pytest.raises(Conflict):
        approve(product.id)
    with platform_scope():
        assert CreditPolicy.objects.get().rules == {"all": [RULES[1]]}


def test_what_may_not_follow() -> None:
    product = make_product()
    for what in (submit, approve):
        with pytest.raises(Conflict):
            what(product.id)
    write(product.id)
    with pytest.raises(Conflict):
        approve(product.id)
    submit(product.id)
    with pytest.raises(Conflict):
        submit(product.id)
    set_state(product.id, "closed")
    with pytest.raises(Conflict, match="closed"):
        write(product.id)
    with pytest.raises(Conflict, match="closed"):
        approve(product.id)
    assert states(product.id) == [(1, "submitted")]


def test_a_grade_without_a_rate_keeps_it_from_being_submitted() -> None:
    product = make_product(grid={"A": "5", "B": "6"})
    write(product.id)
    with pytest.raises(Conflict) as refused:
        submit(product.id)
    assert [(one.pointer, one.code) for one in refused.value.errors] == [("/grid/C", "missing_rate")]
    write(product.id, [{**RULES[0], "value": ["A", "B"]}])
    assert submit(product.id).state == "submitted"


def test_faults_are_named_and_nothing_is_written() -> None:
    product = make_product()
    with pytest.raises(Invalid) as refused:
        write(product.id, [{"fact": "age", "op": ">=", "value": 21, "code": "adult"}])
    assert [(one.pointer, one.code) for one in refused.value.errors] == [("/all/0/fact", "protected_attribute")]
    assert states(product.id) == []
    assert told(product.institution_id) == []


def test_stale_versions() -> None:
    product = make_product()
    first = Match(frozenset({policy_tag(None)}))
    draft = write(product.id, match=first)
    with pytest.raises(PreconditionFailed):
        write(product.id, match=first)
    seen = Match(frozenset({policy_tag(draft)}))
    write(product.id, [RULES[1]])
    for what in (submit, approve):
        with pytest.raises(PreconditionFailed):
            what(product.id, match=seen)
    assert states(product.id) == [(1, "draft")]


def test_another_institutions() -> None:
    product, stranger = make_product(), make_institution().id
    give_policy(product.id)
    for what in (credit_policies.submit_policy, credit_policies.approve_policy):
        with pytest.raises(NotFound), tenant_scope(stranger):
            what(product_id=product.id, actor=CHECKER, now=now())
    with tenant_scope(stranger):
        assert not CreditPolicy.objects.exists()
    with pytest.raises(IntegrityError, match="products_creditpolicy_owner"), tenant_scope(stranger):
        CreditPolicy.objects.create(
            institution_id=stranger, product_id=product.id, version=7, rules={"all": []}, created_at=now()
        )


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("checker = maker", "products_creditpolicy_two_people"),
        ("rules = '{\"all\": []}'", "products_creditpolicy_frozen"),
        ("version = 9", "products_creditpolicy_frozen"),
        ("state = 'draft'", "products_creditpolicy_state_flow"),
        ("checker = ''", "products_creditpolicy_checker"),
        ("maker = ''", "products_creditpolicy_maker"),
    ],
)
def test_the_database_refuses_by_itself(change: str, constraint: str) -> None:
    policy = give_policy(make_product().id)
    refused = pytest.raises(IntegrityError, match=constraint)
    with refused, platform_scope(), connection.cursor() as cursor, transaction.atomic():
        cursor.execute(f"UPDATE products_creditpolicy SET {change} WHERE id = %s", [policy])
    with platform_scope():
        assert CreditPolicy.objects.get().rules == {"all": RULES}


def test_one_live_and_one_open_version_at_a_time() -> None:
    product = make_product()
    give_policy(product.id)
    write(product.id)
    row: dict[str, Any] = {"institution_id": product.institution_id, "product_id": product.id, "rules": {"all": []}}
    with pytest.raises(IntegrityError, match="products_creditpolicy_one_open"), platform_scope():
        CreditPolicy.objects.create(**row, version=3, created_at=now(), id=uuid4())
