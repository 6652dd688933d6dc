"""When a failed delivery is tried again."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest

from partners.delivery.schedule import ATTEMPTS_MAX, JITTER, given_up, next_attempt, pause, read_retry_after
from tests.partners.delivery.test_signing import cases

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def test_the_schedule_is_the_golden_one_with_up_to_a_tenth_more() -> None:
    golden: list[int] = cases("retry_schedule_seconds_from_start")  # type: ignore[assignment]  # of whole numbers
    assert len(golden) == ATTEMPTS_MAX == 10
    for delivery_id in (uuid4() for _ in range(50)):
        at = NOW
        for attempts, (before, then) in enumerate(pairwise(golden), start=1):
            due = next_attempt(delivery_id=delivery_id, attempts=attempts, retry_after=None, now=at)
            assert due is not None
            wanted = timedelta(seconds=then - before)
            assert wanted <= due - at <= wanted * (1 + JITTER)
            at = due
    assert next_attempt(delivery_id=uuid4(), attempts=ATTEMPTS_MAX, retry_after=None, now=NOW) is None


def test_the_jitter_spreads_and_repeats() -> None:
    ids = [UUID(int=n) for n in range(200)]
    first, again = ([next_attempt(delivery_id=i, attempts=4, retry_after=None, now=NOW) for i in ids] for _ in "ab")
    assert first == again
    assert len(set(first)) == 200


def test_retry_after_only_puts_off() -> None:
    for told, least in ((timedelta(hours=1), timedelta(hours=1)), (timedelta(seconds=1), timedelta(seconds=5))):
        due = next_attempt(delivery_id=uuid4(), attempts=1, retry_after=told, now=NOW)
        assert due is not None
        assert least <= due - NOW <= least * 1.1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120), (" 120 ", 120), ("0", 0), ("9" * 50, 86400), ("Mon, 23 Nov 2026 10:30:00 GMT", 3600),
        ("Mon, 23 Nov 2026 09:00:00 GMT", None), ("Fri, 31 Dec 9999 23:59:59 GMT", 86400),
        ("", None), ("soon", None), ("-5", None), ("1.5", None), ("١٢", None), ("Mon, 99 Nov 2026", None),
        ("Mon, 23 Nov 99999999999 10:30:00 GMT", None), ("Mon, 23 Nov 2026 99999999999999999999:30:00 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_in_both_spellings(header: str, seconds: int | None) -> None:
    wanted = None if seconds is None else timedelta(seconds=seconds)
    assert read_retry_after(header, now=NOW) == wanted


@pytest.mark.parametrize("status", [429, 502, 504])
def test_an_endpoint_that_is_overrun_is_left_alone(status: int) -> None:
    assert pause(status, None) == timedelta(seconds=60)
    assert pause(status, timedelta(hours=2)) == timedelta(hours=2)


def test_other_failures_hold_up_nothing_else() -> None:
    assert [pause(status, None) for status in (None, 400, 404, 500, 503)] == [None] * 5


@pytest.mark.fault("F36")
def test_a_herd_does_not_come_back_at_once() -> None:
    """F36: what failed at one moment is tried again all over the jitter's tenth of the delay."""
    due = [next_attempt(delivery_id=uuid4(), attempts=2, retry_after=None, now=NOW) for _ in range(20_000)]
    seconds = Counter(int((at - NOW).total_seconds()) for at in due if at is not None)
    assert set(seconds) == set(range(300, 330))
    assert max(seconds.values()) < 1.25 * 20_000 / 30


@pytest.mark.parametrize(
    ("days", "attempts", "given"), [(5, 4, True), (6, 10, True), (4.99, 10, False), (5, 3, False), (400, 1, False)]
)
def test_who_takes_nothing_for_days_is_given_up(days: float, attempts: int, given: bool) -> None:
    """A message that has only just failed says little after a long silence."""
    assert given_up(failing_since=NOW - timedelta(days=days), attempts=attempts, now=NOW) == given
