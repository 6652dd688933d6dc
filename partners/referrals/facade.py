"""What other apps may use of `referrals`. Each function is atomic; but for `claim_funding`, in the platform's scope.

open_case(*, application_id: UUID, sandbox_id: UUID | None, person_id: UUID, product_class: str, currency: str,
          amount: Decimal, term_months: int, facts: Mapping[str, object], decision: DecisionView, actor: Actor,
          now: datetime) -> CaseView
match(*, application_id, actor, now) -> tuple[OfferView, ...]
accept(*, offer_id: UUID, application_id: UUID, share_consent: ShareConsent, actor, now) -> ReferralView
withdraw(*, application_id, actor, now) -> CaseView            # the whole application ends
withdraw_referral(*, application_id, actor, now) -> CaseView   # consent taken back; other offers can be accepted
expire_due(*, sandbox_id: UUID | None, now) -> int             # of one world
case_view(*, application_id) -> CaseView                       # NotFound
contract_view(*, application_id) -> ContractView               # NotFound until there are final terms
show_contract(*, application_id, actor, now) -> ContractView   # the same, and notes that it stood before the borrower
accept_counter(*, application_id, actor, now) -> ContractView
decline_counter(*, application_id, actor, now) -> CaseView
sign(*, application_id, typed_name: str, terms_hash: str, actor, now) -> ContractView
claim_funding(*, referral_id: UUID, terms_hash: str, actor, now) -> FundingView   # the tenant's scope
"""

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
    "FundingView",
    "OfferView",
    "ReasonView",
    "ReferralView",
    "ShareConsent",
    "TermsView",
]
