"""Identifiers in the order of their making: UUID version 7 (RFC 9562 section 5.7), made in Python."""

import os
from uuid import UUID

from hub.clock import now


def uuid7() -> UUID:
    """Return a UUIDv7: 48 bits of Unix time in milliseconds, then 74 random bits."""
    milliseconds = int(now().timestamp() * 1000)
    noise = int.from_bytes(os.urandom(10))
    value = milliseconds << 80 | 0x7 << 76 | (noise >> 62 & 0xFFF) << 64 | 0b10 << 62 | noise & (1 << 62) - 1
    return UUID(int=value)
