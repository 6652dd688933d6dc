"""Money: exact, with its currency, and no spelling that two readers could take differently."""

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Invalid
from hub.money import Money, parse_amount

CASES = Path(os.environ.get("API_CASES", Path(__file__).parents[2] / "../shared/data/api"))


@given(st.integers(0, 10**14 - 1))
def test_minor_units_and_back(minor: int) -> None:
    assert Money.from_minor(minor, "HKD").minor() == minor
    assert parse_amount(f"{minor // 100}.{minor % 100:02d}") == Decimal(minor) / 100


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1e3", "1,000", " 1", "1 ", ".5", "1.", "0.005", "١", "NaN", "Infinity", "0x1", "1_0"]
)
def test_refused_spellings(text: str) -> None:
    with pytest.raises(Invalid):
        parse_amount(text)


def test_the_shared_cases_are_refused() -> None:
    path = CASES / "bad_inputs.json"
    if not path.exists():
        pytest.skip("no API_CASES here")
    for amount in json.loads(path.read_text())["amounts"]:
        with pytest.raises(Invalid):
            parse_amount(amount)


def test_the_currency_says_how_many_places() -> None:
    assert Money.parse("100", "JPY").minor() == 100
    with pytest.raises(Invalid):
        Money.parse("100.5", "JPY")
    with pytest.raises(Invalid) as caught:
        Money.parse("1", "XXX", pointer="/price")
    assert caught.value.errors[0].pointer == "/price/currency"


@pytest.mark.parametrize(
    ("rule", "expected"), [("half_even", "0.12"), ("half_up", "0.13"), ("ceiling", "0.13"), ("down", "0.12")]
)
def test_rounding_is_named(rule: str, expected: str) -> None:
    assert Money(Decimal("0.125"), "USD").round(rule) == Money(Decimal(expected), "USD")


def test_what_lies_between_two_cents_is_not_counted() -> None:
    with pytest.raises(ValueError, match="round"):
        Money(Decimal("0.125"), "USD").minor()


def test_no_float_and_no_mixing() -> None:
    with pytest.raises(TypeError):
        Money(1.5, "USD")  # type: ignore[arg-type]  # the point
    with pytest.raises(ValueError, match="mix"):
        Money(Decimal(1), "USD") + Money(Decimal(1), "EUR")
    assert Money(Decimal(3), "USD") - Money(Decimal(1), "USD") == Money(Decimal(2), "USD")
    assert Money(Decimal(1), "USD") <= Money(Decimal(1), "USD")
