"""Set-wise reads for those who watch the models: outcomes of a line, and samples of its books."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Func, Max

from risk.features.facade import GroupColumn, stored_mapping
from risk.learning import queries
from risk.learning.facts import BookSample, LoanOutcome
from risk.learning.models import LabelEntry, LoanBook, OutcomeEntry, TrainingRun


def line_outcomes(*, line_id: UUID, until: datetime, limit: int) -> list[LoanOutcome]:
    """The newest good and bad outcomes of a line that count and were in the ledger before `until`. Platform scope."""
    known = OutcomeEntry.objects.filter(line_id=line_id, recorded_at__lt=until)
    last = known.aggregate(last=Max("id"))["last"] or 0
    rows = OutcomeEntry.counting(line_id=line_id, until=last).filter(label__in=[OutcomeEntry.GOOD, OutcomeEntry.BAD])
    found = rows.order_by("-id").values_list("loan_id", "decision_id", "label", "opened_on", "lender_id")[:limit]
    return [LoanOutcome(one[0], one[1], one[2] == OutcomeEntry.BAD, *one[3:]) for one in found]


def book_samples(*, line_id: UUID, run_id: UUID, until: datetime, limit: int) -> Iterator[BookSample]:
    """Samples of the books of a line that were read before `until`, `limit` rows of each at most. Platform scope.

    `run_id`: the training of the version that is asked about. A book whose key is gone is left out.
    """
    learned = TrainingRun.objects.filter(id=run_id).values_list("book_ids", flat=True).first() or []
    for book in queries.read_books(line_id=line_id):
        if book.finished_at is not None and book.finished_at < until and book.key.erased_at is None:
            yield _sample(book, limit, learned=str(book.id) in learned)


def _sample(book: LoanBook, limit: int, *, learned: bool) -> BookSample:
    mapping = stored_mapping(book.mapping_json)
    # By a hash of their numbers: every so many-th line would meet whatever repeats in a file.
    drawn = book.entries.filter(LabelEntry.MATURED).order_by(Func("line_no", function="hashint4"), "line_no")[:limit]
    found = list(drawn.values_list("line_no", "is_bad", "opened_on", "sealed"))
    rows = [_opened(book, line_no, sealed) for line_no, _, _, sealed in found]
    columns = {column.feature_name: [row[at] for row in rows] for at, column in enumerate(mapping.kept_columns)}
    groups = [
        GroupColumn(
            column.feature_name, column.kind, column.full_unit, column.basis, columns[column.feature_name],
            protected=column.is_protected,
        )
        for column in mapping.group_columns
    ]  # fmt: skip
    known = {feature.name: columns[feature.name] for feature in mapping.training_features}
    return BookSample(known, groups, [one[1] for one in found], [one[2] for one in found], learned)


def _opened(book: LoanBook, line_no: int, sealed: Any) -> list[Any]:
    row: list[Any] = msgspec.json.decode(book.key.open(bytes(sealed), place=LabelEntry.place(book.id, line_no)))
    return row
