"""Final terms become a contract: the text that is signed, and its hash."""

from datetime import datetime

from partners.referrals import terms
from partners.referrals.models import Contract, LenderDecision, Referral


def prepare(referral: Referral, decision: LenderDecision, *, now: datetime) -> Contract:
    """Make the contract of an approved referral out of the terms of a decision, in either scope."""
    text, terms_hash = terms.contract_text(
        terms.read(decision.terms), application_id=str(referral.case_id), referral_id=str(referral.id),
        institution_id=str(referral.institution_id), institution_name=referral.institution_name,
        product_id=str(referral.product_id), product_name=referral.product_name,
    )  # fmt: skip
    return Contract.prepare(referral=referral, decision=decision, text=text, terms_hash=terms_hash, now=now)
