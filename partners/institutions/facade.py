"""What other apps may use of `institutions`."""

from partners.institutions.queries import ClientView, InstitutionView, all_institutions, get_institution
from partners.institutions.services import issue_client, onboard_institution, revoke_client

__all__ = [
    "ClientView",
    "InstitutionView",
    "all_institutions",
    "get_institution",
    "issue_client",
    "onboard_institution",
    "revoke_client",
]
