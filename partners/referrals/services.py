"""What a borrower does: applies, accepts an offer or a counter-offer, looks at the final terms and signs them.

All of it runs in the platform's scope. Locks are taken in one order: case, offer, referral, budget.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import IntegrityError, transaction

from hub import consent, outbox
from hub.audit import Actor
from hub.crypto import DataKey
from hub.errors import Conflict, FieldError, Invalid, NotFound
from hub.events import CaseOpened, ContractShown, ContractSigned, OfferAccepted, OfferLost, ReferralCreated
from hub.ids import uuid7
from partners.products import facade as products
from partners.referrals import packages, policies, queries, terms
from partners.referrals.contracts import prepare
from partners.referrals.matching import expected_loss
from partners.referrals.models import Case, Offer, OpenApplicationClaim, Referral
from partners.referrals.shapes import CaseView, ContractView, DecisionView, ReferralView, ShareConsent

REFERRAL_DAYS = 14
NAME_MAX = 200


@transaction.atomic
def open_case(  # noqa: PLR0913 - what an application consists of
    *,
    application_id: UUID,
    sandbox_id: UUID | None,
    person_id: UUID,
    product_class: str,
    currency: str,
    amount: Decimal,
    term_months: int,
    facts: Mapping[str, object],
    decision: DecisionView,
    actor: Actor,
    now: datetime,
) -> CaseView:
    """Take a scored application into matching.

    `facts` (numbers, strings, None) are what lenders' policies ask about and lenders receive. `Conflict`
    "second_application" where the person has an open application of this class (I11).
    """
    person = DataKey.objects.filter(id=person_id, kind=DataKey.PERSON, institution_id=None).first()
    if person is None:
        raise NotFound("There is no such person.")
    case = Case(
        id=application_id, sandbox_id=sandbox_id, person=person, product_class=product_class, currency=currency,
        amount=amount, term_months=term_months, sealed=packages.seal_known(person, application_id, facts, decision),
        decision_id=decision.id, pd_12m=Decimal(decision.pd), grade=decision.grade, action=decision.action,
        created_at=now,
    )  # fmt: skip
    try:
        case.open()
    except IntegrityError as error:
        raise _second_application(error) from error
    payload = CaseOpened(case.id, None, sandbox_id=sandbox_id, decision_id=decision.id)
    outbox.publish(payload, actor=actor, now=now)
    return queries.view_of(case, run=None, referral=None)


def _second_application(error: IntegrityError) -> Exception:
    if OpenApplicationClaim.UNIQUE in str(error):
        return policies.refusal("second_application", "This person has an open application of this kind already.")
    return policies.refusal("application_known", "This application was opened already.")


class _OfferGone(Exception):
    """An offer no longer stands: a code, and what to say."""


_BUDGET_FULL = ("budget_full", "The lender's budget for this product is used up: choose another offer.")
_NOT_LIVE = ("offer_gone", "The lender no longer offers this product: choose another offer.")


def accept(
    *, offer_id: UUID, application_id: UUID, share_consent: ShareConsent, actor: Actor, now: datetime
) -> ReferralView:
    """Accept one offer: the consent to share is recorded and the lender receives the package, for 14 days.

    `Conflict` "already_accepted" for all but the first of an application's offers, "offer_gone" where it no longer
    stands, "budget_full" where the lender's budget has no room. The offer is marked gone then: catch it within the
    scope, so that the mark is kept.
    """
    try:
        return _accept(offer_id, application_id, share_consent, actor, now)
    except _OfferGone as gone:
        _lose(offer_id, application_id, actor, now)
        raise policies.refusal(*gone.args) from gone


@transaction.atomic
def _accept(offer_id: UUID, application_id: UUID, share: ShareConsent, actor: Actor, now: datetime) -> ReferralView:
    case = queries.locked_case(application_id)
    offer = queries.locked_offer(offer_id=offer_id, case=case)
    policies.check_may_accept(case, offer)
    if not products.is_live(product_id=offer.product_id):
        raise _OfferGone(*_NOT_LIVE)
    referral = _refer(case, offer, share, actor, now)
    amount = terms.read(offer.terms).amount
    held = products.reserve(
        product_id=offer.product_id, referral_id=referral.id, amount=amount,
        expected_loss=expected_loss(amount, case.pd_12m), now=now,
    )  # fmt: skip
    if not held:
        raise _OfferGone(*_BUDGET_FULL)
    case.become("referred", lender_id=offer.institution_id)
    offer.become("conditional")
    accepted = OfferAccepted(offer.id, offer.institution_id, referral_id=referral.id, counter=False)
    outbox.publish(accepted, actor=actor, now=now)
    created = ReferralCreated(
        referral.id, referral.institution_id, application_id=case.id, product_id=offer.product_id,
        expires_at=referral.expires_at.isoformat(),
    )  # fmt: skip
    outbox.publish(created, actor=actor, now=now)
    return queries.referral_view(referral)


def _refer(case: Case, offer: Offer, share: ShareConsent, actor: Actor, now: datetime) -> Referral:
    referral_id = uuid7()
    consent_id = consent.give(
        person_id=case.person_id, purpose=consent.SHARE_WITH_LENDER, recipient=str(offer.institution_id),
        text_version=share.text_version, reference=f"referral|{referral_id}", actor=actor, now=now,
    )  # fmt: skip
    lender_key = DataKey.objects.for_reference(
        institution_id=offer.institution_id, kind=DataKey.PERSON, reference=f"application|{case.id}"
    )  # fmt: skip
    return Referral.create(
        referral_id=referral_id, offer=offer, case=case, person=lender_key, consent_id=consent_id,
        package=packages.seal_package(lender_key, referral_id, case, share.contact),
        expires_at=now + timedelta(days=REFERRAL_DAYS), now=now,
    )  # fmt: skip


@transaction.atomic
def _lose(offer_id: UUID, application_id: UUID, actor: Actor, now: datetime) -> None:
    case = queries.locked_case(application_id)
    offer = queries.locked_offer(offer_id=offer_id, case=case)
    if offer.state == "indicative":
        offer.become("gone")
        outbox.publish(OfferLost(offer.id, None, case_id=case.id), actor=actor, now=now)


@transaction.atomic
def accept_counter(*, application_id: UUID, actor: Actor, now: datetime) -> ContractView:
    """Accept the lender's counter-offer: its terms are the final ones. `Conflict` where there is none."""
    _, referral = _referred(application_id)
    policies.check_state(referral, "countered")
    policies.check_in_time(referral, now)
    decision = queries.newest_decision(referral)
    assert decision is not None
    referral.become("approved")
    contract = prepare(referral, decision, now=now)
    payload = OfferAccepted(referral.offer_id, referral.institution_id, referral_id=referral.id, counter=True)
    outbox.publish(payload, actor=actor, now=now)
    return queries.contract_view(contract, referral)


@transaction.atomic
def show_contract(*, application_id: UUID, actor: Actor, now: datetime) -> ContractView:
    """Return the final terms with their cost sheet, and note that they stand before the borrower now.

    `NotFound` until there are final terms.
    """
    _, referral = _referred(application_id)
    contract = queries.contract_of(referral)
    if contract.state == "prepared":
        contract.show(now=now)
        payload = ContractShown(
            contract.id, referral.institution_id, referral_id=referral.id, terms_hash=contract.terms_hash
        )  # fmt: skip
        outbox.publish(payload, actor=actor, now=now)
    return queries.contract_view(contract, referral)


@transaction.atomic
def sign(*, application_id: UUID, typed_name: str, terms_hash: str, actor: Actor, now: datetime) -> ContractView:
    """Sign exactly the terms of this hash by a typed name. Safe to repeat.

    `Conflict` "not_shown" where the cost sheet has not stood before the borrower, "terms_changed" for another hash,
    "referral_expired", or where the consent does not hold; `Invalid` for no name.
    """
    case, referral = _referred(application_id)
    contract = queries.contract_of(referral)
    policies.check_same_terms(contract, terms_hash)
    if contract.state == "signed":
        return queries.contract_view(contract, referral)
    if contract.state == "prepared":
        raise policies.refusal("not_shown", "The cost sheet has not been shown yet.")
    policies.check_state(referral, "approved")
    policies.check_in_time(referral, now)
    policies.check_consent(referral, now)
    name = _checked_name(typed_name)
    contract.sign(sealed_name=referral.person.seal(name.encode(), place=contract.place(contract.id)), now=now)
    referral.become("signed")
    case.become("contracted")
    payload = ContractSigned(
        contract.id, referral.institution_id, referral_id=referral.id, application_id=case.id, terms_hash=terms_hash
    )  # fmt: skip
    outbox.publish(payload, actor=actor, now=now)
    return queries.contract_view(contract, referral)


def _checked_name(typed_name: str) -> str:
    name = " ".join(typed_name.split())
    if not 1 <= len(name) <= NAME_MAX or not name.isprintable():
        raise Invalid([FieldError("/typed_name", "wrong_format", f"Type your name, 1 to {NAME_MAX} characters.")])
    return name


def _referred(application_id: UUID) -> tuple[Case, Referral]:
    case = queries.locked_case(application_id)
    referral = queries.locked_live_referral(case)
    if referral is None:
        raise Conflict("No lender has this application now.")
    return case, referral
