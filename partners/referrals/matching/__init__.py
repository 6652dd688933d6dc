"""Matching, pure: which products fit an application, on which terms, in which order, and the ledger of it all."""

from partners.referrals.matching.fitting import (
    Ask,
    Candidate,
    Exclusion,
    Fit,
    capped,
    expected_loss,
    fee_of,
    lendable,
)
from partners.referrals.matching.ranking import OFFERS_MAX, Ranked
from partners.referrals.matching.routing import BEFORE_AFFORDABILITY, RULES, Ledger, Policy, Routing, route
from partners.referrals.matching.shifts import Judge, Shift, Shifts, count

__all__ = [
    "BEFORE_AFFORDABILITY",
    "OFFERS_MAX",
    "RULES",
    "Ask",
    "Candidate",
    "Exclusion",
    "Fit",
    "Judge",
    "Ledger",
    "Policy",
    "Ranked",
    "Routing",
    "Shift",
    "Shifts",
    "capped",
    "count",
    "expected_loss",
    "fee_of",
    "lendable",
    "route",
]
