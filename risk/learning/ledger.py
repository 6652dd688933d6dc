"""The label ledger, read in order: lines of loan books, and outcomes of the platform's own loans."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from uuid import UUID

import msgspec
from django.conf import settings
from django.db.models import Q, QuerySet

from risk.features.facade import Feature, LabelDefinition, Mapping
from risk.learning.hold_models import Range, within
from risk.learning.models import LabelEntry, LoanBook, OutcomeEntry

CHUNK_ROWS = 5_000

Scope = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Known:
    """What earlier versions of a line have learned from, or were judged by: labels observed by `as_of` (None: all)."""

    book_ids: frozenset[UUID] = frozenset()
    outcomes_until: int = 0
    as_of: date | None = None

    def observed(self, day: date) -> bool:
        """Whether a label that was observed on this day was known."""
        return self.as_of is None or day <= self.as_of


@dataclass(frozen=True, slots=True)
class Line:
    """One label: the values of the features in their order, is bad, day or 0, account reference, whether it is new.

    `lender`: who reported it, of the platform's own loans.
    """

    values: list[Any]
    is_bad: bool
    day: int
    reference: bytes | None
    fresh: bool
    lender: UUID | None = None


class Source(Protocol):
    """Labels of one origin, in an order that does not change. Rows that it leaves out are counted."""

    rows: int
    immature: int
    erased: int

    def chunks(self) -> Iterator[list[Line]]:
        """Yield all of them."""


class BookLabels:
    """The matured lines of one book, with `as_of` those that had matured and were looked up by that day."""

    erased = 0  # a book's key that is gone is an error

    def __init__(
        self,
        book: LoanBook,
        mapping: Mapping,
        features: Sequence[Feature],
        scope: Scope,
        as_of: date | None,
        earlier: Known,
    ) -> None:
        kept = {column.feature_name: place for place, column in enumerate(mapping.kept_columns)}
        self._places = [kept[feature.name] for feature in features]
        self._book, self._scope, self._earlier = book, scope, earlier
        self._known = LabelEntry.MATURED & (Q(observed_on__lte=as_of) if as_of else Q())
        self.rows = self._entries().count()
        self.immature = book.rows - self.rows

    def _entries(self) -> QuerySet[LabelEntry]:
        return self._book.entries.filter(self._known)

    def chunks(self) -> Iterator[list[Line]]:
        """Yield all of them, by line."""
        last = 0
        while True:
            with self._scope():
                found = self._entries().filter(line_no__gt=last).order_by("line_no")[:CHUNK_ROWS]
                names = ("line_no", "is_bad", "opened_on", "reference_index", "sealed", "observed_on")
                entries = list(found.values_list(*names))
            if not entries:
                return
            yield [self._line(*entry) for entry in entries]
            last = entries[-1][0]

    def _line(
        self, line_no: int, is_bad: bool, day: date | None, reference: Any, sealed: Any, observed_on: date
    ) -> Line:
        plain = self._book.key.open(bytes(sealed), place=LabelEntry.place(self._book.id, line_no))
        row: list[Any] = msgspec.json.decode(plain)
        values = [row[place] for place in self._places]
        account = settings.SECRETS.index.longest.lift(bytes(reference)) if reference else None
        known = self._book.id in self._earlier.book_ids and self._earlier.observed(observed_on)
        return Line(values, is_bad, day.toordinal() if day else 0, account, not known)


class OutcomeLabels:
    """The good and bad outcomes of a line under one definition, up to an entry; none where books have no window.

    Those in the ranges `held` are left out.
    """

    immature = 0  # none enters before its window has closed

    def __init__(
        self,
        line_id: UUID,
        label: LabelDefinition,
        features: Sequence[Feature],
        scope: Scope,
        until: int,
        as_of: date | None,
        earlier: Known,
        held: Sequence[Range],
    ) -> None:
        self._names = [feature.name for feature in features]
        self._scope, self._earlier = scope, earlier
        counting = OutcomeEntry.counting(line_id=line_id, until=until, as_of=as_of)
        self._all = counting.filter(
            definition_version=label.version, window_months=label.window_months or 0,
            label__in=[OutcomeEntry.GOOD, OutcomeEntry.BAD],
        ).exclude(within(held))  # fmt: skip
        self.rows = self._readable().count()
        self.erased = self._all.count() - self.rows
        self.let_in = self._readable().filter(propensity__lt=1).count()

    def _readable(self) -> QuerySet[OutcomeEntry]:
        return self._all.filter(key__erased_at=None)

    def chunks(self) -> Iterator[list[Line]]:
        """Yield all of them, in the order of their coming."""
        last = 0
        while True:
            with self._scope():
                found = self._readable().filter(id__gt=last).select_related("key").order_by("id")
                entries = list(found[:CHUNK_ROWS])
            if not entries:
                return
            yield [self._line(entry) for entry in entries]
            last = entries[-1].id

    def _line(self, entry: OutcomeEntry) -> Line:
        known: dict[str, Any] = msgspec.json.decode(entry.key.open(bytes(entry.sealed), place=entry.place))
        values = [known.get(name) for name in self._names]
        earlier = entry.id <= self._earlier.outcomes_until and self._earlier.observed(entry.observed_on)
        return Line(
            values, entry.label == OutcomeEntry.BAD, entry.opened_on.toordinal(), None, not earlier, entry.lender_id
        )
