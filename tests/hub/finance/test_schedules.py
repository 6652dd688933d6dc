"""Schedules: to the last cent, whatever the rate, the rule of rounding and the currency's digits."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.finance.cost import cost_sheet, make_schedule
from hub.finance.day_count import (
    CONVENTIONS,
    act_act_isda,
    add_months,
    days_30_360,
    days_30e_360,
    due_dates,
    period_fraction,
    whole_months,
    year_fraction,
)  # fmt: skip
from hub.finance.payoff import overdue_schedule, payoff
from hub.finance.rounding import divide, to_minor
from hub.finance.schedules import (
    Schedule,
    equal_instalments,
    equal_instalments_over,
    equal_instalments_to_unit,
    level_payment,
    period_rates,
)  # fmt: skip
from hub.money import ROUNDINGS

D = Decimal
START = date(2024, 1, 31)
percents = st.decimals("0", "60", places=4)
terms = st.integers(1, 120)
methods = st.sampled_from(["equal_instalment", "equal_principal"])
roundings = st.sampled_from(sorted(ROUNDINGS))


@given(st.integers(0, 10**12), st.integers(1, 10**6), roundings)
def test_one_division_rounds_as_decimal_does(numerator: int, denominator: int, rounding: str) -> None:
    exact = D(numerator).quantize(D(1)) / 1
    if denominator in (1, 2, 4, 5, 8, 10, 16, 20, 25):
        assert divide(numerator, denominator, rounding) == (exact / denominator).quantize(D(1), ROUNDINGS[rounding])
    assert abs(Fraction(numerator, denominator) - divide(numerator, denominator, rounding)) < 1


@given(
    minor=st.integers(1, 10**9), digits=st.sampled_from([0, 2, 3]), percent=percents, months=terms, method=methods,
    rounding=roundings, convention=st.sampled_from(sorted(CONVENTIONS)),
)  # fmt: skip
def test_every_schedule_repays_the_principal(
    minor: int, digits: int, percent: Decimal, months: int, method: str, rounding: str, convention: str
) -> None:
    principal = D(minor).scaleb(-digits)
    made = make_schedule(
        principal=principal, annual_rate_percent=percent, start=START, months=months, method=method,
        rounding=rounding, convention=convention, digits=digits,
    )  # fmt: skip
    assert_sound(made, principal, digits)
    assert len(made.instalments) <= months
    assert [one.due_on for one in made.instalments] == due_dates(START, months)[: len(made.instalments)]


def assert_sound(made: Schedule, principal: Decimal, digits: int) -> None:
    rows = made.instalments
    assert sum(one.principal for one in rows) == principal
    assert rows[-1].balance == 0
    assert all(one.balance >= 0 and one.interest >= 0 for one in rows)
    assert all(one.due == one.principal + one.interest for one in rows)
    assert all(to_minor(one.due, digits) >= 0 for one in rows)
    assert made.total_due == principal + made.total_interest
    assert [one.number for one in rows] == list(range(1, len(rows) + 1))


@given(st.integers(100, 10**9), percents, st.integers(2, 120), st.sampled_from(["half_even", "half_up"]))
def test_the_last_instalment_takes_the_remainder_only(minor: int, percent: Decimal, months: int, rule: str) -> None:
    """Each rounded figure errs by half a cent at most, so the last instalment errs by their grown sum at most."""
    made = equal_instalments(
        principal=D(minor) / 100, annual_rate_percent=percent, start=date(2024, 1, 1), months=months, rounding=rule
    )
    level = {one.due for one in made.instalments[:-1]}
    assert len(level) <= 1
    if len(made.instalments) == months:
        growth: Decimal = (1 + percent / 1200) ** D(months)
        assert abs(made.instalments[-1].due - made.instalments[0].due) <= D("0.01") * months * growth


@given(st.integers(1, 10**9), st.lists(st.fractions(0, 2, max_denominator=400), min_size=1, max_size=20))
def test_the_level_payment_is_exact(principal: int, rates: list[Fraction]) -> None:
    payment, owed = level_payment(Fraction(principal), rates), Fraction(principal)
    for rate in rates:
        owed += owed * rate - payment
    assert owed == 0


@pytest.mark.parametrize(
    ("days", "count", "convention", "instalment", "last"),
    [
        (7, 6, "actual/364", "16.77", "16.78"),
        (15, 6, "actual/360", "16.90", "16.89"),
    ],
)
def test_periods_of_days(days: int, count: int, convention: str, instalment: str, last: str) -> None:
    """Figures of Apache Fineract's tests of its progressive loans, at 9.4822 %."""
    dates = [date(2024, 1, 1) + timedelta(days * at) for at in range(count + 1)]
    rates = period_rates(annual_rate_percent=D("9.4822"), dates=dates, convention=convention)
    made = equal_instalments_over(principal=D(100), rates=rates, due_on=dates[1:], rounding="half_even")
    assert (made.instalments[0].due, made.instalments[-1].due) == (D(instalment), D(last))


def test_actual_365() -> None:
    """Another figure of Apache Fineract's tests: 15.678 % over actual days."""
    made = equal_instalments(
        principal=D(100), annual_rate_percent=D("15.678"), start=date(2024, 1, 1), months=6, rounding="half_even",
        convention="actual/365",
    )  # fmt: skip
    assert [one.interest for one in made.instalments] == [
        D(x) for x in ("1.33", "1.05", "0.90", "0.66", "0.46", "0.22")
    ]
    assert [one.due for one in made.instalments] == [D("17.43")] * 5 + [D("17.47")]


def test_a_tie_is_rounded_by_the_rule_and_not_by_a_stray_digit() -> None:
    """6.00 at 7 % for a month is 0.035 exactly, which no decimal rate of 34 digits tells."""
    dues = {
        rule: equal_instalments(
            principal=D("6.00"), annual_rate_percent=D(7), start=date(2024, 1, 1), months=1, rounding=rule
        ).instalments[0].interest
        for rule in ("half_even", "half_up", "down", "ceiling")
    }  # fmt: skip
    assert dues == {"half_even": D("0.04"), "half_up": D("0.04"), "down": D("0.03"), "ceiling": D("0.04")}


def test_yen_have_no_places() -> None:
    made = equal_instalments(
        principal=D(100_000), annual_rate_percent=D("12.5"), start=START, months=12, rounding="half_up", digits=0
    )
    assert made.instalments[0].due == D(8908)
    assert all(one.due == one.due.to_integral_value() for one in made.instalments)
    with pytest.raises(ValueError, match="at most 0 places"):
        equal_instalments(
            principal=D("0.5"), annual_rate_percent=D(1), start=START, months=2, rounding="half_up", digits=0
        )


@given(st.integers(1, 10**7), percents, st.integers(1, 60))
def test_instalments_to_the_unit_repay_the_principal(principal: int, percent: Decimal, months: int) -> None:
    dates = [date(2024, 1, 1), *due_dates(date(2024, 1, 1), months)]
    rates = period_rates(annual_rate_percent=percent, dates=dates, convention="30/360")
    made = equal_instalments_to_unit(principal=D(principal), rates=rates, due_on=dates[1:])
    assert abs(sum((one.principal for one in made.instalments), D(-principal))) < D("1e-15")
    assert all(one.balance >= 0 for one in made.instalments)
    assert all(one.due == one.due.to_integral_value() for one in made.instalments[:-1])
    assert made.instalments[-1].due <= made.instalments[0].due


@pytest.mark.parametrize("rule", ["half", "HALF_UP", ""])
def test_unknown_words_are_refused(rule: str) -> None:
    with pytest.raises(ValueError, match="unknown rounding"):
        equal_instalments(principal=D(1), annual_rate_percent=D(1), start=START, months=1, rounding=rule)
    with pytest.raises(ValueError, match="unknown day count"):
        period_rates(annual_rate_percent=D(1), dates=[START, START], convention="31/360")
    with pytest.raises(ValueError, match="0 or more"):
        period_rates(annual_rate_percent=D(-1), dates=[START], convention="30/360")
    with pytest.raises(ValueError, match="unknown method"):
        make_schedule(
            principal=D(1), annual_rate_percent=D(1), start=START, months=1, method="balloon", rounding="half_up"
        )
    with pytest.raises(ValueError, match="1 to 1200 periods"):
        equal_instalments(principal=D(1), annual_rate_percent=D(1), start=START, months=0, rounding="half_up")


dates = st.dates(date(2000, 1, 1), date(2060, 12, 31))


@given(dates, st.integers(0, 400))
def test_whole_months_are_found_again(start: date, months: int) -> None:
    assert whole_months(start, add_months(start, months)) == months
    assert period_fraction(start, add_months(start, months), "30/360") == Fraction(months, 12)


@given(dates, dates, dates)
def test_actual_day_counts_add_up(one: date, two: date, three: date) -> None:
    first, second, third = sorted([one, two, three])
    for rule in ("actual/360", "actual/364", "actual/365", "actual/actual"):
        whole = year_fraction(first, third, rule)
        assert whole == year_fraction(first, second, rule) + year_fraction(second, third, rule)
    assert act_act_isda(third, first) == -act_act_isda(first, third)


def test_thirty_day_months() -> None:
    assert days_30_360(date(2024, 1, 30), date(2024, 3, 31)) == 60
    assert days_30_360(date(2024, 1, 29), date(2024, 3, 31)) == 62
    assert days_30e_360(date(2024, 1, 29), date(2024, 3, 31)) == 61
    assert days_30e_360(date(2024, 1, 31), date(2024, 3, 31)) == 60


def test_a_cost_sheet() -> None:
    """The figures of the first generated golden case."""
    sheet = cost_sheet(
        principal=D(467_700), annual_rate_percent=D("14.15"), months=60, start=START, method="equal_instalment",
        rounding="half_up", fee_upfront=D("23385.00"),
    )  # fmt: skip
    assert (sheet.instalment, sheet.last_instalment) == (D("10918.97"), D("10918.61"))
    assert (sheet.total_interest, sheet.total_cost) == (D("187437.84"), D("210822.84"))
    assert (sheet.total_payable, sheet.apr_percent) == (D("678522.84"), D("16.48"))


@given(percents, st.integers(1, 60), methods)
def test_without_a_fee_the_annual_percentage_rate_is_the_nominal_one(rate: Decimal, months: int, method: str) -> None:
    sheet = cost_sheet(
        principal=D(1_000_000), annual_rate_percent=rate, months=months, start=START, method=method, rounding="half_up"
    )
    assert abs(sheet.apr_percent - rate) <= D("0.01")


def test_a_fee_that_eats_the_loan_is_refused() -> None:
    for fee in (D(100), D(-1)):
        with pytest.raises(ValueError, match="below the principal"):
            cost_sheet(
                principal=D(100), annual_rate_percent=D(1), months=2, start=START, method="equal_principal",
                rounding="half_up", fee_upfront=fee,
            )  # fmt: skip


def test_payoff_inside_a_period() -> None:
    dates = [date(2024, 1, 1), *due_dates(date(2024, 1, 1), 6)]
    rates = period_rates(annual_rate_percent=D(7), dates=dates, convention="30/360")
    paid = [(date(2024, 2, 1), D("17.01"))]
    for to_end, interest in ((False, "0.24"), (True, "0.49")):
        made = payoff(
            principal=D(100), rates=rates, dates=dates, payments=paid, on=date(2024, 2, 15), rounding="half_even",
            to_period_end=to_end,
        )  # fmt: skip
        assert (made.principal, made.interest) == (D("83.57"), D(interest))
    with pytest.raises(ValueError, match="within the loan's dates"):
        payoff(principal=D(100), rates=rates, dates=dates, payments=[], on=date(2025, 1, 1), rounding="half_even")


@given(st.integers(1, 6), st.integers(0, 200))
def test_paid_on_time_there_is_no_overdue_interest(paid_until: int, as_of_days: int) -> None:
    dates = [date(2024, 1, 1), *due_dates(date(2024, 1, 1), 6)]
    rates = period_rates(annual_rate_percent=D(7), dates=dates, convention="30/360")
    plan = equal_instalments_over(principal=D(100), rates=rates, due_on=dates[1:], rounding="half_even")
    as_of = date(2024, 1, 1) + timedelta(as_of_days)
    made = overdue_schedule(
        principal=D(100), rates=rates, dates=dates, payments=plan.dues[:paid_until], as_of=as_of, rounding="half_even"
    )
    on_time = as_of <= dates[min(paid_until + 1, 6)]
    assert (made == plan) if on_time else (made.total_interest >= plan.total_interest)
    assert sum(one.principal for one in made.instalments) == 100
