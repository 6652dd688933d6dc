"""Cases, offers, referrals and contracts for tests, made by the services; each step is a function."""

import itertools
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from hub.audit import client_actor, system_actor
from hub.clock import now
from hub.crypto import DataKey
from hub.tenancy import platform_scope, tenant_scope
from partners.institutions.queries import InstitutionView, get_institution
from partners.products.models import Product
from partners.referrals import facade, lender
from partners.referrals.facade import CaseView, ContractView, DecisionView, OfferView, ReasonView, ReferralView
from partners.referrals.lender import FinalTerms, Recorded, Verdict
from tests.factories import make_institution
from tests.partners.product_factory import make_live

BORROWER, BANK = system_actor("borrower"), client_actor("bank")
FACTS: dict[str, object] = {"monthly_income": 20000, "card_utilisation": 35.5, "housing": "rent"}
SHARE = facade.ShareConsent("share-2026-11", {"name": "Chan Siu Ming", "phone": "+852 5550 0000"})
_number = itertools.count(1)


def make_person() -> UUID:
    """Make the platform's key of a new person."""
    with platform_scope():
        reference = f"person-{uuid4()}"
        return DataKey.objects.for_reference(institution_id=None, kind=DataKey.PERSON, reference=reference).id


def decision(**changes: Any) -> DecisionView:
    """A decision of grade B."""
    given: dict[str, Any] = {
        "id": uuid4(), "pd": "0.031200", "grade": "B", "action": "approve",
        "reasons": (ReasonView("card_utilisation", 35.5, 10.0, "0.412000"),),
    }  # fmt: skip
    return DecisionView(**{**given, **changes})


def make_case(
    world: InstitutionView | None, *, person_id: UUID | None = None, facts: Mapping[str, object] | None = None,
    scored: DecisionView | None = None, at: datetime | None = None, **changes: Any,
) -> CaseView:  # fmt: skip
    """Open a case in the world of a sandbox (None: the live world)."""
    given: dict[str, Any] = {
        "application_id": uuid4(), "sandbox_id": world.id if world else None, "product_class": "personal_instalment",
        "currency": "HKD", "amount": Decimal(50000), "term_months": 24,
    }  # fmt: skip
    person = person_id or make_person()
    with platform_scope():
        return facade.open_case(
            **{**given, **changes}, person_id=person, facts=FACTS if facts is None else facts,
            decision=scored or decision(), actor=BORROWER, now=at or now(),
        )  # fmt: skip


def match(case: CaseView, **more: Any) -> tuple[OfferView, ...]:
    """Match a case."""
    with platform_scope():
        return facade.match(application_id=case.application_id, actor=BORROWER, now=now(), **more)


def accept(offer: OfferView, *, at: datetime | None = None) -> ReferralView:
    """Accept an offer."""
    with platform_scope():
        return facade.accept(
            offer_id=offer.id, application_id=offer.application_id, share_consent=SHARE, actor=BORROWER, now=at or now()
        )


def make_offers(count: int = 1, **changes: Any) -> tuple[InstitutionView, list[Product], tuple[OfferView, ...]]:
    """Make a sandbox with so many products of falling cost, and a case of its world with its offers."""
    world = make_institution()
    products = [
        make_live(world.id, name=f"Product {next(_number)}", grid={"A": "5", "B": str(12 - at), "C": "20"}, **changes)
        for at in range(count)
    ]
    return world, products, match(make_case(world))


def make_referral(*, at: datetime | None = None, **changes: Any) -> ReferralView:
    """Make a case whose only offer was accepted."""
    return accept(make_offers(**changes)[2][0], at=at)


def referral_of(institution_id: UUID) -> ReferralView:
    """Make a referral that this sandbox received."""
    make_live(institution_id, name=f"Product {next(_number)}")
    with platform_scope():
        world = get_institution(institution_id=institution_id)
    return accept(match(make_case(world))[0])


def same_terms(referral: ReferralView, **changes: Any) -> FinalTerms:
    """The accepted terms as the lender's final ones, with changes."""
    terms = referral.terms
    given = {
        "amount": terms.amount, "months": terms.months, "annual_rate_percent": terms.annual_rate_percent,
        "fee_upfront": terms.fee_upfront,
    }  # fmt: skip
    return FinalTerms(**{**given, **changes})


def decide(referral: ReferralView, verdict: Verdict, *, at: datetime | None = None) -> Recorded:
    """Let the lender decide."""
    with tenant_scope(referral.institution_id):
        return lender.decide(referral_id=referral.id, verdict=verdict, actor=BANK, now=at or now())


def approve(referral: ReferralView, **changes: Any) -> Recorded:
    """Let the lender approve the accepted terms, or others."""
    return decide(referral, Verdict("approve", same_terms(referral, **changes)))


def show(referral: ReferralView) -> ContractView:
    """Let the borrower see the final terms."""
    with platform_scope():
        return facade.show_contract(application_id=referral.application_id, actor=BORROWER, now=now())


def sign(referral: ReferralView, terms_hash: str, *, name: str = "Chan Siu Ming") -> ContractView:
    """Let the borrower sign."""
    with platform_scope():
        return facade.sign(
            application_id=referral.application_id, typed_name=name, terms_hash=terms_hash, actor=BORROWER, now=now()
        )


def make_signed(**changes: Any) -> tuple[ReferralView, ContractView]:
    """Make a referral whose contract is signed."""
    referral = make_referral(**changes)
    approve(referral)
    return referral, sign(referral, show(referral).terms_hash)


def fund(referral: ReferralView, terms_hash: str, *, at: datetime | None = None) -> facade.FundingView:
    """Let the lender claim the funding."""
    with tenant_scope(referral.institution_id):
        return facade.claim_funding(referral_id=referral.id, terms_hash=terms_hash, actor=BANK, now=at or now())


def view(application_id: UUID) -> CaseView:
    """Read a case."""
    with platform_scope():
        return facade.case_view(application_id=application_id)
