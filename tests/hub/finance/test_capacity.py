"""What an instalment carries agrees with the schedules: to the last cent, for either method and every rounding."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.finance.capacity import first_due, largest_principal
from hub.finance.cost import make_schedule
from hub.finance.rounding import from_minor

rates = st.decimals("0", "60", places=4)
methods = st.sampled_from(["equal_instalment", "equal_principal"])
roundings = st.sampled_from(["half_even", "half_up", "ceiling"])


@given(st.integers(100_000, 10**9), rates, st.integers(1, 120), methods, roundings)
def test_the_first_instalment_is_that_of_the_schedule(
    owed: int, rate: Decimal, months: int, method: str, rounding: str
) -> None:
    schedule = make_schedule(
        principal=from_minor(owed, 2), annual_rate_percent=rate, start=date(2026, 1, 31), months=months,
        method=method, rounding=rounding,
    )  # fmt: skip
    due = first_due(annual_rate_percent=rate, months=months, method=method, rounding=rounding)
    assert from_minor(due(owed), 2) == schedule.instalments[0].due


@given(st.integers(0, 10**7), rates, st.integers(1, 120), methods, roundings, st.sampled_from([1, 100, 10_000]))
def test_the_largest_fits_and_the_next_one_does_not(
    most: int, rate: Decimal, months: int, method: str, rounding: str, step: int
) -> None:
    due = first_due(annual_rate_percent=rate, months=months, method=method, rounding=rounding)
    found = largest_principal(due, instalment=most, among=range(0, 10**10, step))
    assert found is not None
    assert due(found) <= most < due(found + step)


def test_where_nothing_fits_there_is_none() -> None:
    due = first_due(annual_rate_percent=Decimal(12), months=12, method="equal_principal", rounding="half_up")
    assert due(1_200_000) == 112_000
    assert largest_principal(due, instalment=112_000, among=range(1_200_000, 2_000_000, 10_000)) == 1_200_000
    assert largest_principal(due, instalment=111_999, among=range(1_200_000, 2_000_000, 10_000)) is None


@pytest.mark.parametrize(("method", "months"), [("bullet", 12), ("equal_principal", 0), ("equal_instalment", 1201)])
def test_other_terms_are_refused(method: str, months: int) -> None:
    with pytest.raises(ValueError, match="use a method"):
        first_due(annual_rate_percent=Decimal(1), months=months, method=method, rounding="half_up")
