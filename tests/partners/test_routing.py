"""The routing ledger: every live product of the world, its reasons, and a run that comes out the same again."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from hub import erasure
from hub.clock import now
from hub.errors import Conflict, Erased, NotFound
from hub.tenancy import platform_scope
from partners.products.models import Product
from partners.referrals import facade, queries, routing
from partners.referrals.models import Catalogue, RoutingRun
from tests.factories import make_institution
from tests.partners.product_factory import give_budget, give_policy, make_live, make_product, set_state
from tests.partners.referral_factory import (
    BORROWER,
    accept,
    decision,
    make_case,
    make_offers,
    make_person,
    match,
    view,
)

pytestmark = pytest.mark.django_db


def run_of(application_id: UUID) -> RoutingRun:
    with platform_scope():
        found = RoutingRun.objects.filter(case_id=application_id).order_by("-at", "-id").first()
    assert found is not None
    return found


def replayed(run: RoutingRun) -> bool:
    with platform_scope():
        return routing.replay(run_id=run.id)


def test_every_live_product_has_its_entry() -> None:
    world = make_institution()
    fits = make_live(world.id)
    poor = make_live(world.id, rules=[{"fact": "monthly_income", "op": ">=", "value": 90000, "code": "rich"}])
    blind = make_live(world.id, rules=[{"fact": "inquiries_6m", "op": "<=", "value": 3, "code": "few"}])
    full = make_live(world.id, caps={"cap_amount": "49999"})
    risky = make_live(world.id, caps={"cap_expected_loss": "1559.99"})
    small = make_live(world.id, amount_min="60000")
    make_product(world.id)  # a draft
    paused = make_live(world.id)
    set_state(paused.id, "paused")
    make_live(make_institution().id)  # of another world
    case = make_case(world)
    assert [offer.product_id for offer in match(case)] == [fits.id]
    with platform_scope():
        entries = queries.routing_entries(run_of(case.application_id))
    found = {entry.candidate.product_id: (entry.rank, entry.reasons) for entry in entries}
    assert found == {
        fits.id: (1, ()),
        poor.id: (None, ("rich",)),
        blind.id: (None, ("missing_inquiries_6m",)),
        full.id: (None, ("budget_full",)),
        risky.id: (None, ("budget_full",)),
        small.id: (None, ("amount_below_minimum",)),
    }


def test_what_a_policy_may_ask() -> None:
    world = make_institution()
    rules: list[dict[str, Any]] = [
        {"fact": "amount", "op": "<=", "value": 30000, "code": "amount_cap"},
        {"fact": "term", "op": "==", "value": 24, "code": "term_24"},
        {"fact": "pd_12m", "op": "<=", "value": 0.0312, "code": "pd_cap"},
        {"fact": "grade", "op": "in", "value": ["B"], "code": "only_b"},
        {"fact": "card_utilisation", "op": "<=", "value": 35.5, "code": "use_cap"},
    ]
    make_live(world.id, rules=rules, amount_max="30000")
    [offer] = match(make_case(world))
    assert (offer.terms.amount, offer.terms.months) == (Decimal(30000), 24)


def test_live_and_sandbox_never_mix() -> None:
    make_live(make_institution().id)
    live = make_institution(sandbox=False)
    product = make_live(live.id)
    assert product.id in {offer.product_id for offer in match(make_case(None))}
    sandbox = make_institution()
    assert match(make_case(sandbox)) == ()


def test_a_declined_application_gets_no_offers() -> None:
    world, [product], _ = make_offers()
    case = make_case(world, scored=decision(grade="B", action="decline"))
    assert match(case) == ()
    seen = view(case.application_id)
    assert seen.state == "open"
    assert [(one.code, one.reason, one.products) for one in seen.exclusions] == [("declined_by_platform", "score", 1)]
    assert product.state == "live"


def test_a_second_match_replaces_what_nobody_accepted() -> None:
    world, [product], [first] = make_offers()
    case = view(first.application_id)
    make_live(world.id, grid={"A": "5", "B": "2", "C": "20"})
    second = match(case)
    assert [offer.rank for offer in second] == [1, 2]
    assert second[1].product_id == product.id
    assert view(case.application_id).offers == second
    with pytest.raises(Conflict) as refused:
        accept(first)
    assert refused.value.errors[0].code == "offer_gone"
    accept(second[0])
    with pytest.raises(Conflict):
        match(case)


def test_a_match_without_offers_after_one_with_offers() -> None:
    _, [product], [offer] = make_offers()
    set_state(product.id, "paused")
    case = view(offer.application_id)
    assert match(case) == ()
    assert view(offer.application_id).state == "open"


def test_a_run_replays_whatever_came_after() -> None:
    world, [product], [offer] = make_offers()
    full = make_live(world.id, caps={"cap_count": 1})
    accept(match(make_case(world, scored=decision(grade="C")))[0])  # takes somebody's budget
    case = view(offer.application_id)
    match(case, seed="a seed of one's own")
    run = run_of(case.application_id)
    assert run.seed == "a seed of one's own"
    give_policy(product.id, [{"fact": "grade", "op": "in", "value": ["A"], "code": "only_a"}])
    give_budget(full.id, cap_count=500)
    with platform_scope():
        Product.objects.filter(id=product.id).update(fee_flat=Decimal(900))
    set_state(full.id, "closed")
    assert replayed(run)


def test_a_changed_ledger_does_not_replay() -> None:
    _, [product], [offer] = make_offers()
    run = run_of(offer.application_id)
    assert replayed(run)
    for change in ({"digest": "0" * 64}, {"full": [str(product.id)]}):
        other = RoutingRun(**{**{field.attname: getattr(run, field.attname) for field in run._meta.fields}, **change})
        other.id = uuid4()
        with platform_scope():
            other.save(force_insert=True)
        assert not replayed(other)


def test_the_catalogue_is_kept_once() -> None:
    world, _, _ = make_offers()
    for _ in range(3):
        match(make_case(world))
    with platform_scope():
        assert Catalogue.objects.count() == 1
        assert RoutingRun.objects.count() == 4


def test_an_erased_person_is_not_matched() -> None:
    world, _, _ = make_offers()
    person = make_person()
    case = make_case(world, person_id=person)
    with platform_scope():
        erasure.erase_person(person_id=person, actor=BORROWER, now=now())
    with pytest.raises(Erased):
        match(case)
    with pytest.raises(Erased):
        make_case(world, person_id=person, product_class="other_class")


def test_an_unknown_application_or_person() -> None:
    with platform_scope(), pytest.raises(NotFound):
        facade.match(application_id=uuid4(), actor=BORROWER, now=now())
    with pytest.raises(NotFound):
        make_case(None, person_id=uuid4())
