"""What referrals do about events."""

from datetime import datetime

from hub.consent import SHARE_WITH_LENDER
from hub.events import ConsentWithdrawn
from partners.referrals import endings


def end_referral_without_consent(event: ConsentWithdrawn, *, now: datetime) -> None:
    """End the referral whose consent was withdrawn."""
    if event.purpose == SHARE_WITH_LENDER:
        endings.consent_withdrawn(consent_id=event.subject_id, now=now)
