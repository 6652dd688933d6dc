"""The features of the platform's own lines: what their reviewed reason texts are true of.

A book's column of the same name is this feature where kind, unit and direction agree; else it is the book's own.
"""

from risk.features.catalogue.entry import MONEY, Declared

DECLARED: dict[str, Declared] = {
    "employment": Declared("category", "", "application"),
    "employment_years": Declared("number", "years", "application", -1),
    "housing": Declared("category", "", "application"),
    "monthly_income": Declared("number", MONEY, "income", -1, can_act=True),
    "amount": Declared("number", MONEY, "application", can_act=True),
    "term": Declared("number", "months", "application", can_act=True),
    "purpose": Declared("category", "", "application"),
    "existing_debt": Declared("number", MONEY, "bureau", can_act=True),
    "debt_service": Declared("number", "%", "derived", 1, can_act=True),
    "card_utilisation": Declared("number", "%", "bureau", 1, can_act=True),
    "delinquencies_24m": Declared("number", "count", "bureau", 1, can_act=True),
    "inquiries_6m": Declared("number", "count", "bureau", 1, can_act=True),
    "open_accounts": Declared("number", "count", "bureau", can_act=True),
    "history_months": Declared("number", "months", "bureau", -1),
}
