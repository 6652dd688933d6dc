"""What goes in and out of `referrals`: frozen dataclasses, never rows. Amounts are Decimals in major units."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from risk.scoring.facade import AffordabilityView, Evidence


@dataclass(frozen=True, slots=True)
class ReasonView:
    """A reason of a decision: moving `feature` from `value` to `best_value` alone lowers the logit by `lost_logit`."""

    feature: str
    value: float | str | None
    best_value: float | str
    lost_logit: str


@dataclass(frozen=True, slots=True)
class DecisionView:
    """The platform's decision on an application. `pd` has six decimals; `action` is approve, review or decline.

    Where affordability is known it limits the offers. `evidence`: what it rests on beside the borrower's own word.
    """

    id: UUID
    pd: str
    grade: str
    action: str
    reasons: tuple[ReasonView, ...]
    affordability: AffordabilityView | None = None
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class ShareConsent:
    """The borrower's yes to share with the lender of one offer.

    `contact` (such as name, phone, email) is what the lender needs to reach him; it is sealed into the package.
    """

    text_version: str
    contact: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TermsView:
    """The terms of a loan with its cost sheet. Rates in percent a year; the fee is paid from the proceeds."""

    currency: str
    amount: Decimal
    months: int
    annual_rate_percent: Decimal
    fee_upfront: Decimal
    method: str
    rounding: str
    apr_percent: Decimal
    instalment: Decimal
    last_instalment: Decimal
    total_interest: Decimal
    total_cost: Decimal
    total_payable: Decimal


@dataclass(frozen=True, slots=True)
class OfferView:
    """One lender's offer. `state`: indicative, conditional (accepted), replaced (by a newer match), gone (budget).

    `lowered`: it is smaller than what was asked for and what the product lends, for the whole was not affordable.
    """

    id: UUID
    application_id: UUID
    institution_id: UUID
    institution_name: str
    product_id: UUID
    product_name: str
    rank: int
    state: str
    terms: TermsView
    lowered: bool
    made_at: datetime


@dataclass(frozen=True, slots=True)
class ReferralView:
    """The package that one lender received. `counter` holds while the borrower may accept or decline it.

    `state`: created, asked, countered, approved, signed, funded, declined, withdrawn, expired. `asked_for` lists what
    the lender asked for; `decline_codes` are the lender's own.
    """

    id: UUID
    application_id: UUID
    offer_id: UUID
    institution_id: UUID
    institution_name: str
    product_id: UUID
    product_name: str
    state: str
    terms: TermsView
    counter: TermsView | None
    asked_for: tuple[str, ...]
    decline_codes: tuple[str, ...]
    consent_id: UUID
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ExclusionView:
    """Why products were left out of the last match: `products` of them for this reason."""

    code: str
    reason: str
    products: int


@dataclass(frozen=True, slots=True)
class CaseView:
    """An application as matching and the lenders know it.

    `state`: open, offered, referred, contracted, funded, closed. `offers` are those of the last match, best first;
    `referral` is the newest one.
    """

    application_id: UUID
    sandbox_id: UUID | None
    product_class: str
    currency: str
    amount: Decimal
    term_months: int
    decision_id: UUID
    grade: str
    action: str
    state: str
    offers: tuple[OfferView, ...]
    exclusions: tuple[ExclusionView, ...]
    referral: ReferralView | None


@dataclass(frozen=True, slots=True)
class ContractView:
    """The final terms. `terms_json` is the exact text that `terms_hash` (SHA-256, hex) stands for."""

    id: UUID
    referral_id: UUID
    application_id: UUID
    institution_id: UUID
    institution_name: str
    product_name: str
    terms: TermsView
    terms_json: str
    terms_hash: str
    prepared_at: datetime
    shown_at: datetime | None
    signed_at: datetime | None
    method: str


@dataclass(frozen=True, slots=True)
class FundingView:
    """What a funded referral stands for: all that a loan is made from. `propensity`: see `ReferralItem`."""

    referral_id: UUID
    application_id: UUID
    institution_id: UUID
    sandbox: bool
    product_id: UUID
    product_class: str
    decision_id: UUID
    propensity: Decimal
    terms: TermsView
    terms_hash: str
    signed_at: datetime
    funded_at: datetime
