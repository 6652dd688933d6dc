"""What a lender does with a referral: decides, and funds. All of it runs in the tenant's scope.

Locks are taken in one order: case (of which a lender sees the state alone), referral, budget.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import IntegrityError, transaction

from hub import outbox
from hub.audit import Actor
from hub.errors import FieldError, Invalid
from hub.events import DecisionRecorded, ReferralFunded
from partners.products import facade as products
from partners.referrals import policies, queries, terms
from partners.referrals.contracts import prepare
from partners.referrals.models import Case, FundedClaim, LenderDecision, Referral
from partners.referrals.shapes import FundingView, TermsView

STATES = {"approve": "approved", "counter_offer": "countered", "decline": "declined", "ask_for_more": "asked"}


@dataclass(frozen=True, slots=True)
class FinalTerms:
    """What a lender may set: the rest follows from the product. Rate in percent a year; the fee from the proceeds."""

    amount: Decimal
    months: int
    annual_rate_percent: Decimal
    fee_upfront: Decimal


@dataclass(frozen=True, slots=True)
class Verdict:
    """A lender's decision: `final` terms to approve or to counter, `codes` to decline or to ask for more."""

    kind: str
    final: FinalTerms | None = None
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a decision: its record, and the referral it left behind."""

    decision: LenderDecision
    referral: Referral


@transaction.atomic
def decide(*, referral_id: UUID, verdict: Verdict, actor: Actor, now: datetime) -> Recorded:
    """Record the decision on a referral. Terms that are worse than the accepted ones are a counter-offer.

    `NotFound` for another lender's referral, `Conflict` where it is decided, expired, or its consent does not hold,
    `Invalid` names terms that cannot be.
    """
    case, referral = _locked(referral_id)
    policies.check_state(referral, "created", "asked")
    policies.check_in_time(referral, now)
    policies.check_consent(referral, now)
    decision = _decision(referral, verdict, actor, now)
    decision.record()
    referral.become(STATES[decision.kind])
    if decision.kind == "approve":
        prepare(referral, decision, now=now)
    if decision.kind == "decline":
        products.release(referral_id=referral.id, now=now)
        case.become("offered")
    payload = DecisionRecorded(
        referral.id, referral.institution_id, application_id=case.id, decision_id=decision.id, kind=decision.kind
    )  # fmt: skip
    outbox.publish(payload, actor=actor, now=now)
    return Recorded(decision, referral)


def _decision(referral: Referral, verdict: Verdict, actor: Actor, now: datetime) -> LenderDecision:
    made = LenderDecision(
        institution_id=referral.institution_id, referral=referral, kind=verdict.kind, codes=list(verdict.codes),
        actor_kind=actor.kind, actor_id=actor.id, at=now,
    )  # fmt: skip
    if verdict.final is not None:
        accepted = terms.read(referral.terms)
        final = _final(verdict.final, accepted, now)
        made.terms, made.worse = terms.stored(final), terms.worse(final, accepted)
        if made.worse:
            made.kind = "counter_offer"
    return made


def _final(wanted: FinalTerms, accepted: TermsView, now: datetime) -> TermsView:
    faults = []
    if not 0 < wanted.amount <= accepted.amount:
        # More than was accepted would be a debt that nobody asked for, and is not in the budget that is held.
        detail = f"Give an amount above 0, and not above the accepted {accepted.amount}."
        faults.append(FieldError("/terms/amount", "out_of_range", detail))
    elif wanted.fee_upfront >= wanted.amount:
        faults.append(FieldError("/terms/fee_upfront", "out_of_range", "The fee must leave something of the amount."))
    if faults:
        raise Invalid(faults)
    return terms.like(
        accepted, amount=wanted.amount, months=wanted.months, rate=wanted.annual_rate_percent,
        fee=wanted.fee_upfront, start=now.date(),
    )  # fmt: skip


@transaction.atomic
def claim_funding(*, referral_id: UUID, terms_hash: str, actor: Actor, now: datetime) -> FundingView:
    """Mark a referral funded and its budget used: once for ever for its application (I2).

    `NotFound` for another lender's referral; `Conflict` unless a contract of exactly these terms is signed, the
    consent holds and the referral is in time. A refusal changes nothing.
    """
    case, referral = _locked(referral_id)
    if referral.state == "funded":
        raise policies.refusal("already_funded", "This referral is funded already.")
    if referral.state != "signed":
        raise policies.refusal("not_signed", f"No contract is signed: the referral is {referral.state}.")
    contract = queries.contract_of(referral)
    policies.check_same_terms(contract, terms_hash)
    policies.check_in_time(referral, now)
    policies.check_consent(referral, now)
    _fund(referral, now)
    case.become("funded")
    products.use(referral_id=referral.id, now=now)
    payload = ReferralFunded(referral.id, referral.institution_id, application_id=case.id, terms_hash=terms_hash)
    outbox.publish(payload, actor=actor, now=now)
    assert contract.signed_at is not None
    return FundingView(
        referral_id=referral.id,
        application_id=case.id,
        institution_id=referral.institution_id,
        sandbox=referral.sandbox,
        product_id=referral.product_id,
        product_class=referral.product_class,
        decision_id=referral.decision_id,
        propensity=referral.propensity,
        terms=terms.read_contract(contract.text),
        terms_hash=terms_hash,
        signed_at=contract.signed_at,
        funded_at=now,
    )


def _fund(referral: Referral, now: datetime) -> None:
    try:
        with transaction.atomic():
            referral.fund(now=now)
    except IntegrityError as error:
        if FundedClaim.UNIQUE not in str(error):
            raise
        raise policies.refusal("already_funded", "This application is funded already.") from error


def _locked(referral_id: UUID) -> tuple[Case, Referral]:
    """Lock the case of a referral, then the referral."""
    case = queries.locked_case_of_lender(queries.referral_by_id(referral_id).case_id)
    referral = queries.locked_referral(referral_id)
    if case is None:  # another lender has it by now
        raise policies.refusal("wrong_state", f"The referral is {referral.state}.")
    return case, referral
