"""Identifiers in the order of their making: UUID version 7 (RFC 9562 section 5.7), made in Python."""

import os
from itertools import accumulate
from threading import Lock
from uuid import UUID

from hub.clock import milliseconds

_RANDOM_BITS = (1 << 74) - 1
_STEP_BITS = (1 << 40) - 1
# A clock that goes back by more starts a new order.
_PATIENCE_MS = 10_000


class _Sequence:
    """Numbers that rise: the milliseconds and 74 random bits of the newest, in one."""

    def __init__(self) -> None:
        self.lock, self.last = Lock(), 0

    def next(self, milliseconds: int, noise: int) -> int:
        """The next one. Within a millisecond it goes up by a random step (RFC 9562 section 6.2, method 2)."""
        fresh = milliseconds << 74 | noise & _RANDOM_BITS
        with self.lock:
            patient = (self.last >> 74) - milliseconds < _PATIENCE_MS
            self.last = max(fresh, self.last + 1 + (noise & _STEP_BITS)) if patient else fresh
            return self.last

    def reserve(self, milliseconds: int, noise: int, room: int) -> int:
        """The last of so many that nobody else gets: the next one, and all that follow it within `room`."""
        self.next(milliseconds, noise)
        with self.lock:
            self.last += room
            return self.last


_sequence = _Sequence()


def uuid7() -> UUID:
    """Return a UUIDv7: 48 bits of Unix time in milliseconds, then 74 random bits.

    Within a process each is greater than the one before, so that rows made together keep their order.
    """
    return UUID(int=_version_7(_sequence.next(milliseconds(), int.from_bytes(os.urandom(10)))))


def uuid7_texts(count: int) -> list[str]:
    """Return so many in a row as texts, for a fraction of what objects cost; they too rise by random steps."""
    steps = [1 + one for one in memoryview(os.urandom(4 * count)).cast("I")]
    last = _sequence.reserve(milliseconds(), int.from_bytes(os.urandom(10)), sum(steps))
    values = accumulate(steps, initial=last - sum(steps))
    next(values)
    found = [f"{_version_7(value):032x}" for value in values]
    return [f"{one[:8]}-{one[8:12]}-{one[12:16]}-{one[16:20]}-{one[20:]}" for one in found]


def _version_7(value: int) -> int:
    milliseconds, rest = value >> 74, value & _RANDOM_BITS
    return milliseconds << 80 | 0x7 << 76 | rest >> 62 << 64 | 0b10 << 62 | rest & (1 << 62) - 1
