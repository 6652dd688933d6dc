"""Days past due and labels: monotone, and blind to what comes after the window."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.finance.outcomes import BAD, EXCLUDED, GOOD, IMMATURE, INDETERMINATE, label
from hub.finance.past_due import bucket, days_past_due, is_bad

D = Decimal
DUES = [(date(2026, month, 1), D(100)) for month in range(1, 7)]
payments = st.lists(
    st.tuples(st.dates(date(2026, 1, 1), date(2026, 9, 30)), st.decimals("0.01", "300", places=2)), max_size=8
)
days = st.dates(date(2025, 12, 1), date(2026, 12, 31))


@given(payments, days)
def test_days_past_due_grow_by_one_a_day_or_fall_by_a_payment(paid: list[tuple[date, Decimal]], day: date) -> None:
    today = days_past_due(dues=DUES, payments=paid, as_of=day)
    tomorrow = days_past_due(dues=DUES, payments=paid, as_of=day + timedelta(1))
    assert 0 <= tomorrow <= today + 1
    if not any(on == day + timedelta(1) for on, _ in paid):
        assert tomorrow >= today


@given(payments, days, st.randoms(use_true_random=False))
def test_more_money_is_never_worse_and_order_means_nothing(
    paid: list[tuple[date, Decimal]], day: date, dice: Random
) -> None:
    late = days_past_due(dues=DUES, payments=paid, as_of=day)
    assert days_past_due(dues=DUES, payments=[*paid, (date(2026, 1, 1), D("0.01"))], as_of=day) <= late
    dice.shuffle(paid)
    assert days_past_due(dues=DUES[::-1], payments=paid, as_of=day) == late
    assert days_past_due(dues=DUES, payments=paid, as_of=day, tolerance=D(5)) <= late


def test_tolerance_covers_a_cent() -> None:
    paid = [(date(2026, 1, 1), D("99.99"))]
    assert days_past_due(dues=DUES[:1], payments=paid, as_of=date(2026, 3, 2)) == 60
    assert days_past_due(dues=DUES[:1], payments=paid, as_of=date(2026, 3, 2), tolerance=D("0.01")) == 0
    assert days_past_due(dues=[(date(2026, 1, 1), D(0))], payments=[], as_of=date(2026, 3, 2)) == 0


def test_buckets_and_bad() -> None:
    edges = {0: "current", 1: "dpd_1_30", 30: "dpd_1_30", 31: "dpd_31_60", 60: "dpd_31_60", 61: "dpd_61_90",
             90: "dpd_61_90", 91: "dpd_90_plus", 400: "dpd_90_plus"}  # fmt: skip
    assert {at: bucket(at) for at in edges} == edges
    assert [is_bad(at) for at in (0, 89, 90, 91)] == [False, False, True, True]
    with pytest.raises(ValueError, match="0 or more"):
        bucket(-1)


ends = st.lists(st.integers(0, 200) | st.none(), min_size=12, max_size=24)


@given(ends, st.integers(0, 11))
def test_one_more_day_never_makes_it_better(row: list[int | None], at: int) -> None:
    order = [GOOD, INDETERMINATE, BAD]
    known = [days or 0 for days in row]
    worse = [*known[:at], known[at] + 1, *known[at + 1 :]]
    before, after = (label(month_end_dpd=each, months_on_book=len(row)) for each in (known, worse))
    assert order.index(after.name) >= order.index(before.name)
    assert after.max_dpd >= before.max_dpd


@given(ends)
def test_only_the_window_counts(row: list[int | None]) -> None:
    full = label(month_end_dpd=row, months_on_book=len(row))
    assert label(month_end_dpd=row[:12], months_on_book=12) == full
    assert label(month_end_dpd=row, months_on_book=len(row), charged_off_month=13, closed_month=14) == full
    assert label(month_end_dpd=row, months_on_book=len(row), confirmed_fraud=True).name == EXCLUDED


@pytest.mark.parametrize(
    ("row", "more", "name"),
    [
        ([0] * 11, {"months_on_book": 11}, IMMATURE),
        ([0, None, *[0] * 10], {"months_on_book": 12}, IMMATURE),
        ([0, None, 95], {"months_on_book": 3}, BAD),
        ([0, 0, 0], {"months_on_book": 3, "charged_off_month": 3}, BAD),
        ([0, 0, None], {"months_on_book": 3, "closed_month": 3}, GOOD),
        ([0, 45, 0], {"months_on_book": 3, "closed_month": 3}, INDETERMINATE),
        ([0, None, 0], {"months_on_book": 3, "closed_month": 3}, IMMATURE),
        ([], {"months_on_book": 0}, IMMATURE),
        ([0] * 6, {"months_on_book": 6, "window_months": 6}, GOOD),
        ([89] * 12, {"months_on_book": 12}, INDETERMINATE),
        ([0] * 12, {"months_on_book": 12, "charged_off_month": 13}, GOOD),
    ],
)
def test_labels_at_the_edges(row: list[int | None], more: dict[str, Any], name: str) -> None:
    assert label(month_end_dpd=row, **more).name == name
