"""What others read of labels, many at once: plain values, no rows."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from risk.features.facade import GroupColumn


@dataclass(frozen=True, slots=True)
class LoanOutcome:
    """How a loan of the platform turned out, good or bad, which decision it rests on, and who reports of it."""

    loan_id: UUID
    decision_id: UUID
    is_bad: bool
    opened_on: date
    lender_id: UUID | None


@dataclass(frozen=True, slots=True)
class BookSample:
    """Matured rows of a loan book, evenly drawn: features by name, groups, outcomes and (where known) days.

    `learned`: the version that was asked about has learned from this book.
    """

    columns: dict[str, list[Any]]
    groups: list[GroupColumn]
    labels: list[bool]
    opened_on: list[date | None]
    learned: bool
