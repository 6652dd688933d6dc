"""Examples of the referral endpoints for the API's description; tests hold them to the schemas."""

from typing import Any

from partners.referrals import terms
from partners.referrals.shapes import TermsView

_PARTIES = {
    "application_id": "019ab2f0-5b1e-7c3a-9f00-000000000001",
    "referral_id": "019ab2f0-5b1e-7c3a-9f00-000000000002",
    "institution_id": "0198c5a8-3f2e-7b10-8c11-5d2f7a9e4c01",
    "institution_name": "Harbour Bank (sandbox)",
    "product_id": "019ab2f0-5b1e-7c3a-9f00-000000000003",
    "product_name": "Instalment loan",
}
TERMS: dict[str, Any] = {
    "currency": "HKD", "amount": "50000.00", "months": 24, "annual_rate_percent": "8.25", "fee_upfront": "500.00",
    "method": "equal_instalment", "rounding": "half_up", "apr_percent": "9.30", "instalment": "2267.34",
    "last_instalment": "2267.26", "total_interest": "4416.08", "total_cost": "4916.08", "total_payable": "54916.08",
}  # fmt: skip
_READ: TermsView = terms.read(TERMS)
_TEXT, _ = terms.contract_text(_READ, **_PARTIES)
_HASH = 16 * "7e3a"  # invented: the text's own would look like a secret

ITEM: dict[str, Any] = {
    "id": _PARTIES["referral_id"],
    "application_id": _PARTIES["application_id"],
    "product_id": _PARTIES["product_id"],
    "product_name": "Instalment loan",
    "product_class": "personal_instalment",
    "state": "approved",
    "terms": TERMS,
    "score_id": "019ab2f0-5b1e-7c3a-9f00-000000000004",
    "propensity": "1.0000",
    "consent_id": "019ab2f0-5b1e-7c3a-9f00-000000000005",
    "created_at": "2026-11-23T02:00:00Z",
    "expires_at": "2026-12-07T02:00:00Z",
    "funded_at": None,
}
_AFFORDABILITY: dict[str, Any] = {
    "band": "comfortable", "currency": "HKD", "income_basis": "stated", "counted_income": "16000.00",
    "counted_spending": "6000.00", "existing_instalments": "1200.00", "residual_income": "8800.00",
    "instalment": "2424.34", "stressed_instalment": "2472.12", "rate_shock_percent": "2", "ratio": "0.2809",
    "largest_instalment": "6600.00", "largest_amount": "133489.03", "limit_percent": 100,
    "limit_instalment": "6600.00", "limit": "133489.03", "declined_for": None, "parameters_version": "2026-11",
    "matrix_version": "2026-11",
}  # fmt: skip
APPROVAL: dict[str, Any] = {
    "decision": "approve",
    "terms": {"amount": "50000.00", "months": 24, "annual_rate_percent": "8.25", "fee_upfront": "500.00"},
}
DECISION: dict[str, Any] = {
    "id": "019ab2f0-5b1e-7c3a-9f00-000000000006",
    "referral_id": _PARTIES["referral_id"],
    "decision": "approve",
    "terms": TERMS,
    "worse": [],
    "reason_codes": [],
    "asked_for": [],
    "decided_at": "2026-11-23T03:00:00Z",
    "referral_state": "approved",
}
REFERRAL: dict[str, Any] = {
    **ITEM,
    "package": {
        "contact": {"name": "Chan Siu Ming", "phone": "+852 5550 0000"},
        "amount": "50000.00",
        "term_months": 24,
        "facts": {"monthly_income": 20000, "card_utilisation": 35.5, "housing": "rent"},
        "score": {
            "decision_id": ITEM["score_id"],
            "pd_12m": "0.031200",
            "grade": "B",
            "recommended_action": "approve",
            "reasons": [
                {"feature": "card_utilisation", "value": 35.5, "best_value": 10.0, "lost_logit": "0.412000"}
            ],
            "affordability": _AFFORDABILITY,
            "evidence": {"used": [], "without": [{"source": "bureau-one", "why": "timed_out"}], "facts": []},
        },
    },
    "decisions": [DECISION],
}  # fmt: skip
CONSENT: dict[str, Any] = {
    "consent_id": ITEM["consent_id"],
    "referral_id": ITEM["id"],
    "purpose": "share_with_lender",
    "recipient": _PARTIES["institution_id"],
    "text_version": "share-2026-11",
    "given_at": "2026-11-23T02:00:00Z",
    "expires_at": None,
    "withdrawn_at": None,
    "holds": True,
}
CONTRACT: dict[str, Any] = {
    "id": "019ab2f0-5b1e-7c3a-9f00-000000000007",
    "referral_id": ITEM["id"],
    "state": "signed",
    "terms": TERMS,
    "text": _TEXT,
    "terms_hash": _HASH,
    "prepared_at": "2026-11-23T03:00:00Z",
    "shown_at": "2026-11-23T04:00:00Z",
    "signature": {
        "method": "typed",
        "typed_name": "Chan Siu Ming",
        "shown_at": "2026-11-23T04:00:00Z",
        "signed_at": "2026-11-23T04:02:00Z",
    },
}
