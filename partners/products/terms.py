"""The terms of a product as they are written (decimal strings), and everything that may be wrong with them."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from hub.errors import FieldError, Invalid
from hub.money import AMOUNT_SCHEMA, DIGITS, parse_amount, percent_pattern
from partners.products.models import Product
from partners.products.policy import GRADES

NAME_MAX = 120
TERM_MAX = 120  # months
TERMS_MAX = 60
FEE_PERCENT_MAX = 20
RATE_DIGITS = 4
DecimalText = Annotated[str, Meta(max_length=30, extra_json_schema=AMOUNT_SCHEMA)]
_PERCENT = "A percentage as a decimal string, such as 12.5."
RateText = Annotated[
    str, Meta(max_length=30, description=_PERCENT, extra_json_schema={"pattern": percent_pattern("100", "[0-9]{1,2}")})
]
FeeText = Annotated[
    str, Meta(max_length=30, description=_PERCENT, extra_json_schema={"pattern": percent_pattern("20", "1?[0-9]")})
]
Name = Annotated[str, Meta(min_length=1, max_length=NAME_MAX)]
Term = Annotated[int, Meta(extra_json_schema={"minimum": 1, "maximum": TERM_MAX})]
Terms = Annotated[list[Term], Meta(max_length=TERMS_MAX, extra_json_schema={"minItems": 1, "uniqueItems": True})]
Currency = Annotated[str, Meta(min_length=3, max_length=3, extra_json_schema={"enum": sorted(DIGITS)})]
Method = Literal["equal_instalment", "equal_principal"]
Rounding = Literal["half_even", "half_up", "ceiling"]
Grid = Annotated[
    dict[str, RateText],
    Meta(max_length=len(GRADES), extra_json_schema={"minProperties": 1, "propertyNames": {"enum": list(GRADES)}}),
]


class ProductTerms(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A product: amounts in major units of its currency, terms in months, fees and the grid's rates in percent."""

    name: Name
    product_class: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*\Z", min_length=3, max_length=40)]
    currency: Currency
    jurisdiction: Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")]
    amount_min: DecimalText
    amount_max: DecimalText
    terms: Terms
    method: Method = "equal_instalment"
    rounding: Rounding = "half_up"
    fee_percent: FeeText = "0"
    fee_flat: DecimalText = "0"
    grid: Grid


class ProductChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What may be changed of a product, `state` included: whatever is left out stays."""

    name: Name | UnsetType = UNSET
    amount_min: DecimalText | UnsetType = UNSET
    amount_max: DecimalText | UnsetType = UNSET
    terms: Terms | UnsetType = UNSET
    method: Method | UnsetType = UNSET
    rounding: Rounding | UnsetType = UNSET
    fee_percent: FeeText | UnsetType = UNSET
    fee_flat: DecimalText | UnsetType = UNSET
    grid: Grid | UnsetType = UNSET
    state: Literal["live", "paused", "closed"] | UnsetType = UNSET


def terms_of(product: Product) -> ProductTerms:
    """Return the terms of a product as they are written."""
    raw: dict[str, Any] = {name: getattr(product, name) for name in ProductTerms.__struct_fields__}
    raw |= {name: money_text(raw[name], product.currency) for name in _AMOUNTS}
    return ProductTerms(**{**raw, "fee_percent": f"{product.fee_percent.normalize():f}"})


def money_text(amount: Decimal, currency: str) -> str:
    """Return an amount as a decimal string with the places of its currency."""
    return f"{amount:.{DIGITS[currency]}f}"


def changed_terms(product: Product, change: ProductChange) -> ProductTerms:
    """Return the terms that a change would leave."""
    given = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET}
    given.pop("state", None)
    return msgspec.structs.replace(terms_of(product), **given)


def checked(terms: ProductTerms) -> dict[str, Any]:
    """Return the values for the product's row. `Invalid` names every fault by its pointer, with the remedy."""
    found = _Faults()
    if terms.currency not in DIGITS:
        found.add("/currency", "unknown_currency", f"Use one of {', '.join(DIGITS)}.")
    name = " ".join(terms.name.split())
    if not name or not name.isprintable():
        found.add("/name", "wrong_format", f"Send a name of 1 to {NAME_MAX} printable characters.")
    digits = DIGITS.get(terms.currency, 2)
    values = {
        **msgspec.structs.asdict(terms),
        "name": name,
        **{field: found.number(f"/{field}", getattr(terms, field), digits) for field in _AMOUNTS},
        "fee_percent": found.number("/fee_percent", terms.fee_percent, RATE_DIGITS),
        "grid": {grade: found.number(f"/grid/{grade}", rate, RATE_DIGITS) for grade, rate in terms.grid.items()},
    }
    for check in (_amount_faults, _term_faults, _grid_faults):
        found.run(check, values)
    if found.errors:
        raise Invalid(found.errors)
    return {**values, "grid": {grade: f"{values['grid'][grade]:f}" for grade in GRADES if grade in values["grid"]}}


_AMOUNTS = ("amount_min", "amount_max", "fee_flat")


class _Faults:
    def __init__(self) -> None:
        self.errors: list[FieldError] = []

    def add(self, pointer: str, code: str, detail: str) -> None:
        self.errors.append(FieldError(pointer, code, detail))

    def number(self, pointer: str, text: str, digits: int) -> Decimal | None:
        """Return the number of a text, None with a fault noted where it is none."""
        try:
            return parse_amount(text, digits=digits, pointer=pointer)
        except Invalid as error:
            self.errors += error.errors
            return None

    def run(self, check: Callable[[dict[str, Any]], Iterator[FieldError]], values: dict[str, Any]) -> None:
        self.errors += check(values)


def _amount_faults(values: dict[str, Any]) -> Iterator[FieldError]:
    low, high, flat, percent = (values[name] for name in ("amount_min", "amount_max", "fee_flat", "fee_percent"))
    if low is not None and low == 0:
        yield FieldError("/amount_min", "out_of_range", "Lend more than nothing.")
    if low is not None and high is not None and low > high:
        yield FieldError("/amount_max", "out_of_range", "Let amount_max be at least amount_min.")
    if percent is not None and percent > FEE_PERCENT_MAX:
        yield FieldError("/fee_percent", "out_of_range", f"Write a percentage from 0 to {FEE_PERCENT_MAX}.")
    elif None not in (low, flat, percent) and low > 0 and flat >= low - low * percent / 100:
        yield FieldError("/fee_flat", "out_of_range", "Let the fees leave something of the smallest amount.")


def _term_faults(values: dict[str, Any]) -> Iterator[FieldError]:
    terms = values["terms"]
    if not terms or not all(1 <= term <= TERM_MAX for term in terms):
        yield FieldError("/terms", "out_of_range", f"List at least one term, each of 1 to {TERM_MAX} months.")
    elif terms != sorted(set(terms)):
        yield FieldError("/terms", "not_sorted", "List each term once, the shortest first.")


def _grid_faults(values: dict[str, Any]) -> Iterator[FieldError]:
    if not values["grid"]:
        yield FieldError("/grid", "missing", f"Give a yearly rate for each grade you lend to: {', '.join(GRADES)}.")
    for grade, rate in values["grid"].items():
        if grade not in GRADES:
            yield FieldError(f"/grid/{grade[:60]}", "unknown_grade", f"Grades are {', '.join(GRADES)}.")
        elif rate is not None and rate > 100:
            yield FieldError(
                f"/grid/{grade}", "out_of_range", 'Write a yearly percentage from 0 to 100, such as "12.5".'
            )
