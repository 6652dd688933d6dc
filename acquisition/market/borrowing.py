"""What a simulated borrower does: applies, chooses, signs; each step by the services that the pages call."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np

from acquisition.journey import facade as journey
from acquisition.market.phones import Phones
from hub.tenancy import platform_scope
from partners.referrals.facade import OfferView, ReferralView

LANGUAGE = "en"
# What rent and living take of an income, in percent, by housing: those who own have the mortgage among their debts.
LIVING_PERCENT = {"rent": 30, "public_rental": 25, "family": 20, "mortgage": 20, "owned": 20}
TAKES_THE_FIRST = 0.85
Value = float | str | None


@dataclass(frozen=True, slots=True)
class Borrower:
    """Who applies: a number of his own, and what he tells of himself by feature name."""

    phone: str
    name: str
    features: Mapping[str, Value]

    def answers(self) -> dict[str, Value]:
        """The answers that make these features."""
        told = dict(self.features)
        share, income = told.pop("debt_service"), told["monthly_income"]
        assert isinstance(share, float | int)
        assert isinstance(income, float | int)
        told["monthly_payments"] = round(share * income / 100)
        told["essential_spending"] = round(LIVING_PERCENT[str(told["housing"])] * income / 100)
        return {
            name: int(value) if isinstance(value, float) and name not in journey.FRACTIONS else value
            for name, value in told.items()
        }


def apply(borrower: Borrower, *, now: datetime) -> UUID | None:
    """Apply, from the first page to the offers; return the application, or None after a refusal."""
    answers = borrower.answers()
    with platform_scope():
        application_id = journey.start_application(sandbox_id=None, language=LANGUAGE, now=now)
        journey.give_consent(application_id=application_id, language=LANGUAGE, now=now)
        for step, names in journey.STEPS.items():
            given = {name: answers[name] for name in names}
            journey.save_answers(
                application_id=application_id, step=step, answers=given, language=LANGUAGE, now=now
            )  # fmt: skip
        journey.send_code(application_id=application_id, phone=borrower.phone, now=now)
    with platform_scope():
        journey.prove_phone(application_id=application_id, digits=Phones.read(application_id), now=now)
        outcome = journey.find_offers(application_id=application_id, now=now)
    return application_id if outcome == journey.MATCHED else None


def choose(application_id: UUID, borrower: Borrower, *, rng: np.random.Generator, now: datetime) -> ReferralView | None:
    """Accept an offer, mostly the first one; None where there is none left."""
    with platform_scope():
        offers = [one for one in journey.case_of(application_id=application_id).offers if one.state == "indicative"]
        while offers:
            offer = offers.pop(_place(len(offers), rng))
            if _accepted(application_id, offer, borrower.name, now):
                return journey.case_of(application_id=application_id).referral
    return None


def _place(offers: int, rng: np.random.Generator) -> int:
    return 0 if rng.random() < TAKES_THE_FIRST else int(rng.integers(0, offers))


def _accepted(application_id: UUID, offer: OfferView, name: str, now: datetime) -> bool:
    try:
        journey.accept_offer(application_id=application_id, offer_id=offer.id, name=name, language=LANGUAGE, now=now)
    except journey.Blocked:  # the budget is used up
        return False
    return True


def sign(application_id: UUID, borrower: Borrower, *, now: datetime) -> str:
    """Take the lender's final terms, whatever they are, and sign them; return the hash of what was signed."""
    with platform_scope():
        referral = journey.case_of(application_id=application_id).referral
        if referral is not None and referral.state == "countered":
            journey.accept_counter(application_id=application_id, now=now)
        contract = journey.show_contract(application_id=application_id, now=now)
        journey.sign(application_id=application_id, typed_name=borrower.name, terms_hash=contract.terms_hash, now=now)
    return contract.terms_hash
