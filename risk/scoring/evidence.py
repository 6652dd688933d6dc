"""What a decision knows from others than the person himself, and what it did without. Pure."""

from collections.abc import Collection
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from risk.features.facade import SANCTIONS_HIT

Why = Literal[
    "no_record", "timed_out", "unavailable", "unusable", "no_consent", "not_permitted", "not_asked"
]  # fmt: skip


class Used(msgspec.Struct, frozen=True):
    """A source that answered: which values came from it (by name), and as of when."""

    source: str
    kind: str
    inquiry_id: UUID
    as_of: datetime
    values: tuple[str, ...]


class Without(msgspec.Struct, frozen=True):
    """A source whose answer was not there, and why."""

    source: str
    why: Why


class Evidence(msgspec.Struct, frozen=True):
    """What sources gave to a decision. `facts`, such as `sanctions_hit`, enter no score: a person looks at them."""

    used: tuple[Used, ...] = ()
    without: tuple[Without, ...] = ()
    facts: tuple[str, ...] = ()

    def entered(self, taken: Collection[str], refused: Collection[str]) -> "Evidence":
        """Return the same with the values alone that entered the decision; the `refused` would not do."""
        used = tuple(
            msgspec.structs.replace(one, values=tuple(name for name in one.values if name in taken))
            for one in self.used
        )  # fmt: skip
        bad = [Without(one.source, "unusable") for one in self.used if set(one.values) & set(refused)]
        return Evidence(used, (*self.without, *bad), self.facts)


def held(action: str, evidence: Evidence | None) -> str:
    """Return the recommended action: who may stand on a sanctions list is never approved by a score alone."""
    hit = evidence is not None and SANCTIONS_HIT in evidence.facts
    return "review" if hit and action == "approve" else action
