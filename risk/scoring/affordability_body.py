"""Affordability in the body of a request for a score."""

from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from hub.errors import FieldError, Invalid
from hub.money import AMOUNT_SCHEMA, DIGITS, parse_amount, percent_pattern
from risk.scoring.affordability import CURRENT_SHIPPED, SHIPPED, Basis, Means, Method, judge, view_of

TERM_MAX = 120  # months
RATE_DIGITS = 4
RATE_MAX = 100
DecimalText = Annotated[str, Meta(max_length=30, extra_json_schema=AMOUNT_SCHEMA)]
AskedText = Annotated[str, Meta(max_length=30, extra_json_schema={**AMOUNT_SCHEMA, "not": {"pattern": r"^0*(\.0*)?$"}})]
RateText = Annotated[
    str,
    Meta(
        max_length=30, description="A percentage as a decimal string, such as 12.5.",
        extra_json_schema={"pattern": percent_pattern("100", "[0-9]{1,2}")},
    ),
]  # fmt: skip
Currency = Annotated[str, Meta(min_length=3, max_length=3, extra_json_schema={"enum": sorted(DIGITS)})]
Term = Annotated[int, Meta(extra_json_schema={"minimum": 1, "maximum": TERM_MAX})]


class AffordabilityBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of the person's means, a month, and the loan that is asked for.

    What is not known is null or left out: without the income or the instalments the band is `unknown`; of spending the
    least that Luopan counts is taken, of the rate the one it assumes. The basis of the income says how it is known.
    """

    currency: Currency
    amount: AskedText
    term_months: Term
    monthly_income: DecimalText | None = None
    income_basis: Basis = "stated"
    essential_spending: DecimalText | None = None
    existing_instalments: DecimalText | None = None
    annual_rate_percent: RateText | None = None
    method: Method = "equal_instalment"


def read_means(body: AffordabilityBody) -> Means:
    """Return the means of a body; `Invalid` names every fault by its pointer."""
    errors: list[FieldError] = []
    if body.currency not in DIGITS:
        errors.append(FieldError("/affordability/currency", "unknown_currency", f"Use one of {', '.join(DIGITS)}."))
    if not 1 <= body.term_months <= TERM_MAX:
        errors.append(FieldError("/affordability/term_months", "out_of_range", f"Ask for 1 to {TERM_MAX} months."))

    def number(name: str, places: int) -> Decimal | None:
        text = getattr(body, name)
        try:
            return None if text is None else parse_amount(text, digits=places, pointer=f"/affordability/{name}")
        except Invalid as error:
            errors.extend(error.errors)
            return None

    digits = DIGITS.get(body.currency, 2)
    amount, income = number("amount", digits), number("monthly_income", digits)
    spending, instalments = number("essential_spending", digits), number("existing_instalments", digits)
    rate = number("annual_rate_percent", RATE_DIGITS)
    if amount == 0:
        errors.append(FieldError("/affordability/amount", "out_of_range", "Ask for more than nothing."))
    if rate is not None and rate > RATE_MAX:
        detail = f"Give a yearly percentage from 0 to {RATE_MAX}."
        errors.append(FieldError("/affordability/annual_rate_percent", "out_of_range", detail))
    if errors or amount is None:
        raise Invalid(errors)
    return Means(
        body.currency, income, body.income_basis, spending, instalments, amount, body.term_months, rate, body.method
    )


_REQUEST: dict[str, Any] = {
    "currency": "HKD",
    "amount": "60000.00",
    "term_months": 24,
    "monthly_income": "18000.00",
    "income_basis": "verified",
    "essential_spending": "7500.00",
    "existing_instalments": "1800.00",
    "annual_rate_percent": "14",
}
_JUDGED = judge(
    read_means(AffordabilityBody(**_REQUEST)), grade="C", matrix=SHIPPED[CURRENT_SHIPPED], matrix_name=CURRENT_SHIPPED
)
AFFORDABILITY_EXAMPLES: dict[str, Any] = {"request": _REQUEST, "response": msgspec.to_builtins(view_of(_JUDGED))}
