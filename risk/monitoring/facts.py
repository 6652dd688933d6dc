"""What is known of a line at the end of a day: read through the facades and from what was heard, set-wise."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from risk.learning import facade as learning
from risk.learning.facade import BookSample
from risk.monitoring import queries
from risk.monitoring.limits import REFERENCE_DAYS
from risk.scoring import facade as scoring
from risk.scoring.facade import Decided, ModelView, Scorer

WINDOW_DAYS = 30
DECISIONS_MAX = 100_000
FEATURE_ROWS_MAX = 5_000  # decisions whose inputs are opened: each under its person's own key
OUTCOMES_MAX = 100_000
BOOK_ROWS_MAX = 20_000

Scope = Callable[[], AbstractContextManager[None]]
Values = dict[str, float | str | None]


@dataclass(frozen=True, slots=True)
class ScoredLoan:
    """A loan that turned out good or bad, and the decision that it rests on. `institution_id`: whose loan it is."""

    decided: Decided
    is_bad: bool
    opened_on: date
    institution_id: UUID | None


@dataclass(frozen=True, slots=True)
class Answered:
    """A lender's last answer to a referral, approve or decline, beside what had been recommended."""

    institution_id: UUID
    grade: str
    recommended: str
    answer: str


@dataclass(frozen=True, slots=True)
class LineFacts:
    """All of it. `decided` is of the window, `before` of the months before it; both the newest first.

    `overturned` are the refusals of the line that a person overturned.
    """

    model: ModelView
    scorer: Scorer
    decided: list[Decided]
    before: list[Decided]
    values: dict[UUID, Values]
    loans: list[ScoredLoan]
    answers: list[Answered]
    overturned: frozenset[UUID] = frozenset()
    books: list[BookSample] = field(default_factory=list)

    def institutions(self) -> list[UUID | None]:
        """Whose figures there are: the owner's of a line of its own, else the whole platform's and each lender's."""
        if self.model.institution_id is not None:
            return [self.model.institution_id]
        rows: list[Sequence[Decided | ScoredLoan | Answered]] = [self.decided, self.loans, self.answers]
        known = {row.institution_id for part in rows for row in part if row.institution_id is not None}
        return [None, *sorted(known)]

    def is_of(self, institution_id: UUID | None, slice_of: UUID | None) -> bool:
        """Whether a row of one institution belongs to the slice of another, or of all."""
        return slice_of in (None, self.model.institution_id) or institution_id == slice_of


def end_of(day: date) -> datetime:
    """The moment at which a day (UTC) is over."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=UTC)


def gather(model: ModelView, *, day: date, scope: Scope) -> LineFacts:
    """Read everything, each part in a transaction of its own."""
    until = end_of(day)
    since = until - timedelta(days=WINDOW_DAYS)
    with scope():
        scorer = scoring.scorer(version_id=model.version_id)
        found = _decisions(model, since - timedelta(days=REFERENCE_DAYS), until)
    decided = [one for one in found if one.at >= since]
    with scope():
        mine = [one.id for one in decided if one.version_id == model.version_id]
        values = scoring.decided_values(decision_ids=mine[:FEATURE_ROWS_MAX])
    with scope():
        loans = list(_loans(model, until))
    with scope():
        overturned = scoring.overturned(line_id=model.line_id, until=until)
        answers = list(_answers(model, since, until, overturned))
    with scope():
        samples = learning.book_samples(
            line_id=model.line_id, run_id=model.run_id, until=until, limit=BOOK_ROWS_MAX
        )  # fmt: skip
        books = list(samples)
    return LineFacts(model, scorer, decided, found[len(decided) :], values, loans, answers, overturned, books)


def _decisions(model: ModelView, since: datetime, until: datetime) -> list[Decided]:
    found = scoring.decisions(line_id=model.line_id, since=since, until=until, limit=DECISIONS_MAX)
    invented = queries.sandboxes() if model.institution_id is None else frozenset()
    return [one for one in found if one.institution_id not in invented]


def _loans(model: ModelView, until: datetime) -> Iterator[ScoredLoan]:
    outcomes = learning.line_outcomes(line_id=model.line_id, until=until, limit=OUTCOMES_MAX)
    decided = _by_id(model, [one.decision_id for one in outcomes])
    for one in outcomes:
        if found := decided.get(one.decision_id):
            yield ScoredLoan(found, one.is_bad, one.opened_on, one.lender_id or found.institution_id)


def _answers(model: ModelView, since: datetime, until: datetime, overturned: frozenset[UUID]) -> Iterator[Answered]:
    heard = queries.last_answers(since=since, until=until, limit=DECISIONS_MAX)
    decided = _by_id(model, [one.decision_id for one in heard])
    for one in heard:
        found = decided.get(one.decision_id)
        # There, and where a person overturned a refusal, a lender was asked to judge by himself.
        if found is not None and found.action != "review" and found.id not in overturned:
            yield Answered(one.institution_id, found.grade, found.action, one.answer)


def _by_id(model: ModelView, ids: Sequence[UUID]) -> dict[UUID, Decided]:
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
    found: dict[UUID, Decided] = {}
    for start in range(0, len(ids), 10_000):
        part = ids[start : start + 10_000]
        rows = scoring.decisions(line_id=model.line_id, since=first, until=last, limit=len(part), ids=part)
        found |= {one.id: one for one in rows}
    return found
