"""The local provider: all four kinds of source without a network, for sandboxes and tests.

It knows the telephone numbers +852 5550 0000 to 9999 and nobody else. What it answers follows from a seed and the
person's key; the numbers of `HANDLES` show what may go wrong, those of `RECORDS` have the same values each time.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import sleep

from risk.features.sources.interface import (
    KINDS,
    PURPOSE_OF,
    SANCTIONS_HIT,
    Answer,
    NoRecord,
    SourceDown,
    SourceKind,
    Subject,
    Terms,
)

BLOCK = "+8525550"
# The last four digits: which kinds do what; the others answer as for any number of the block.
HANDLES: dict[str, tuple[str, tuple[SourceKind, ...]]] = {
    "0001": ("no_record", KINDS),
    "0002": ("slow", ("bureau",)),
    "0003": ("down", ("bureau",)),
    "0004": ("hit", ("sanctions",)),
    "0005": ("down", KINDS),
}
# Those whose values are not drawn: the best of each range, or the worst.
RECORDS = {"0004": "clean", "0006": "clean", "0007": "poor"}
# From, to, step: money in whole Hong Kong dollars (a month where it flows), utilisation in percent.
RANGES: dict[SourceKind, dict[str, tuple[int, int, int]]] = {
    "bureau": {
        "existing_debt": (0, 120_000, 1_000),
        "monthly_payments": (0, 6_000, 100),
        "card_utilisation": (0, 100, 1),
        "open_accounts": (1, 9, 1),
        "history_months": (6, 240, 1),
        "inquiries_6m": (0, 4, 1),
        "delinquencies_24m": (0, 2, 1),
    },
    "open_banking": {"essential_spending": (5_000, 18_000, 500)},
    "income": {"monthly_income": (12_000, 60_000, 500)},
    "sanctions": {},
}
_MORE_IS_SAFER = frozenset({"history_months", "monthly_income"})
COSTS_MINOR: dict[SourceKind, int] = {"bureau": 1_200, "open_banking": 300, "income": 500, "sanctions": 50}
FRESH_DAYS: dict[SourceKind, int] = {"bureau": 30, "open_banking": 7, "income": 30, "sanctions": 1}
TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class LocalSource:
    """One kind of the local provider."""

    kind: SourceKind
    seed: str = "luopan"

    @property
    def terms(self) -> Terms:
        """Invented prices, in Hong Kong cents; soft inquiries."""
        return Terms(
            name=f"local-{self.kind.replace('_', '-')}",
            kind=self.kind,
            purposes=frozenset({PURPOSE_OF[self.kind]}),
            inquiry="soft",
            cost_minor=COSTS_MINOR[self.kind],
            currency="HKD",
            timeout_s=TIMEOUT_S,
            fresh_for=timedelta(days=FRESH_DAYS[self.kind]),
            supplies=frozenset(RANGES[self.kind]),
        )

    def covers(self, subject: Subject) -> bool:
        """Know the numbers of the block alone."""
        return subject.phone.startswith(BLOCK) and len(subject.phone) == len(BLOCK) + 4

    def ask(self, subject: Subject, *, timeout_s: float, now: datetime) -> Answer:
        """Answer what follows from seed and key, or do what the number stands for."""
        deed, kinds = HANDLES.get(subject.phone[-4:], ("", ()))
        if self.kind not in kinds:
            deed = ""
        if deed == "no_record":
            raise NoRecord
        if deed == "down":
            raise SourceDown
        if deed == "slow":
            sleep(2 * timeout_s)
        values = {name: self._value(subject, name) for name in RANGES[self.kind]}
        reference = f"local-{self._number(subject, '') % 10**8:08d}"
        return Answer(values, now, reference, (SANCTIONS_HIT,) if deed == "hit" else ())

    def _value(self, subject: Subject, name: str) -> int:
        low, high, step = RANGES[self.kind][name]
        record = RECORDS.get(subject.phone[-4:])
        if record is None:
            return low + step * (self._number(subject, name) % ((high - low) // step + 1))
        return high if (name in _MORE_IS_SAFER) == (record == "clean") else low

    def _number(self, subject: Subject, name: str) -> int:
        said = f"{self.seed}|{self.kind}|{subject.key}|{name}"
        return int.from_bytes(hashlib.sha256(said.encode()).digest()[:8])


def local_sources(seed: str = "luopan") -> tuple[LocalSource, ...]:
    """Return the local provider, one source of each kind; as an entry of LUOPAN_SOURCES its name serves too."""
    return tuple(LocalSource(kind, seed) for kind in KINDS)
