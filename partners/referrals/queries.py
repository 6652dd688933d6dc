"""Reads of cases, offers, referrals and contracts in the open scope, and the views of them."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from django.db.models import QuerySet

from hub.db.quick import Part, fetch, one
from hub.errors import NotFound
from partners.referrals import terms
from partners.referrals.flows import LIVE
from partners.referrals.matching import Candidate, Ledger
from partners.referrals.models import Case, Contract, LenderDecision, Offer, Referral, RoutingRun
from partners.referrals.shapes import CaseView, ContractView, ExclusionView, OfferView, ReferralView

_LIVE_OF_CASE = f"case_id = %s AND state IN ({', '.join(repr(state) for state in LIVE)})"
_NEWEST_OF_CASE = "case_id = %s ORDER BY created_at DESC, id DESC LIMIT 1"


def case_by_id(application_id: UUID) -> Case:
    """Return a case with its person's key; `NotFound` for an unknown one. Platform scope."""
    case = one(Case, "id = %s", (application_id,), also="person")
    if case is None:
        raise NotFound("There is no such application.")
    return case


def locked_case(application_id: UUID) -> Case:
    """As above, locked until the transaction ends: the first lock of all."""
    case = one(Case, "id = %s", (application_id,), also="person", lock=True)
    if case is None:
        raise NotFound("There is no such application.")
    return case


def case_unless_locked(application_id: UUID) -> Case | None:
    """Lock a case, or return None where somebody else has it locked."""
    rows = Case.objects.select_related("person").select_for_update(of=("self",), skip_locked=True)
    return rows.filter(id=application_id).first()


def locked_case_of_lender(case_id: UUID) -> Case | None:
    """Lock a case by what its lender may see of it: its state. None where it is another's now. Tenant scope."""
    rows = Case.objects.only("id", "state", "lender_id").select_for_update()
    return rows.filter(id=case_id).order_by("id").first()


def locked_offer(*, offer_id: UUID, case: Case) -> Offer:
    """Lock an offer of a case; `NotFound` for any other."""
    offer = one(Offer, "id = %s AND case_id = %s", (offer_id, case.id), lock=True)
    if offer is None:
        raise NotFound("There is no such offer.")
    return offer


def referrals() -> QuerySet[Referral]:
    """Return the referrals that the open scope sees, with the keys that seal them."""
    return Referral.objects.select_related("person")


def referral_by_id(referral_id: UUID) -> Referral:
    """Return a referral; another institution's answers like an unknown one."""
    found = one(Referral, "id = %s", (referral_id,), also="person")
    if found is None:
        raise NotFound("There is no such referral.")
    return found


def locked_referral(referral_id: UUID) -> Referral:
    """Lock a referral, after its case."""
    found = one(Referral, "id = %s", (referral_id,), also="person", lock=True)
    if found is None:
        raise NotFound("There is no such referral.")
    return found


def locked_live_referral(case: Case) -> Referral | None:
    """Lock the one referral of a locked case that can still be funded, if there is one."""
    return one(Referral, _LIVE_OF_CASE, (case.id,), also="person", lock=True)


def due(*, sandbox_id: UUID | None, now: datetime, limit: int) -> list[Referral]:
    """Return referrals of one world that are past their time, by product."""
    rows = Referral.objects.filter(state__in=LIVE, expires_at__lte=now, sandbox=sandbox_id is not None)
    if sandbox_id is not None:
        rows = rows.filter(institution_id=sandbox_id)
    return list(rows.order_by("product_id", "id").only("id", "case_id")[:limit])


def worlds_with_live_referrals() -> list[UUID | None]:
    """Return the worlds in which some referral may expire: sandboxes by their ids, None for the live one."""
    rows = Referral.objects.filter(state__in=LIVE).order_by().values_list("sandbox", "institution_id").distinct()
    return list({institution_id if sandbox else None for sandbox, institution_id in rows})


def decisions_of(referral: Referral) -> list[LenderDecision]:
    """Return what the lender decided, oldest first."""
    return list(referral.decisions.order_by("at", "id"))


def newest_decision(referral: Referral) -> LenderDecision | None:
    """Return what the lender decided last."""
    return one(LenderDecision, "referral_id = %s ORDER BY at DESC, id DESC LIMIT 1", (referral.id,))


def contract_of(referral: Referral) -> Contract:
    """Return a referral's contract; `NotFound` until there are final terms."""
    contract = one(Contract, "referral_id = %s", (referral.id,))
    if contract is None:
        raise NotFound("There are no final terms yet.")
    return contract


def newest_referral(case: Case) -> Referral | None:
    """Return the referral that was made last."""
    return one(Referral, _NEWEST_OF_CASE, (case.id,), also="person")


def newest_contract(application_id: UUID) -> ContractView:
    """Return the contract of the newest referral; `NotFound` until there are final terms."""
    contract = Contract.objects.filter(referral__case_id=application_id).select_related("referral")
    found = contract.order_by("-prepared_at").first()
    if found is None:
        raise NotFound("There are no final terms yet.")
    return contract_view(found, found.referral)


def case_view(case: Case) -> CaseView:
    """Return everything of a case that its borrower may see. Platform scope."""
    run = one(RoutingRun, "case_id = %s ORDER BY at DESC, id DESC LIMIT 1", (case.id,))
    return view_of(case, run=run, referral=newest_referral(case))


def view_of(case: Case, *, run: RoutingRun | None, referral: Referral | None) -> CaseView:
    """Make the view of a case, its last run and its newest referral."""
    return CaseView(
        application_id=case.id,
        sandbox_id=case.sandbox_id,
        product_class=case.product_class,
        currency=case.currency,
        amount=case.amount,
        term_months=case.term_months,
        decision_id=case.decision_id,
        grade=case.grade,
        action=case.action,
        state=case.state,
        offers=tuple(offer_view(offer) for offer in _offers(run)) if run else (),
        exclusions=_exclusions(run) if run else (),
        referral=referral_view(referral) if referral else None,
    )


def _offers(run: RoutingRun) -> list[Offer]:
    return sorted(fetch(Part(Offer, "run_id = %s", (run.id,))), key=lambda offer: offer.rank)


def _exclusions(run: RoutingRun) -> tuple[ExclusionView, ...]:
    ledger = msgspec.convert(run.ledger, Ledger)
    counts = Counter(at for outcome in ledger.outcomes if isinstance(outcome, list) for at in outcome)
    return tuple(ExclusionView(*ledger.reasons[at], products) for at, products in counts.most_common())


@dataclass(frozen=True, slots=True)
class RoutingEntry:
    """What a run says of one product: its rank if it was offered, or why it was not (codes); neither: outranked."""

    candidate: Candidate
    rank: int | None
    reasons: tuple[str, ...]


def routing_entries(run: RoutingRun) -> list[RoutingEntry]:
    """Return the outcome of every product, the offered ones first in their order. Platform scope."""
    ledger = msgspec.convert(run.ledger, Ledger)
    candidates = msgspec.json.decode(bytes(run.catalogue.document), type=list[Candidate])
    found = []
    for candidate, outcome in zip(candidates, ledger.outcomes, strict=True):
        reasons = tuple(ledger.reasons[at][0] for at in outcome) if isinstance(outcome, list) else ()
        found.append(RoutingEntry(candidate, outcome if isinstance(outcome, int) and outcome else None, reasons))
    return sorted(found, key=lambda entry: (len(entry.reasons), entry.rank or len(found)))


def offer_view(offer: Offer) -> OfferView:
    """Make the view of a row."""
    return OfferView(
        id=offer.id,
        application_id=offer.case_id,
        institution_id=offer.institution_id,
        institution_name=offer.institution_name,
        product_id=offer.product_id,
        product_name=offer.product_name,
        rank=offer.rank,
        state=offer.state,
        terms=terms.read(offer.terms),
        lowered=offer.lowered,
        made_at=offer.made_at,
    )


def referral_view(referral: Referral) -> ReferralView:
    """Make the view of a row, with what the lender decided last."""
    last = newest_decision(referral)
    codes = tuple(last.codes) if last else ()
    return ReferralView(
        id=referral.id,
        application_id=referral.case_id,
        offer_id=referral.offer_id,
        institution_id=referral.institution_id,
        institution_name=referral.institution_name,
        product_id=referral.product_id,
        product_name=referral.product_name,
        state=referral.state,
        terms=terms.read(referral.terms),
        counter=terms.read(last.terms) if last and referral.state == "countered" else None,
        asked_for=codes if referral.state == "asked" else (),
        decline_codes=codes if referral.state == "declined" else (),
        consent_id=referral.consent_id,
        created_at=referral.created_at,
        expires_at=referral.expires_at,
    )


def contract_view(contract: Contract, referral: Referral) -> ContractView:
    """Make the view of a row."""
    return ContractView(
        id=contract.id,
        referral_id=referral.id,
        application_id=referral.case_id,
        institution_id=referral.institution_id,
        institution_name=referral.institution_name,
        product_name=referral.product_name,
        terms=terms.read_contract(contract.text),
        terms_json=contract.text,
        terms_hash=contract.terms_hash,
        prepared_at=contract.prepared_at,
        shown_at=contract.shown_at,
        signed_at=contract.signed_at,
        method=contract.method,
    )
