"""What a credit policy may ask about: the declared facts, and what is refused by name.

The features are those that the demo_consumer mapping lets a model learn from; amount, term, grade and `pd_12m` come
from the application and its score. Protected attributes, and what stands in for them, decide nothing.
"""

from dataclasses import dataclass
from typing import Literal

GRADES = ("A", "B", "C", "D", "E")


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: whether it is a number or a category, and what to tell the applicant where a rule over it fails."""

    kind: Literal["number", "category"]
    reason: str


FACTS: dict[str, Fact] = {
    "amount": Fact("number", "amount"),
    "term": Fact("number", "term"),
    "grade": Fact("category", "score"),
    "pd_12m": Fact("number", "score"),
    "employment": Fact("category", "employment"),
    "employment_years": Fact("number", "employment"),
    "housing": Fact("category", "housing"),
    "monthly_income": Fact("number", "income"),
    "purpose": Fact("category", "purpose"),
    "existing_debt": Fact("number", "debt"),
    "debt_service": Fact("number", "debt"),
    "card_utilisation": Fact("number", "card_use"),
    "delinquencies_24m": Fact("number", "late_payments"),
    "inquiries_6m": Fact("number", "inquiries"),
    "open_accounts": Fact("number", "accounts"),
    "history_months": Fact("number", "history"),
}
PROTECTED = frozenset({
    "age", "birth_date", "colour", "date_of_birth", "disability", "ethnicity", "family_status", "gender", "health",
    "marital_status", "marriage", "national_origin", "nationality", "origin", "pregnancy", "race", "religion", "sex",
    "sexual_orientation",
})  # fmt: skip
PROXIES = frozenset({
    "address", "birthplace", "country_of_birth", "district", "first_name", "language", "name", "neighbourhood",
    "postcode", "region", "surname", "title", "zip_code",
})  # fmt: skip
