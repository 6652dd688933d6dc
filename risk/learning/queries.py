"""Reads of books, problems, labels and trainings, in the open scope."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from django.db.models import Count, F, Max, Q, QuerySet

from hub.errors import NotFound
from risk.learning.hold_models import Range, within
from risk.learning.ledger import Known
from risk.learning.models import BookProblem, LabelEntry, LabelHold, LoanBook, OutcomeEntry, TrainingRun


def books(*, line_id: UUID | None = None) -> QuerySet[LoanBook]:
    """The books of the scope with their lines, newest first."""
    found = LoanBook.objects.select_related("line")
    return found.filter(line_id=line_id) if line_id else found


def book_by_id(*, book_id: UUID) -> LoanBook:
    """Return a book; `NotFound` for an unknown one, which another institution's is too."""
    book = books().filter(id=book_id).first()
    if book is None:
        raise NotFound("There is no such loan book.")
    return book


def same_book(*, institution_id: UUID | None, line_id: UUID, file_sha256: str, mapping_sha256: str) -> LoanBook | None:
    """The book of this file and mapping that was not refused, if it came before."""
    found = LoanBook.objects.exclude(state="refused").filter(institution_id=institution_id, line_id=line_id)
    return found.filter(file_sha256=file_sha256, mapping_sha256=mapping_sha256).first()


def read_books(*, line_id: UUID) -> list[LoanBook]:
    """The fully read books of a line in the order of their coming, with their keys."""
    found = LoanBook.objects.filter(line_id=line_id, state="read").select_related("key")
    return list(found.order_by("created_at", "id"))


def problems(*, book_id: UUID) -> QuerySet[BookProblem]:
    """What was wrong with lines of a book, in the order of the file; `at` is the same for all of them."""
    found = BookProblem.objects.filter(book_id=book_id).annotate(at=F("book__created_at"))
    return found.order_by("at", "id")


def problem_counts(*, book_id: UUID) -> dict[str, int]:
    """How many of the kept problems of a book there are of each code."""
    found = BookProblem.objects.filter(book_id=book_id).values_list("code").annotate(count=Count("id")).order_by("code")
    return dict(found)


def ledger_counts(*, book_id: UUID) -> dict[str, int]:
    """Rows of a book in the label ledger: `rows`, `bads`, `immature`; platform scope."""
    found: dict[str, int] = LabelEntry.objects.filter(book_id=book_id).aggregate(
        rows=Count("id"), bads=Count("id", filter=Q(is_bad=True)), immature=Count("id", filter=~LabelEntry.MATURED)
    )
    return found


def outcomes_of(*, loan_id: UUID, definition_version: int) -> list[OutcomeEntry]:
    """What the label ledger has of a loan under a definition, the first revision first."""
    found = OutcomeEntry.objects.filter(loan_id=loan_id, definition_version=definition_version)
    return list(found.order_by("revision"))


def newest_outcome(*, line_id: UUID) -> int:
    """The id of the newest outcome entry of a line, 0 where there is none."""
    return OutcomeEntry.objects.filter(line_id=line_id).aggregate(newest=Max("id"))["newest"] or 0


def first_undecided(*, line_id: UUID, lender_id: UUID) -> int | None:
    """The lender's first outcome entry that no hold covers yet; None where one is open, or nothing came since."""
    holds = LabelHold.objects.filter(line_id=line_id, lender_id=lender_id)
    if holds.filter(state=LabelHold.OPEN).exists():
        return None
    decided = holds.aggregate(last=Max("last_entry"))["last"] or 0
    found = OutcomeEntry.objects.filter(line_id=line_id, lender_id=lender_id, id__gt=decided)
    return found.order_by("id").values_list("id", flat=True).first()


def overdue_holds(*, at: datetime) -> int:
    """How many holds have waited for a decision for too long."""
    return LabelHold.objects.filter(state=LabelHold.OPEN, due_at__lt=at).count()


def outcome_counts(*, line_id: UUID) -> dict[str, int]:
    """Outcomes of a line that count, by label; a label of none is left out. Platform scope."""
    found = OutcomeEntry.counting(line_id=line_id, until=newest_outcome(line_id=line_id)).order_by("label")
    return dict(found.values_list("label").annotate(count=Count("id")))


def runs(*, line_id: UUID | None = None) -> QuerySet[TrainingRun]:
    """The trainings of the scope with their lines, newest first."""
    found = TrainingRun.objects.select_related("line")
    return found.filter(line_id=line_id) if line_id else found


def run_counts() -> dict[str, int]:
    """Count the trainings of the scope by state; a state of none is left out."""
    return dict(TrainingRun.objects.order_by().values_list("state").annotate(count=Count("id")))


def run_by_id(*, run_id: UUID) -> TrainingRun:
    """Return a training; `NotFound` for an unknown one, which another institution's is too."""
    run = runs().filter(id=run_id).first()
    if run is None:
        raise NotFound("There is no such training.")
    return run


def known_before(*, run: TrainingRun) -> Known:
    """What the versions knew that the line's earlier trainings made."""
    earlier = list(TrainingRun.objects.filter(line_id=run.line_id, state="done", finished_at__lte=run.started_at))
    days = [one.as_of for one in earlier]
    return Known(
        book_ids=frozenset(UUID(book_id) for one in earlier for book_id in one.book_ids),
        outcomes_until=max((one.outcomes_until for one in earlier), default=0),
        as_of=None if None in days else max((day for day in days if day), default=None),
    )


def last_runs() -> list[TrainingRun]:
    """The newest training of each line that was ever trained."""
    return list(TrainingRun.objects.order_by("line_id", "-created_at", "-id").distinct("line_id"))


def last_run(*, line_id: UUID) -> TrainingRun | None:
    """The newest training of a line."""
    return TrainingRun.objects.filter(line_id=line_id).first()


def labels_since(*, run: TrainingRun, kept_out: Sequence[Range] = ()) -> tuple[int, int]:
    """Matured labels that a training did not have: of newer outcomes and of books that it did not read; rows, bads.

    Outcomes of the ranges `kept_out` do not count: no training reads them.
    """
    newest = newest_outcome(line_id=run.line_id)
    counting = OutcomeEntry.counting(line_id=run.line_id, until=newest).filter(id__gt=run.outcomes_until)
    outcomes = counting.exclude(within(kept_out))
    books = [book.id for book in read_books(line_id=run.line_id) if str(book.id) not in run.book_ids]
    entries = LabelEntry.objects.filter(LabelEntry.MATURED, book_id__in=books)
    bads = outcomes.filter(label=OutcomeEntry.BAD).count() + entries.filter(is_bad=True).count()
    goods = outcomes.filter(label=OutcomeEntry.GOOD).count() + entries.filter(is_bad=False).count()
    return goods + bads, bads


def waiting_run(*, line_id: UUID) -> TrainingRun | None:
    """The training of a line that waits for its first start."""
    return TrainingRun.objects.filter(line_id=line_id, state="queued", attempts=0).first()


def open_run(*, line_id: UUID, seed: int, recipe: dict[str, object], as_of: date | None) -> TrainingRun | None:
    """The newest training of these settings that waits or runs."""
    found = TrainingRun.objects.filter(line_id=line_id, seed=seed, recipe=recipe, as_of=as_of)
    return found.filter(finished_at=None).first()


def trainings_of(*, book: LoanBook) -> list[TrainingRun]:
    """The trainings of a book's line that were asked for since the book came, newest first; at most twenty."""
    return list(TrainingRun.objects.filter(line_id=book.line_id, created_at__gte=book.created_at)[:20])


def job(*, job_id: UUID) -> LoanBook | TrainingRun:
    """The book or the training behind a job; `NotFound` where there is none."""
    found = books().filter(id=job_id).first() or runs().filter(id=job_id).first()
    if found is None:
        raise NotFound("There is no such job.")
    return found
