"""Exact rounding: amounts as whole minor units, one division, one named rule. Nothing is rounded twice."""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

from hub.money import ROUNDINGS

# Enough for every rate: 34 digits, as IEEE 754 decimal128 has them.
MATHS = Context(prec=34, rounding=ROUND_HALF_EVEN)


def divide(numerator: int, denominator: int, rounding: str) -> int:
    """Return the quotient of two whole numbers (numerator >= 0, denominator > 0), rounded by a rule of `ROUNDINGS`."""
    if numerator < 0 or denominator <= 0:
        raise ValueError("divide takes a numerator of 0 or more and a denominator above 0")
    quotient, rest = divmod(numerator, denominator)
    return quotient + _goes_up(quotient, 2 * rest, denominator, rounding)


def _goes_up(quotient: int, twice_rest: int, denominator: int, rounding: str) -> bool:
    if rounding in ("ceiling", "down"):
        return rounding == "ceiling" and twice_rest > 0
    if rounding not in ROUNDINGS:
        raise ValueError(f"unknown rounding {rounding!r}: use one of {', '.join(ROUNDINGS)}")
    tie_goes_up = rounding == "half_up" or quotient % 2 == 1
    return twice_rest > denominator or (twice_rest == denominator and tie_goes_up)


def to_minor(amount: Decimal, digits: int) -> int:
    """Return whole minor units of an amount; ValueError where it lies between two of them, or is no amount."""
    units = amount.scaleb(digits) if amount.is_finite() else amount
    if not units.is_finite() or units < 0 or units != units.to_integral_value():
        raise ValueError(f"an amount is 0 or more, with at most {digits} places: {amount}")
    return int(units)


def from_minor(amount_minor: int, digits: int) -> Decimal:
    """Return the amount in major units, with `digits` places."""
    return Decimal(amount_minor).scaleb(-digits)


def rounded(value: Decimal, digits: int, rounding: str = "half_up") -> Decimal:
    """Round a figure for display to so many places."""
    return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUNDINGS[rounding], context=MATHS)


def as_decimal(value: Fraction) -> Decimal:
    """Return a fraction to 34 digits."""
    return MATHS.divide(Decimal(value.numerator), Decimal(value.denominator))
