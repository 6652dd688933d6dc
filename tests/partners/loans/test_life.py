"""What the reports of one loan mean together: order and repetition mean nothing, corrections everything."""

from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.finance.day_count import add_months
from hub.finance.outcomes import Label
from partners.loans.life import Report, days_past_due, in_force, last_day, month_ends, outcome, state

D = Decimal
OPENED = date(2026, 1, 15)
DUES = [(add_months(OPENED, month), D(100)) for month in range(1, 25)]
ENDS = month_ends(OPENED, 12)


def month(number: int, paid: int, **more: Any) -> Report:
    """The end of a month on book, with so many instalments paid by then."""
    return Report(number, "month_end", ENDS[number - 1], paid_total=D(100 * paid), **more)


def label(reports: list[Report], *, today: date = date(2027, 2, 1)) -> Label:
    return outcome(
        reports, dues=DUES, opened_on=OPENED, matures_on=add_months(OPENED, 12), window_months=12, today=today
    )


# By the end of month k on book (January is the first) k - 1 instalments were due.
GOOD = [month(number, number - 1) for number in range(1, 13)]


@given(st.dates(date(2000, 1, 1), date(2060, 12, 31)), st.integers(1, 36))
def test_month_ends_follow_the_opening(opened_on: date, count: int) -> None:
    ends = month_ends(opened_on, count)
    assert len(ends) == count
    assert ends[0] > opened_on
    assert all(end == last_day(end) for end in ends)
    assert [(e.year * 12 + e.month) for e in ends] == list(
        range(ends[0].year * 12 + ends[0].month, ends[0].year * 12 + ends[0].month + count)
    )
    assert add_months(opened_on, count) <= last_day(add_months(ends[0], count))


def test_paid_on_time_is_good() -> None:
    assert label(GOOD) == Label("good", 0)


@pytest.mark.timeout(20)
def test_a_long_thread_of_corrections_is_followed_once() -> None:
    chain = [month(1, 0)]
    chain += [Report(at, "month_end", ENDS[0], paid_total=D(at), corrects=at - 1) for at in range(2, 50_001)]
    assert in_force(chain) == [chain[-1]]


def test_the_window_must_be_over_and_every_month_reported() -> None:
    assert label(GOOD, today=date(2027, 1, 14)).name == "immature"
    assert label(GOOD, today=date(2027, 1, 15)).name == "good"
    assert label(GOOD[:5] + GOOD[6:]).name == "immature"


def test_days_past_due_come_from_dues_and_payments() -> None:
    # Nothing after the first instalment (15 February): the second, of 15 March, is 76 days late at the end of May.
    stopped = [month(number, min(number - 1, 1)) for number in range(1, 6)]
    assert label(stopped + GOOD[5:]) == Label("indeterminate", 77)
    assert label([*stopped, month(6, 1), *GOOD[6:]]) == Label("bad", 107)
    assert days_past_due(stopped, DUES, date(2026, 3, 15)) == 0
    assert days_past_due(stopped, DUES, date(2026, 3, 16)) == 1


def test_payments_since_the_last_month_end_count_at_once() -> None:
    late = GOOD[:2]  # at the end of February one instalment is paid
    assert days_past_due(late, DUES, date(2026, 3, 20)) == 5
    paid = Report(90, "payment", date(2026, 3, 18), amount=D(100))
    assert days_past_due([*late, paid], DUES, date(2026, 3, 20)) == 0
    before = Report(91, "payment", date(2026, 2, 20), amount=D(100))
    assert days_past_due([*late, before], DUES, date(2026, 3, 20)) == 5


@pytest.mark.parametrize(
    ("report", "name"),
    [
        (Report(50, "charged_off", date(2026, 6, 3)), "bad"),
        (Report(50, "charged_off", date(2027, 1, 2)), "immature"),
        (Report(50, "charged_off", date(2026, 6, 3), confirmed_fraud=True), "excluded"),
        (Report(50, "closed", date(2026, 6, 3)), "good"),
        (Report(50, "sold", date(2026, 6, 3)), "excluded"),
        (Report(50, "rescinded", date(2026, 1, 20)), "excluded"),
    ],
)
def test_a_loan_that_ended_early(report: Report, name: str) -> None:
    assert label([*GOOD[:5], report]).name == name


def test_a_sold_loan_that_was_bad_is_bad() -> None:
    assert label([*GOOD[:2], month(3, 0), month(4, 0), month(5, 0), Report(50, "sold", date(2026, 6, 3))]).name == "bad"


def test_a_restructuring_counts_from_its_own_dues() -> None:
    anew = [(add_months(date(2026, 5, 1), at), D(50)) for at in range(1, 40)]
    bent = [
        *GOOD[:2],
        month(3, 1),
        month(4, 1),
        Report(50, "restructured", date(2026, 5, 1), paid_total=D(100), dues=anew),
    ]
    later = [Report(50 + n, "month_end", ENDS[n - 1], paid_total=D(100 + 50 * (n - 5))) for n in range(5, 13)]
    assert label([*bent, *later]) == Label("indeterminate", 46)
    unpaid = [Report(50 + n, "month_end", ENDS[n - 1], paid_total=D(100)) for n in range(5, 13)]
    assert label([*bent, *unpaid]).name == "bad"


def test_corrections() -> None:
    wrong = month(6, 1)
    assert label([*GOOD[:5], wrong, *GOOD[6:]]).name == "bad"
    right = Report(40, "month_end", ENDS[5], paid_total=D(500), corrects=6)
    assert label([*GOOD[:5], wrong, *GOOD[6:], right]) == Label("good", 0)
    again = Report(41, "month_end", ENDS[5], paid_total=D(100), corrects=40)
    assert label([*GOOD[:5], wrong, *GOOD[6:], right, again]).name == "bad"
    other = Report(42, "month_end", ENDS[5], paid_total=D(500), corrects=6)
    assert label([*GOOD[:5], wrong, *GOOD[6:], right, again, other]) == Label("good", 0)
    assert {one.sequence for one in in_force([wrong, right, again, other])} == {42}


def test_a_correction_undoes_an_end() -> None:
    ended = Report(20, "charged_off", date(2026, 6, 3))
    undone = Report(21, "month_end", ENDS[5], paid_total=D(500), corrects=20)
    assert state(in_force([ended])) == "charged_off"
    assert state(in_force([undone, ended])) == "active"
    assert state(in_force([ended, Report(22, "closed", date(2026, 9, 1))])) == "closed"
    assert state(in_force([ended, Report(22, "rescinded", date(2026, 1, 20))])) == "rescinded"


kinds = st.sampled_from(["payment", "month_end", "charged_off", "closed", "sold", "rescinded"])


@st.composite
def lives(draw: st.DrawFn) -> list[Report]:
    """Any reports at all, corrections of one another included, under different sequences."""
    made = []
    for sequence in draw(st.lists(st.integers(1, 40), min_size=1, max_size=25, unique=True)):
        kind, end = draw(kinds), draw(st.sampled_from(ENDS))
        money = D(100 * draw(st.integers(0, 13)))
        corrects = draw(st.none() | st.integers(1, sequence - 1)) if sequence > 1 else None
        made.append(
            Report(
                sequence, kind, end, amount=money if kind == "payment" else None,
                paid_total=money if kind == "month_end" else None, corrects=corrects,
            )
        )  # fmt: skip
    return made


@given(lives(), st.randoms(use_true_random=False))
def test_order_and_repetition_mean_nothing(reports: list[Report], dice: Random) -> None:
    wanted = label(reports), state(in_force(reports)), days_past_due(in_force(reports), DUES, date(2026, 8, 9))
    mixed = reports * 3
    dice.shuffle(mixed)
    assert (label(mixed), state(in_force(mixed)), days_past_due(in_force(mixed), DUES, date(2026, 8, 9))) == wanted
