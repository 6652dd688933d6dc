"""Annual percentage rates: the regulator's own examples from their dates, round trips, and clear errors."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.finance.apr import Transfer, apr_eu, apr_us, apr_us_dated, apr_us_single
from hub.finance.day_count import add_months, eu_interval, eu_years
from hub.finance.irr import irr, pmt, timed_irr, xirr
from hub.finance.roots import NoRate
from hub.finance.rounding import as_decimal, rounded
from hub.finance.unit_periods import DAY, HALF_MONTH, MONTH, WEEK, YEAR, UnitPeriod, measure, months, weeks

D = Decimal


def by_months(first: date, every: int, count: int) -> list[date]:
    return [add_months(first, every * at) for at in range(count)]


def by_days(first: date, every: int, count: int) -> list[date]:
    return [date.fromordinal(first.toordinal() + every * at) for at in range(count)]


def by_half_months(first: date, count: int) -> list[date]:
    return sorted(by_months(first, 1, count // 2) + by_months(first.replace(day=first.day + 15), 1, count // 2))


# 12 CFR 1026 Appendix J (c): the advance and its day, payments and their days, the unit-period, the rate given there.
EXAMPLES = {
    "(c)(1)(i)": (5000, (1, 10), ["230"] * 24, by_months(date(1978, 2, 10), 1, 24), MONTH, "9.69"),
    "(c)(1)(ii)": (6000, (2, 10), ["200"] * 36, by_months(date(1978, 4, 1), 1, 36), MONTH, "11.82"),
    "(c)(1)(iii)": (5000, (2, 23), ["219.17"] * 24, by_half_months(date(1978, 3, 1), 24), HALF_MONTH, "10.34"),
    "(c)(1)(iv)": (10000, (5, 23), ["385"] * 40, by_months(date(1978, 10, 1), 3, 40), months(3), "8.97"),
    "(c)(1)(v)": (500, (3, 20), ["17.60"] * 30, by_days(date(1978, 4, 21), 7, 30), WEEK, "14.96"),
    "(c)(2)(i)": (5000, (1, 10), ["250"] + ["230"] * 23, by_months(date(1978, 2, 10), 1, 24), MONTH, "10.08"),
    "(c)(2)(ii)": (400, (3, 18), ["39.50"] + ["38.31"] * 11, by_days(date(1978, 4, 20), 28, 12), weeks(4), "28.50"),
    "(c)(3)(i)": (5000, (1, 10), ["230"] * 23 + ["280"], by_months(date(1978, 2, 10), 1, 24), MONTH, "10.50"),
    "(c)(3)(ii)": (200, (4, 3), ["9.50"] * 19 + ["30"], by_days(date(1978, 4, 11), 14, 20), weeks(2), "12.22"),
    "(c)(4)(i)": (5000, (1, 10), ["250"] + ["230"] * 22 + ["280"], by_months(date(1978, 2, 10), 1, 24), MONTH, "10.90"),
    "(c)(4)(ii)": (
        8000, (1, 10), ["449.36"] + ["465"] * 18 + ["200"], by_months(date(1978, 3, 1), 2, 20), months(2), "7.30",
    ),
}  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_of_the_appendix_from_their_dates(example: str) -> None:
    advance, began, amounts, days, unit, percent = EXAMPLES[example]
    payments = list(zip(days, map(D, amounts), strict=True))
    advances = [(date(1978, *began), D(advance))]
    assert rounded(apr_us_dated(advances=advances, payments=payments, unit=unit), 2) == D(percent)


def test_one_advance_and_one_payment() -> None:
    """(c)(5)(i), 255 days; then a term in whole months, and one of more than a year."""
    percent = apr_us_single(advance=D(1000), payment=D(1080), start=date(1978, 1, 3), end=date(1978, 9, 15))
    assert rounded(percent, 2) == D("11.45")
    half = apr_us_single(advance=D(1000), payment=D(1044), start=date(1978, 6, 15), end=date(1978, 12, 15))
    assert half == D("8.8")
    longer = apr_us_single(advance=D(1000), payment=D("1135.19"), start=date(1978, 1, 17), end=date(1979, 10, 20))
    assert D(7) < longer < D(8)


def test_several_advances() -> None:
    """Two advances of 1000 at 1 % a month, repaid at once a month after the second."""
    percent = apr_us(
        advances=[Transfer(D(1000), 0), Transfer(D(1000), 1)],
        payments=[Transfer(D(1000) * D("1.01") ** 2 + D(1000) * D("1.01"), 2)],
        unit_periods_per_year=D(12),
    )
    assert rounded(percent, 18) == D(12)


@pytest.mark.parametrize(
    ("unit", "start", "end", "whole", "share"),
    [
        (MONTH, date(2023, 1, 31), date(2023, 2, 28), 1, Fraction(0)),
        (MONTH, date(2023, 2, 10), date(2023, 4, 1), 1, Fraction(19, 30)),
        (HALF_MONTH, date(1978, 2, 23), date(1978, 3, 16), 1, Fraction(6, 15)),
        (months(3), date(1978, 5, 23), date(1978, 10, 1), 1, Fraction(39, 90)),
        (WEEK, date(1978, 3, 20), date(1978, 4, 21), 4, Fraction(4, 7)),
        (DAY, date(2024, 2, 28), date(2024, 3, 1), 2, Fraction(0)),
        (YEAR, date(2023, 1, 10), date(2025, 4, 10), 2, Fraction(3, 12)),
        (YEAR, date(2023, 10, 26), date(2024, 11, 30), 1, Fraction(35, 365)),
    ],
)
def test_unit_periods_between_two_dates(unit: UnitPeriod, start: date, end: date, whole: int, share: Fraction) -> None:
    assert measure(start, end, unit) == (whole, share)


def test_unit_periods_of_a_year() -> None:
    units = (DAY, WEEK, weeks(2), HALF_MONTH, MONTH, months(3), YEAR)
    assert [unit.periods_per_year for unit in units] == [365, 52, 26, 24, 12, 4, 1]


@pytest.mark.parametrize(
    ("unit", "start", "end", "years"),
    [
        ("month", (2012, 1, 12), (2012, 3, 15), Fraction(2, 12) + Fraction(3, 365)),
        ("month", (2013, 1, 12), (2013, 2, 15), Fraction(1, 12) + Fraction(3, 366)),
        ("month", (2013, 2, 26), (2013, 3, 29), Fraction(1, 12) + Fraction(2, 366)),
        ("month", (2012, 2, 26), (2012, 3, 29), Fraction(1, 12) + Fraction(3, 366)),
        ("year", (2012, 1, 12), (2014, 2, 15), 2 + Fraction(34, 365)),
        ("year", (2020, 1, 1), (2021, 3, 15), 1 + Fraction(74, 366)),
        ("week", (2012, 1, 12), (2013, 1, 12), 1 + Fraction(2, 365)),
        ("week", (2012, 1, 12), (2012, 1, 30), Fraction(2, 52) + Fraction(4, 365)),
        ("day", (2012, 1, 12), (2012, 1, 15), Fraction(3, 365)),
        ("month", (2012, 2, 26), (2012, 2, 26), Fraction(0)),
    ],
)
def test_examples_of_the_commissions_guidelines(
    unit: str, start: tuple[int, int, int], end: tuple[int, int, int], years: Fraction
) -> None:
    assert eu_years(date(*start), date(*end), unit) == years


def test_an_interval_runs_forwards() -> None:
    with pytest.raises(ValueError, match="before it starts"):
        eu_interval(date(2024, 2, 1), date(2024, 1, 1))
    with pytest.raises(ValueError, match="unknown unit"):
        eu_interval(date(2024, 1, 1), date(2024, 2, 1), "decade")


rates = st.decimals("0.0001", "0.5", places=4)


@given(rate=rates, count=st.integers(1, 60), odd=st.integers(0, 29))
def test_us_rate_comes_back_from_the_payments_it_made(rate: Decimal, count: int, odd: int) -> None:
    share = as_decimal(Fraction(odd, 30))
    value = sum(1 / ((1 + share * rate) * (1 + rate) ** month) for month in range(1, count + 1))
    payments = [Transfer(D(100_000) / value, month, share) for month in range(1, count + 1)]
    found = apr_us(advances=[Transfer(D(100_000), 0)], payments=payments, unit_periods_per_year=D(12))
    assert abs(found - rate * 1200) < D("1e-12")


@given(rate=rates, days=st.lists(st.integers(1, 3000), min_size=1, max_size=8, unique=True))
def test_eu_rate_comes_back_from_the_payments_it_made(rate: Decimal, days: list[int]) -> None:
    times = [Fraction(day, 365) for day in days]
    value = sum(((1 + rate).ln() * -as_decimal(time)).exp() for time in times)
    payments = [(D(10_000) / value, time) for time in times]
    found = apr_eu(drawdowns=[(D(10_000), Fraction(0))], payments=payments)
    assert abs(found - rate * 100) < D("1e-12")


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=12).filter(lambda row: min(row) < 0 < max(row)))
def test_irr_is_a_root_that_numpy_finds_too(flows: list[int]) -> None:
    """Every real root of the polynomial in the discount factor that numpy finds is no nearer to 0 than ours."""
    try:
        rate = irr([D(flow) for flow in flows])
    except NoRate:
        rate = None
    discounts = [root.real for root in np.roots(flows[::-1]) if abs(root.imag) < 1e-9 and 1e-4 < root.real < 1e4]
    crossing = [v for v in discounts if np.polyval(flows[::-1], v * 0.98) * np.polyval(flows[::-1], v * 1.02) < 0]
    if rate is None:
        assert not [v for v in crossing if sum(abs(v / other - 1) < 0.2 for other in discounts) == 1]
        return
    balance = sum((D(flow) / (1 + rate) ** at for at, flow in enumerate(flows)), D(0))
    size = sum((abs(D(flow)) / (1 + rate) ** at for at, flow in enumerate(flows)), D(0))
    assert abs(balance) <= size * D("1e-18")


@pytest.mark.parametrize(
    ("flows", "rate"),
    [
        (["-100", "0", "0", "74"], "-0.0955"),
        (["-100", "100", "0", "-7"], "-0.0833"),
        (["-100", "100", "0", "7"], "0.06206"),
        (["-5", "10.5", "1", "-8", "1"], "0.0886"),
        (["-100", "100"], "0"),
        (["-1", "1000000"], "999999"),
    ],
)
def test_irr_nearest_to_zero(flows: list[str], rate: str) -> None:
    """The first four are the examples of numpy-financial's documentation."""
    wanted = D(rate)
    assert rounded(irr([D(flow) for flow in flows]), -int(wanted.as_tuple().exponent)) == wanted


def test_where_there_is_no_rate() -> None:
    with pytest.raises(NoRate, match="never change"):
        irr([D(100), D(1)])
    with pytest.raises(NoRate, match="never change"):
        timed_irr([(D(0), D(0))])
    with pytest.raises(NoRate, match="no rate balances"):
        irr([D(100), D(-100), D(100)])
    with pytest.raises(ValueError, match="at least one"):
        xirr([], [])


def test_payment_of_an_annuity() -> None:
    assert pmt(rate=Fraction(0), periods=4, present_value=D(1000)) == D(-250)
    assert rounded(pmt(rate=Fraction(1, 100), periods=12, present_value=D(1000)), 4) == D("-88.8488")
    in_advance = pmt(rate=Fraction(1, 100), periods=12, present_value=D(1000), in_advance=True)
    assert rounded(in_advance * D("1.01"), 4) == D("-88.8488")
    saved = pmt(rate=Fraction(1, 100), periods=2, present_value=D(0), future_value=D(201))
    assert saved == D(-100)
