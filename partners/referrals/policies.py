"""What may be done with a case now. Each refusal is a `Conflict` whose `errors` carry a stable code."""

from datetime import datetime

from hub import consent
from hub.errors import Conflict, FieldError
from partners.referrals.models import Case, Contract, Offer, Referral


def refusal(code: str, detail: str, pointer: str = "") -> Conflict:
    """Make a refusal with its code."""
    return Conflict(detail, errors=[FieldError(pointer, code, detail)])


def check_may_accept(case: Case, offer: Offer) -> None:
    """Refuse unless no lender has the case and the offer still stands."""
    if case.state in ("referred", "contracted", "funded"):
        raise refusal("already_accepted", "Another offer of this application was accepted already.")
    if case.state != "offered":
        raise refusal("not_offered", f"The application is {case.state}: there is nothing to accept.")
    if offer.state != "indicative":
        raise refusal("offer_gone", "This offer no longer stands: choose another one.")


def check_in_time(referral: Referral, now: datetime) -> None:
    """Refuse where the referral's time is over, whether or not it was marked yet."""
    if referral.expires_at <= now:
        raise refusal("referral_expired", "The referral has expired.")


def check_consent(referral: Referral, now: datetime) -> None:
    """Refuse unless the borrower's consent to share with this lender holds; it then holds until the commit."""
    consent.check(
        consent_id=referral.consent_id, person_id=referral.borrower_id, purpose=consent.SHARE_WITH_LENDER,
        recipient=str(referral.institution_id), now=now,
    )  # fmt: skip


def check_state(referral: Referral, *allowed: str) -> None:
    """Refuse unless the referral is in one of these states."""
    if referral.state not in allowed:
        raise refusal("wrong_state", f"The referral is {referral.state}.")


def check_same_terms(contract: Contract, terms_hash: str) -> None:
    """Refuse another hash than that of the final terms."""
    if contract.terms_hash != terms_hash:
        raise refusal("terms_changed", "These are not the final terms of the contract.", "/terms_hash")
