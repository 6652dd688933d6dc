"""How much each client may ask in a minute and in a day: counted in this process's memory, told in the answers.

With several web processes each counts for itself and gives its share (LUOPAN_WEB_PROCESSES): so no request waits for
another process, and what the fields tell is what the process that answers will let through. A restart begins anew.
"""

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest

from hub.errors import TooMany

KEYS_MAX = 10_000
FIELDS = "luopan.limits"
"""Where, in the META of a request, its answer finds the fields to tell."""
_DAY_S = 86_400


@dataclass(frozen=True)
class Limits:
    """What one process lets through: a bucket that fills by `per_minute`, and where not 0 a budget for a day (UTC)."""

    per_minute: int
    per_day: int = 0

    @classmethod
    def shared(cls, per_minute: int, per_day: int = 0) -> "Limits":
        """Return one process's share of limits that hold for all web processes together; never nothing."""
        return cls(*(max(1, limit // settings.WEB_PROCESSES) if limit else 0 for limit in (per_minute, per_day)))

    @cached_property
    def policy(self) -> str:
        """The RateLimit-Policy field: quotas and windows in seconds (draft-ietf-httpapi-ratelimit-headers-10)."""
        day = f', "day";q={self.per_day};w={_DAY_S}' if self.per_day else ""
        return f'"minute";q={self.per_minute};w=60{day}'


class Standing(NamedTuple):
    """How a key stands after a request: the seconds to wait where it was too many (else 0), and the fields to tell."""

    wait_s: int
    fields: Mapping[str, str]


class Limiter:
    """What is left to each key. Safe for threads; of more than `keys_max` keys the longest unseen are forgotten."""

    def __init__(self, keys_max: int = KEYS_MAX) -> None:
        self._keys_max = keys_max
        self._accounts: OrderedDict[str, _Account] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._accounts)

    def spend(self, key: str, limits: Limits, *, now_s: float) -> Standing:
        """Take one request from what is left to a key. One that is refused takes nothing."""
        with self._lock:
            account = self._accounts.get(key)
            if account is None:
                account = self._accounts[key] = _Account(limits.per_minute, now_s)
                if len(self._accounts) > self._keys_max:
                    self._accounts.popitem(last=False)
            else:
                self._accounts.move_to_end(key)
            wait_s = account.spend(limits, now_s)
            left, used = account.left, account.used
        return Standing(wait_s, _fields(limits, left, used, now_s))


class _Account:
    """What is left in one key's bucket, and what it has used of its day."""

    __slots__ = ("day", "left", "seen_s", "used")

    def __init__(self, left: float, now_s: float) -> None:
        self.left, self.seen_s, self.day, self.used = left, now_s, now_s // _DAY_S, 0

    def spend(self, limits: Limits, now_s: float) -> int:
        # A clock that went back fills nothing, and is followed from there.
        filled = max(0.0, now_s - self.seen_s) * limits.per_minute / 60
        self.left, self.seen_s = min(limits.per_minute, self.left + filled), now_s
        if now_s // _DAY_S != self.day:
            self.day, self.used = now_s // _DAY_S, 0
        if limits.per_day and self.used >= limits.per_day:
            return _to_midnight(now_s)
        if self.left < 1:
            return max(1, math.ceil((1 - self.left) * 60 / limits.per_minute))
        self.left, self.used = self.left - 1, self.used + 1
        return 0


def _fields(limits: Limits, left: float, used: int, now_s: float) -> dict[str, str]:
    full_s = math.ceil((limits.per_minute - left) * 60 / limits.per_minute)
    day = f', "day";r={max(0, limits.per_day - used)};t={_to_midnight(now_s)}' if limits.per_day else ""
    return {"RateLimit-Policy": limits.policy, "RateLimit": f'"minute";r={int(left)};t={full_s}{day}'}


def _to_midnight(now_s: float) -> int:
    return math.ceil(_DAY_S - now_s % _DAY_S)


CLIENTS = Limiter()
TOKENS = Limiter()


def charge(request: HttpRequest, client_id: str, limits: Limits, *, now_s: float) -> None:
    """Take a request from what is left to a client and note the fields for its answer; `TooMany` if nothing is left."""
    standing = CLIENTS.spend(client_id, limits, now_s=now_s)
    request.META[FIELDS] = standing.fields
    if standing.wait_s:
        raise TooMany("Your limit is used up: wait as Retry-After says.", retry_after_s=standing.wait_s)
