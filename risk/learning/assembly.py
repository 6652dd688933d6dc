"""From the label ledger to the table that learners read: every matured label once, by book and line."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from risk.features.facade import Feature, Mapping
from risk.learning.fit.frame import Column, Frame, Labels
from risk.learning.fit.recipe import canonical, digest
from risk.learning.models import LabelEntry, LoanBook

CHUNK_ROWS = 5_000
ROWS_MIN = 100
CLASS_ROWS_MIN = 10

Scope = Callable[[], AbstractContextManager[None]]


class NothingToLearn(Exception):
    """The books do not make a training set; the text says why."""


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """A frame with its labels (int8, 1 = bad) and, where all books have dates, days since 0001-01-01 as `time`.

    Left out are `immature` labels and `repeated` accounts, of which the last line counts.
    """

    frame: Frame
    labels: Labels
    time: NDArray[np.float64] | None
    immature: int
    repeated: int

    def sha256(self) -> str:
        """A digest of the books' layout that goes into the artefact."""
        return digest(canonical([[f.name, f.kind, f.unit, f.direction] for f in self.frame.features]))


def assemble(books: Sequence[LoanBook], *, scope: Scope, check: Callable[[], None]) -> TrainingSet:
    """Open the ledger of some books of one line into a training set; `check` is called before each chunk.

    Raises NothingToLearn where the books differ in what they hold or hold too little, Erased where a key is gone.
    """
    mappings = [book.mapping for book in books]
    features = _common_features(books, mappings)
    with scope():
        matured = [book.entries.filter(LabelEntry.MATURED).count() for book in books]
    rows = sum(matured)
    columns = {feature.name: _empty(feature, rows) for feature in features}
    labels = np.zeros(rows, dtype=np.int8)
    days = np.zeros(rows, dtype=np.float64)
    references: list[bytes | None] = []
    for book, mapping in zip(books, mappings, strict=True):
        places = _places(mapping, features)
        for chunk in _chunks(book, scope):
            check()
            _fill(chunk, book, places, columns, labels, days, references)
    if len(references) != rows:
        raise NothingToLearn("The label ledger changed while it was read: train again.")
    kept = _last_of_each(references)
    time = days[kept] if all(mapping.has_time for mapping in mappings) else None
    found = TrainingSet(
        Frame(features, columns).take(kept), labels[kept], time,
        immature=sum(book.rows for book in books) - rows, repeated=rows - len(kept),
    )  # fmt: skip
    _check_size(found)
    return found


def _common_features(books: Sequence[LoanBook], mappings: Sequence[Mapping]) -> tuple[Feature, ...]:
    if not books:
        raise NothingToLearn("The line has no book that is fully read: import one first.")
    first = mappings[0]
    for book, mapping in zip(books[1:], mappings[1:], strict=True):
        for what, ours, theirs in _facts(first, mapping):
            if ours != theirs:
                raise NothingToLearn(f"The books {books[0]} and {book} differ in {what}: give each a line of its own.")
    return first.training_features


def _facts(one: Mapping, other: Mapping) -> Iterator[tuple[str, Any, Any]]:
    yield "currency", one.currency, other.currency
    yield "the label's version", one.label.version, other.label.version
    yield "the label's window", one.label.window_months, other.label.window_months
    yield "their features", set(one.training_features), set(other.training_features)


def _places(mapping: Mapping, features: Sequence[Feature]) -> list[tuple[str, int]]:
    """The name of each feature, and where its value stands among the kept ones."""
    kept = {column.feature_name: place for place, column in enumerate(mapping.kept_columns)}
    return [(feature.name, kept[feature.name]) for feature in features]


def _empty(feature: Feature, rows: int) -> Column:
    if feature.kind == "number":
        return np.full(rows, np.nan, dtype=np.float64)
    return np.full(rows, None, dtype=object)


# As the driver gives them, line number, is bad, day, reference index, sealed values.
_Entry = tuple[int, bool, date | None, bytes | memoryview | None, bytes | memoryview]


def _chunks(book: LoanBook, scope: Scope) -> Iterator[list[_Entry]]:
    last = 0
    while True:
        with scope():
            found = book.entries.filter(LabelEntry.MATURED, line_no__gt=last).order_by("line_no")
            chunk = list(found.values_list("line_no", "is_bad", "opened_on", "reference_index", "sealed")[:CHUNK_ROWS])
        if not chunk:
            return
        yield chunk
        last = chunk[-1][0]


def _fill(
    chunk: Sequence[_Entry],
    book: LoanBook,
    places: Sequence[tuple[str, int]],
    columns: dict[str, Column],
    labels: Labels,
    days: NDArray[np.float64],
    references: list[bytes | None],
) -> None:
    start = len(references)
    rows = slice(start, start + len(chunk))
    values = [_opened(book, line_no, sealed) for line_no, _, _, _, sealed in chunk]
    for name, place in places:
        # A missing number is None here and NaN in a column of floats.
        columns[name][rows] = [row[place] for row in values]
    labels[rows] = [is_bad for _, is_bad, _, _, _ in chunk]
    days[rows] = [day.toordinal() if day else 0 for _, _, day, _, _ in chunk]
    references.extend(bytes(index) if index else None for _, _, _, index, _ in chunk)


def _opened(book: LoanBook, line_no: int, sealed: bytes | memoryview) -> list[Any]:
    plain = book.key.open(bytes(sealed), place=LabelEntry.place(book.id, line_no))
    row: list[Any] = msgspec.json.decode(plain)
    return row


def _last_of_each(references: Sequence[bytes | None]) -> NDArray[np.intp]:
    """Rows to keep: those without an account reference, and the last one of each account."""
    last = {reference: row for row, reference in enumerate(references) if reference is not None}
    kept = [row for row, reference in enumerate(references) if reference is None or last[reference] == row]
    return np.array(kept, dtype=np.intp)


def _check_size(found: TrainingSet) -> None:
    bads = int(found.labels.sum())
    goods = len(found.labels) - bads
    if len(found.labels) < ROWS_MIN or min(bads, goods) < CLASS_ROWS_MIN:
        raise NothingToLearn(
            f"There are {goods} good and {bads} bad matured loans ({found.immature} more are not mature yet): "
            f"{ROWS_MIN} loans with {CLASS_ROWS_MIN} of each kind are the least."
        )
