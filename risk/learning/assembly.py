"""From the label ledger to the table that learners read: every matured label once, by book and line, then outcomes."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from risk.features.facade import Feature, Mapping, NotAdmitted, admitted
from risk.learning.fit.frame import Column, Frame, Labels
from risk.learning.fit.recipe import canonical, digest
from risk.learning.hold_models import Range
from risk.learning.ledger import BookLabels, Known, OutcomeLabels, Scope, Source
from risk.learning.models import LoanBook

ROWS_MIN = 100
CLASS_ROWS_MIN = 10


class NothingToLearn(Exception):
    """The books do not make a training set; the text says why."""


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """A frame with its labels (int8, 1 = bad) and, where all books have dates, days since 0001-01-01 as `time`.

    The rows of books come first, then `outcomes` rows of the platform's own loans. `fresh` are the rows of labels that
    no earlier version of the line knew, `lenders` (UUID or None) who reported them. `let_in` outcomes are of borrowers
    whom a lender's random arm let in: they count like all others, for what was decided by is known. Left out are
    `immature` labels, `repeated` accounts, of which the last line counts, and `erased` outcomes.
    """

    frame: Frame
    labels: Labels
    time: NDArray[np.float64] | None
    fresh: NDArray[np.bool_]
    lenders: NDArray[np.object_]
    immature: int
    repeated: int
    outcomes: int = 0
    erased: int = 0
    let_in: int = 0

    def sha256(self) -> str:
        """A digest of the books' layout that goes into the artefact."""
        return digest(canonical([[f.name, f.kind, f.unit, f.direction] for f in self.frame.features]))


def assemble(
    books: Sequence[LoanBook],
    *,
    scope: Scope,
    check: Callable[[], None],
    outcomes_until: int = 0,
    as_of: date | None = None,
    earlier: Known = Known(),
    held: Sequence[Range] = (),
    approved: Collection[str] = (),
) -> TrainingSet:
    """Open the ledger of some books of one line, and its outcomes up to an entry, into a training set.

    With `as_of` only what was known on that day counts; `earlier` is what earlier versions knew, `held` the outcomes to
    leave out, `approved` the proxies that may enter. `check` is called before each chunk. Raises NothingToLearn where
    the books differ in what they hold, hold too little, or hold what may not be learned from, Erased where a book's key
    is gone.
    """
    mappings = [book.mapping for book in books]
    features = _common_features(books, mappings, approved)
    with scope():
        sources: list[Source] = [
            BookLabels(book, mapping, features, scope, as_of, earlier)
            for book, mapping in zip(books, mappings, strict=True)
        ]
        label, line_id = mappings[0].label, books[0].line_id
        outcomes = OutcomeLabels(line_id, label, features, scope, outcomes_until, as_of, earlier, held)
    columns, labels, days, references, fresh, lenders = _filled([*sources, outcomes], features, check)
    kept = _last_of_each(references)
    found = TrainingSet(
        Frame(features, columns).take(kept), labels[kept],
        days[kept] if all(mapping.has_time for mapping in mappings) else None, np.array(fresh, dtype=np.bool_)[kept],
        np.array(lenders, dtype=object)[kept],
        immature=sum(source.immature for source in sources), repeated=len(references) - len(kept),
        outcomes=outcomes.rows, erased=outcomes.erased, let_in=outcomes.let_in,
    )  # fmt: skip
    _check_size(found)
    return found


def _common_features(
    books: Sequence[LoanBook], mappings: Sequence[Mapping], approved: Collection[str]
) -> tuple[Feature, ...]:
    if not books:
        raise NothingToLearn("The line has no book that is fully read: import one first.")
    first = mappings[0]
    for book, mapping in zip(books[1:], mappings[1:], strict=True):
        for what, ours, theirs in _facts(first, mapping):
            if ours != theirs:
                raise NothingToLearn(f"The books {books[0]} and {book} differ in {what}: give each a line of its own.")
    try:
        return admitted(first, approved=approved)
    except NotAdmitted as error:
        raise NothingToLearn(str(error)) from error


def _facts(one: Mapping, other: Mapping) -> Iterator[tuple[str, Any, Any]]:
    yield "currency", one.currency, other.currency
    yield "the label's version", one.label.version, other.label.version
    yield "the label's window", one.label.window_months, other.label.window_months
    yield "their features", set(one.training_features), set(other.training_features)


def _filled(
    sources: Sequence[Source], features: Sequence[Feature], check: Callable[[], None]
) -> tuple[dict[str, Column], Labels, NDArray[np.float64], list[bytes | None], list[bool], list[UUID | None]]:
    rows = sum(source.rows for source in sources)
    columns = {feature.name: _empty(feature, rows) for feature in features}
    labels, days = np.zeros(rows, dtype=np.int8), np.zeros(rows, dtype=np.float64)
    references: list[bytes | None] = []
    fresh: list[bool] = []
    lenders: list[UUID | None] = []
    for chunk in chain.from_iterable(source.chunks() for source in sources):
        check()
        part = slice(len(references), len(references) + len(chunk))
        for at, feature in enumerate(features):
            # A missing number is None here and NaN in a column of floats.
            columns[feature.name][part] = [line.values[at] for line in chunk]
        labels[part] = [line.is_bad for line in chunk]
        days[part] = [line.day for line in chunk]
        references.extend(line.reference for line in chunk)
        fresh.extend(line.fresh for line in chunk)
        lenders.extend(line.lender for line in chunk)
    if len(references) != rows:
        raise NothingToLearn("The label ledger changed while it was read: train again.")
    return columns, labels, days, references, fresh, lenders


def _empty(feature: Feature, rows: int) -> Column:
    if feature.kind == "number":
        return np.full(rows, np.nan, dtype=np.float64)
    return np.full(rows, None, dtype=object)


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
