"""One dated entry of the rulebook, and which one holds where and when."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

ANYWHERE = "*"  # where no entry names the jurisdiction

Rule = TypeVar("Rule")


class NoReviewedEntry(ValueError):
    """No reviewed entry holds there and then."""


@dataclass(frozen=True, slots=True)
class Entry(Generic[Rule]):
    """What holds in a jurisdiction (ISO 3166-1, or ANYWHERE) from a day on.

    `read_on`: the day on which a person read the text that `source` names; None: nobody has, and it cannot go live.
    """

    jurisdiction: str
    since: date
    rule: Rule
    source: str
    read_on: date | None


def in_force(entries: Iterable[Entry[Rule]], *, jurisdiction: str, on: date) -> Entry[Rule]:
    """Return the newest reviewed entry of a jurisdiction that holds on a day.

    A jurisdiction with entries of its own never falls back on those of anywhere: without a reviewed one,
    `NoReviewedEntry`.
    """
    known = list(entries)
    own = [one for one in known if one.jurisdiction == jurisdiction]
    found = own or [one for one in known if one.jurisdiction == ANYWHERE]
    holding = [one for one in found if one.since <= on and one.read_on is not None]
    if not holding:
        raise NoReviewedEntry(f"The rulebook has no reviewed entry for {jurisdiction} on {on}: have one reviewed.")
    return max(holding, key=lambda one: one.since)
