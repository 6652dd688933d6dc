"""What referrals do about events."""

from datetime import datetime

from hub.consent import SHARE_WITH_LENDER
from hub.events import ConsentWithdrawn, ModelReplayRequested, ModelVersionRegistered
from partners.referrals import endings, tasks
from partners.referrals.models import PolicyReplay


def end_referral_without_consent(event: ConsentWithdrawn, *, now: datetime) -> None:
    """End the referral whose consent was withdrawn."""
    if event.purpose == SHARE_WITH_LENDER:
        endings.consent_withdrawn(consent_id=event.subject_id, now=now)


def replay_policies(event: ModelVersionRegistered | ModelReplayRequested, *, now: datetime) -> None:
    """Ask the live credit policies what a challenger would change."""
    replay = PolicyReplay.ask(version_id=event.subject_id, line_id=event.line_id, now=now)
    tasks.replay_policies.delay_on_commit(str(replay.id))
