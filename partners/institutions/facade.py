"""What other apps may use of `institutions`."""

from partners.institutions.queries import ClientView, ClockView, InstitutionView, all_institutions, get_institution
from partners.institutions.services import advance_clock, issue_client, onboard_institution, revoke_client

__all__ = [
    "ClientView",
    "ClockView",
    "InstitutionView",
    "advance_clock",
    "all_institutions",
    "get_institution",
    "issue_client",
    "onboard_institution",
    "revoke_client",
]
