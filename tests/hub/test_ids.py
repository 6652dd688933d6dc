"""Identifiers rise in the order of their making, whatever the clock does."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine

from hub.clock import now
from hub.ids import uuid7


def test_they_rise_within_a_millisecond() -> None:
    with time_machine.travel(now(), tick=False):
        made = [uuid7() for _ in range(10_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert {(one.version, one.variant) for one in made} == {(7, "specified in RFC 4122")}


def test_they_tell_their_moment() -> None:
    moment = now() + timedelta(days=1)
    with time_machine.travel(moment, tick=False):
        assert uuid7().int >> 80 == int(moment.timestamp() * 1000)


@pytest.mark.fault("F19")
def test_a_clock_that_is_put_back() -> None:
    begun = now()
    with time_machine.travel(begun, tick=False):
        first = uuid7()
    with time_machine.travel(begun - timedelta(seconds=5), tick=False):
        assert uuid7() > first  # a little: the order is kept
    with time_machine.travel(begun - timedelta(hours=1), tick=False):
        assert uuid7() < first  # much: the clock is believed


def test_threads_never_make_the_same() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = [one for some in threads.map(lambda _: [uuid7() for _ in range(500)], range(8)) for one in some]
    assert len(set(made)) == len(made)
