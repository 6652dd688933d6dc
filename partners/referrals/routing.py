"""Matching a case with the products of its world, and doing it again from the ledger."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from hub import outbox
from hub.audit import Actor
from hub.errors import Conflict
from hub.events import CaseMatched
from hub.ids import uuid7
from hub.money import DIGITS
from partners.products import facade as products
from partners.products.facade import BudgetLeft, Exclusion, Policy
from partners.referrals import packages, queries, terms
from partners.referrals.matching import (
    BEFORE_AFFORDABILITY,
    RULES,
    Ask,
    Candidate,
    Ranked,
    Routing,
    capped,
    expected_loss,
    lendable,
    route,
)
from partners.referrals.models import ALL, Case, Catalogue, Offer, RoutingRun
from partners.referrals.packages import Known
from partners.referrals.shapes import OfferView
from partners.referrals.shelf import Shelf, shelf_of
from risk.scoring.facade import AffordabilityView


def match(*, application_id: UUID, actor: Actor, now: datetime, seed: str = "") -> tuple[OfferView, ...]:
    """Match an application with every live product of its world; return its offers, the cheapest first.

    Offers of an earlier match that nobody accepted are replaced. Ties are broken by `seed` (unless told, the
    application's id). Platform scope, whose transaction it is atomic in: every refusal comes before the first change.
    `Conflict` where a lender has the application or it has ended, `Erased` where the person was erased.
    """
    case = queries.locked_case(application_id)
    if case.state not in ("open", "offered"):
        raise Conflict(f"The application is {case.state}: it cannot be matched now.")
    shelf = shelf_of(product_class=case.product_class, currency=case.currency, sandbox_id=case.sandbox_id)
    known, seed = packages.open_known(case), seed or str(case.id)
    ask = ask_of(case, known.affordability, now)
    full = _full(shelf, ask, now)
    routing, let_in = _route(case.person_id, known, ask, shelf.candidates, shelf.policies, full, seed)
    run = _run(case, shelf, routing, full=full, seed=seed, now=now)
    offers = [_offer(case, run, one, let_in.get(one.fit.candidate.product_id, ALL), now) for one in routing.offers]
    if case.state == "offered":
        Offer.replace(case)
    case.become("offered" if offers else "open")
    payload = CaseMatched(case.id, None, run_id=run.id, offers=len(offers), digest=run.digest)
    outbox.publish(payload, actor=actor, now=now, before=[run, *offers])
    return tuple(queries.offer_view(offer) for offer in offers)


def replay(*, run_id: UUID) -> bool:
    """Tell whether a run comes out the same from what the ledger kept. Platform scope; `Erased` as in `match`."""
    run = RoutingRun.objects.select_related("case__person", "catalogue").get(id=run_id)
    if run.rules not in (RULES, BEFORE_AFFORDABILITY):
        raise Conflict(f"This run was made by the rules of {run.rules}, which are no longer here.")
    candidates = msgspec.json.decode(bytes(run.catalogue.document), type=list[Candidate])
    policies = products.policy_versions([candidate.policy_version_id for candidate in candidates])
    known = packages.open_known(run.case)
    ask = ask_of(run.case, known.affordability if run.rules == RULES else None, run.at)
    full = {UUID(product_id) for product_id in run.full}
    routing, _ = _route(run.case.person_id, known, ask, candidates, policies, full, run.seed)
    return routing.ledger.digest == run.digest


def ask_of(case: Case, affordability: AffordabilityView | None, now: datetime) -> Ask:
    """Return what an application asks of lenders, by its decision as it stands."""
    return Ask(
        amount=case.amount, months=case.term_months, digits=DIGITS[case.currency], grade=case.grade, pd=case.pd_12m,
        declined=case.action == "decline", opened_on=now.date(),
        instalment_max=affordability.limit_instalment if affordability else None,
        rate_shock=affordability.rate_shock_percent if affordability else Decimal(0),
    )  # fmt: skip


def rules_of(
    known: Known, ask: Ask, policies: Mapping[UUID, Policy]
) -> Callable[[Candidate, Decimal, int], tuple[Exclusion, ...]]:
    """Return what tells why a lender's rules stand against an application with an amount and a term."""
    facts: dict[str, object] = {**known.facts, "grade": ask.grade, "pd_12m": ask.pd}
    evaluate = products.evaluate_policy

    def rules(candidate: Candidate, amount: Decimal, months: int) -> tuple[Exclusion, ...]:
        facts["amount"], facts["term"] = amount, months
        return evaluate(policies[candidate.policy_version_id], facts)

    return rules


def _route(
    person_id: UUID,
    known: Known,
    ask: Ask,
    candidates: list[Candidate],
    policies: Mapping[UUID, Policy],
    full: set[UUID],
    seed: str,
) -> tuple[Routing, dict[UUID, Decimal]]:
    """Route, and return too whom a random arm let in: by product, with what chance."""
    rules, drawn = rules_of(known, ask, policies), products.drawn
    scored: dict[str, object] = {"pd_12m": ask.pd}
    let_in: dict[UUID, Decimal] = {}

    def policy(candidate: Candidate, amount: Decimal, months: int) -> tuple[Exclusion, ...]:
        against, version_id = rules(candidate, amount, months), candidate.policy_version_id
        arm = policies[version_id].arm
        if arm is None or ask.instalment_max is None:  # nobody of whom it is not known that he can afford it
            return against
        if not drawn(policies[version_id], against, scored, person_id=person_id, policy_id=version_id):
            return against
        let_in[candidate.product_id] = arm.propensity
        return ()

    return route(ask=ask, candidates=candidates, policy=policy, full=full, seed=seed), let_in


def _full(shelf: Shelf, ask: Ask, now: datetime) -> set[UUID]:
    """Return the products whose budget has no room for what they would lend."""
    left = products.budgets_left([candidate.product_id for candidate in shelf.candidates], now=now)
    pairs = zip(shelf.candidates, left.values(), strict=True)
    return {candidate.product_id for candidate, budget in pairs if not _room(budget, candidate, ask)}


def _room(left: BudgetLeft, candidate: Candidate, ask: Ask) -> bool:
    amount = lendable(candidate, ask)
    if amount is None:  # it is left out for that
        return True
    return (
        (left.amount is None or amount <= left.amount)
        and (left.count is None or left.count >= 1)
        and (left.expected_loss is None or expected_loss(amount, ask.pd) <= left.expected_loss)
    )


def _run(case: Case, shelf: Shelf, routing: Routing, *, full: set[UUID], seed: str, now: datetime) -> RoutingRun:
    Catalogue.keep(digest=shelf.digest, document=shelf.document, now=now)
    return RoutingRun(
        id=uuid7(), case_id=case.id, catalogue_id=shelf.digest, rules=RULES, seed=seed,
        full=sorted(str(product_id) for product_id in full), ledger=msgspec.to_builtins(routing.ledger),
        digest=routing.ledger.digest, at=now,
    )  # fmt: skip


def _offer(case: Case, run: RoutingRun, one: Ranked, propensity: Decimal, now: datetime) -> Offer:
    candidate = one.fit.candidate
    made = terms.from_sheet(
        one.sheet, currency=case.currency, months=one.fit.months, method=candidate.method, rounding=candidate.rounding
    )
    return Offer(
        id=uuid7(), institution_id=candidate.institution_id, institution_name=candidate.institution_name,
        case_id=case.id, run_id=run.id, product_id=candidate.product_id, product_name=candidate.name, rank=one.rank,
        terms=terms.stored(made), lowered=one.fit.amount < capped(candidate, case.amount),
        propensity=propensity, made_at=now,
    )  # fmt: skip
