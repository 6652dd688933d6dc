"""Money: a Decimal amount with its currency. Rounding is always said, floats are never taken."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Self

from hub.errors import FieldError, Invalid

ROUNDINGS = {
    "half_even": ROUND_HALF_EVEN,
    "half_up": ROUND_HALF_UP,
    "ceiling": ROUND_CEILING,
    "down": ROUND_DOWN,
}
# ISO 4217 minor units, for the currencies that Luopan lends in.
DIGITS = {"HKD": 2, "CNY": 2, "TWD": 2, "USD": 2, "EUR": 2, "GBP": 2, "SGD": 2, "PLN": 2, "JPY": 0}
AMOUNT_MAX = Decimal(10) ** 13
# What a JSON Schema can say of an amount: how many places there may be depends on the currency.
AMOUNT_SCHEMA = {"format": "decimal", "pattern": r"^0*[0-9]{1,13}(\.[0-9]{1,2})?$"}


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An exact amount of one currency, in major units."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal) or not self.amount.is_finite():
            raise TypeError("an amount is a finite Decimal, never a float")
        if self.currency not in DIGITS:
            raise ValueError(f"unknown currency {self.currency!r}")

    @classmethod
    def parse(cls, amount: object, currency: object, *, pointer: str = "") -> Self:
        """Read a decimal string such as "1200.50" and an ISO 4217 code; `Invalid` names the field and the remedy."""
        if not isinstance(currency, str) or currency not in DIGITS:
            raise Invalid([FieldError(f"{pointer}/currency", "unknown_currency", f"Use one of {', '.join(DIGITS)}.")])
        return cls(parse_amount(amount, digits=DIGITS[currency], pointer=f"{pointer}/amount"), currency)

    @classmethod
    def from_minor(cls, amount_minor: int, currency: str) -> Self:
        """Make money from whole minor units (cents)."""
        return cls(Decimal(amount_minor).scaleb(-DIGITS[currency]), currency)

    def round(self, rounding: str) -> Self:
        """Round to minor units by a named rule of `ROUNDINGS`."""
        step = Decimal(1).scaleb(-DIGITS[self.currency])
        return type(self)(self.amount.quantize(step, rounding=ROUNDINGS[rounding]), self.currency)

    def minor(self) -> int:
        """Return whole minor units; an amount between two of them is a ValueError: round it first."""
        units = self.amount.scaleb(DIGITS[self.currency])
        if units != units.to_integral_value():
            raise ValueError("round the amount before it is counted in minor units")
        return int(units)

    def __add__(self, other: Self) -> Self:
        return type(self)(self.amount + self._same(other).amount, self.currency)

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.amount - self._same(other).amount, self.currency)

    def __lt__(self, other: Self) -> bool:
        return self.amount < self._same(other).amount

    def __le__(self, other: Self) -> bool:
        return self.amount <= self._same(other).amount

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"

    def _same(self, other: Self) -> Self:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not mix")
        return other


def percent_pattern(highest: str, below: str) -> str:
    """Return what a JSON Schema can say of a percentage of at most four places; `below` matches whole numbers."""
    return rf"^0*({highest}(\.0{{1,4}})?|{below}(\.[0-9]{{1,4}})?)$"


def parse_amount(value: object, *, digits: int = 2, pointer: str = "") -> Decimal:
    """Read a non-negative decimal string of at most `digits` places, without exponent, grouping or white space."""
    wanted = f'Write a decimal string such as "1200.50", with at most {digits} places.'
    text = value if isinstance(value, str) else ""
    whole, _, places = text.partition(".")
    plain = text.isascii() and whole.isdigit() and (not places or places.isdigit()) and not text.endswith(".")
    if not plain or len(places) > digits:
        raise Invalid([FieldError(pointer, "invalid_amount", wanted)])
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise Invalid([FieldError(pointer, "invalid_amount", wanted)]) from error
    if amount >= AMOUNT_MAX:
        raise Invalid([FieldError(pointer, "amount_too_large", f"Stay below {AMOUNT_MAX:f}.")])
    return amount
