"""What other apps may use of `learning`: books in, trainings through, by callers that open scopes of their own."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hub.audit import Actor
from hub.metrics import Gauge
from risk.learning import queries, reading, services, shipped
from risk.learning.demo_book import demo_csv
from risk.learning.flows import RUN

Scope = Callable[[], AbstractContextManager[None]]
Clock = Callable[[], datetime]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class BookTaken:
    """What came of a book."""

    id: UUID
    rows: int
    damaged_lines: int


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of a training: the version, or the failure in words."""

    version_id: UUID | None
    failure: str


def generated_book(*, rows: int, seed: int) -> Iterator[bytes]:
    """Yield the CSV of an invented consumer book, for the mapping `demo_consumer`."""
    return (line.encode() for line in demo_csv(rows=rows, seed=seed))


def take_book(
    *,
    chunks: Iterable[bytes],
    mapping: str,
    line_name: str,
    institution_id: UUID | None,
    scope: Scope,
    clock: Clock,
    actor: Actor,
    say: Say,
) -> BookTaken:
    """Register a book under a shipped mapping and read it to its end; begun again, it goes on where it was."""
    with scope():
        found = services.register_book(
            chunks=chunks, mapping_text=shipped.mapping_text(mapping), line_name=line_name,
            institution_id=institution_id, actor=actor, now=clock(),
        )  # fmt: skip
    book = reading.read_book(
        book_id=found.book.id, scope=scope, clock=clock, actor=actor,
        progress=lambda seen: say(f"{seen.lines_done} lines"),
    )  # fmt: skip
    return BookTaken(book.id, book.rows, book.damaged_lines)


def train_line(
    *, line_id: UUID, requested_by: UUID | None, scope: Scope, clock: Clock, actor: Actor, say: Say
) -> Trained:
    """Train a line now, or go on with its unfinished training."""
    from risk.learning import training  # here, so that who only takes books does without scikit-learn

    with scope():
        run = services.resume_or_request_training(line_id=line_id, requested_by=requested_by, actor=actor, now=clock())
    done = training.train(
        run_id=run.id, scope=scope, clock=clock, actor=actor, progress=lambda seen: say(f"{seen.percent} % {seen.step}")
    )
    return Trained(done.version_id, done.failure)


def training_gauges() -> list[Gauge]:
    """Return the number of trainings in each state, for the metrics page; platform scope."""
    counts = queries.run_counts()
    return [Gauge("training_runs", "Trainings by state.", counts.get(name, 0), {"state": name}) for name in RUN.states]
