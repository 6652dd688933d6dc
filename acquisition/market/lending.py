"""What simulated lenders do with a referral: each has a taste of its own, and sees a little more than the platform."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import exp, log

import numpy as np

from hub.audit import Actor, client_actor
from hub.tenancy import tenant_scope
from partners.referrals import facade as referrals
from partners.referrals.facade import FinalTerms, ReferralView, TermsView, Verdict

NOISE_LOGITS = 1.2
COUNTER_FROM = 0.75
COUNTER_SHARE = Decimal("0.8")


@dataclass(frozen=True, slots=True)
class Taste:
    """The risk up to which a lender lends, as it sees it."""

    highest_pd: float


# By the names of the demonstration's lenders.
TASTES = {"Harbour Bank": Taste(0.20), "Lantern Finance": Taste(0.35), "Banyan Credit": Taste(0.55)}


def actor_of(name: str) -> Actor:
    """The lender's own system, as audit rows name it."""
    return client_actor(f"simulated {name}"[:100])


def verdict_of(terms: TermsView, *, pd: float, taste: Taste, rng: np.random.Generator) -> Verdict:
    """Approve as accepted, counter with a smaller loan near the limit, or decline; from the true risk with noise."""
    seen = 1 / (1 + exp(-(log(pd / (1 - pd)) + float(rng.normal(0, NOISE_LOGITS)))))
    if seen > taste.highest_pd:
        return Verdict("decline", codes=("internal_policy",))
    if seen > taste.highest_pd * COUNTER_FROM and terms.amount >= 20_000:
        smaller = (terms.amount * COUNTER_SHARE).quantize(Decimal(1000))
        return Verdict(
            "counter_offer", FinalTerms(smaller, terms.months, terms.annual_rate_percent, _fee(terms, smaller))
        )
    return Verdict("approve", FinalTerms(terms.amount, terms.months, terms.annual_rate_percent, terms.fee_upfront))


def _fee(terms: TermsView, amount: Decimal) -> Decimal:
    return (terms.fee_upfront * amount / terms.amount).quantize(Decimal("0.01"))


def decide(referral: ReferralView, verdict: Verdict, *, now: datetime) -> bool:
    """Tell the platform; True where there are terms to sign."""
    with tenant_scope(referral.institution_id):
        referrals.decide(referral_id=referral.id, verdict=verdict, actor=actor_of(referral.institution_name), now=now)
    return verdict.kind != "decline"
