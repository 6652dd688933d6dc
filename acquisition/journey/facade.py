"""What other apps may use of `journey`: what a borrower does, in the platform's scope, by the pages' own services."""

from acquisition.journey.answers import STEPS
from acquisition.journey.cases import (
    MATCHED,
    accept_counter,
    accept_offer,
    case_of,
    find_offers,
    show_contract,
    sign,
)
from acquisition.journey.errors import Blocked
from acquisition.journey.services import give_consent, prove_phone, save_answers, send_code, start_application

# The answers that are no whole numbers.
FRACTIONS = frozenset({"employment_years", "card_utilisation"})

__all__ = [
    "FRACTIONS",
    "MATCHED",
    "STEPS",
    "Blocked",
    "accept_counter",
    "accept_offer",
    "case_of",
    "find_offers",
    "give_consent",
    "prove_phone",
    "save_answers",
    "send_code",
    "show_contract",
    "sign",
    "start_application",
]
