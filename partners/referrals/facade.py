"""What other apps may use of `referrals`. Each function is atomic.

They run in the platform's scope, but for those of the lender, `decide` and `claim_funding`: in the tenant's.
"""

from uuid import UUID

from partners.referrals import queries
from partners.referrals.endings import decline_counter, expire_due, withdraw, withdraw_referral
from partners.referrals.lender import FinalTerms, Verdict, claim_funding, decide
from partners.referrals.routing import match
from partners.referrals.services import accept, accept_counter, open_case, show_contract, sign
from partners.referrals.shapes import (
    CaseView,
    ContractView,
    DecisionView,
    ExclusionView,
    FundingView,
    OfferView,
    ReasonView,
    ReferralView,
    ShareConsent,
    TermsView,
)

__all__ = [
    "CaseView",
    "ContractView",
    "DecisionView",
    "ExclusionView",
    "FinalTerms",
    "FundingView",
    "OfferView",
    "ReasonView",
    "ReferralView",
    "ShareConsent",
    "TermsView",
    "Verdict",
    "accept",
    "accept_counter",
    "case_view",
    "claim_funding",
    "contract_view",
    "decide",
    "decline_counter",
    "expire_due",
    "match",
    "open_case",
    "referral_view",
    "show_contract",
    "sign",
    "withdraw",
    "withdraw_referral",
]


def case_view(*, application_id: UUID) -> CaseView:
    """Return an application with the offers of its last match and its newest referral; `NotFound` for none."""
    return queries.case_view(queries.case_by_id(application_id))


def contract_view(*, application_id: UUID) -> ContractView:
    """Return the final terms of the newest referral as they stand; `NotFound` until there are some."""
    return queries.newest_contract(application_id)


def referral_view(*, referral_id: UUID) -> ReferralView:
    """Return a referral, in either scope; `NotFound` where the open one sees none."""
    return queries.referral_view(queries.referral_by_id(referral_id))
