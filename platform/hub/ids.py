"""Identifiers in the order of their making: UUID version 7 (RFC 9562 section 5.7), made in Python."""

import os
from threading import Lock
from uuid import UUID

from hub.clock import now

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


_sequence = _Sequence()


def uuid7() -> UUID:
    """Return a UUIDv7: 48 bits of Unix time in milliseconds, then 74 random bits.

    Within a process each is greater than the one before, so that rows made together keep their order.
    """
    return UUID(int=_version_7(int(now().timestamp() * 1000), os.urandom(10)))


def uuid7_texts(count: int) -> list[str]:
    """Return so many in a row as texts, for a fraction of what objects cost."""
    milliseconds, noise = int(now().timestamp() * 1000), os.urandom(10 * count)
    found = (f"{_version_7(milliseconds, noise[at : at + 10]):032x}" for at in range(0, 10 * count, 10))
    return [f"{one[:8]}-{one[8:12]}-{one[12:16]}-{one[16:20]}-{one[20:]}" for one in found]


def _version_7(milliseconds: int, noise: bytes) -> int:
    value = _sequence.next(milliseconds, int.from_bytes(noise))
    milliseconds, rest = value >> 74, value & _RANDOM_BITS
    return milliseconds << 80 | 0x7 << 76 | rest >> 62 << 64 | 0b10 << 62 | rest & (1 << 62) - 1
