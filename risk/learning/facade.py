"""What other apps may use of `learning`: books and outcomes in, trainings through; callers open the scopes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from hub.audit import Actor
from hub.clock import now as clock_now
from hub.metrics import Gauge
from risk.learning import agreements, monitored, outcomes, queries, reading, services, shipped
from risk.learning.demo_book import demo_csv
from risk.learning.facts import BookSample, LoanOutcome
from risk.learning.flows import RUN

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from risk.features.facade import Feature
    from risk.learning.glass_cost import GlassCost

Scope = Callable[[], AbstractContextManager[None]]
Clock = Callable[[], datetime]
Say = Callable[[str], None]
__all__ = [
    "BookSample", "BookTaken", "LoanOutcome", "Trained", "auc_interval", "auc_lost", "book_samples", "generated_book",
    "glass_cost", "line_outcomes", "psi", "ranking_power", "record_agreement", "record_outcome", "take_book",
    "train_line", "training_gauges",
]  # fmt: skip


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


def record_outcome(  # noqa: PLR0913 - the facts of one event
    *,
    sandbox: bool,
    loan_id: UUID,
    decision_id: UUID,
    label: str,
    definition_version: int,
    window_months: int,
    opened_on: date,
    observed_on: date,
    now: datetime,
    revision: int = 1,
    lender_id: UUID | None = None,
    propensity: Decimal = Decimal(1),
) -> bool:
    """Enter how a loan turned out into the label ledger of the line that decided on it. True if it is new.

    `label` is good, bad, indeterminate or excluded; only good and bad ones train. `lender_id`: who reports of the loan,
    `propensity`: the chance with which his random arm let the borrower in.
    `revision` is 1 at first and one more for each correction: the highest counts, whatever order they come in. The
    same again changes nothing; False also where the person was erased, and for the loan of a `sandbox` that another
    line than SANDBOX_LINE decided on. `NotFound` for an unknown decision, `Conflict` for a live loan that SANDBOX_LINE
    decided on, before the window of `window_months` has closed, for another content under a known revision, or a
    decision later than the loan. Platform scope.
    """
    return outcomes.record_outcome(
        sandbox=sandbox, loan_id=loan_id, decision_id=decision_id, label=label,
        definition_version=definition_version, window_months=window_months, opened_on=opened_on,
        observed_on=observed_on, revision=revision, lender_id=lender_id, propensity=propensity, now=now,
    )  # fmt: skip


def record_agreement(*, lender_id: UUID, reference: str, begins_on: date, actor: Actor, now: datetime) -> None:
    """Record that a lender agreed to data sharing: trainings of lines that all share read his outcomes then.

    The same again changes nothing. `Conflict` while another agreement of his is open. Platform scope.
    """
    agreements.record_agreement(lender_id=lender_id, reference=reference, begins_on=begins_on, actor=actor, now=now)


def glass_cost(*, samples: Sequence[BookSample], features: "Sequence[Feature]", seed: int) -> "GlassCost | None":
    """What keeping to a glass box costs in AUC on some loans, against a challenger without limits; None for too few."""
    from risk.learning.glass_cost import glass_cost as measured

    return measured(samples=samples, features=features, seed=seed)


def train_line(
    *,
    line_id: UUID,
    requested_by: UUID | None,
    scope: Scope,
    clock: Clock,
    actor: Actor,
    say: Say,
    seed: int = services.DEFAULT_SEED,
    recipe: dict[str, Any] | None = None,
    as_of: date | None = None,
) -> Trained:
    """Train a line now on its books and outcomes together, or go on with its unfinished training of these settings.

    `recipe` holds what differs from the usual, such as {"bags": 2}. With `as_of` only what was known that day counts.
    """
    from risk.learning import training  # here, so that who only takes books does without scikit-learn

    with scope():
        run = services.resume_or_request_training(
            line_id=line_id, requested_by=requested_by, actor=actor, now=clock(), seed=seed, recipe=recipe, as_of=as_of
        )
    done = training.train(
        run_id=run.id, scope=scope, clock=clock, actor=actor, progress=lambda seen: say(f"{seen.percent} % {seen.step}")
    )
    return Trained(done.version_id, done.failure)


def training_gauges() -> list[Gauge]:
    """Return the number of trainings in each state and of overdue holds, for the metrics page; platform scope."""
    counts, overdue = queries.run_counts(), queries.overdue_holds(at=clock_now())
    return [
        *(Gauge("training_runs", "Trainings by state.", counts.get(name, 0), {"state": name}) for name in RUN.states),
        Gauge("label_holds_overdue", "Held labels that were to be decided on by now.", overdue, {}),
    ]


def ranking_power(labels: Sequence[bool], scores: Sequence[float]) -> tuple[float, float]:
    """Return AUC and KS of scores (higher is riskier) against labels (True is bad). ValueError unless both occur."""
    from risk.learning.fit.metrics import auc, ks

    return auc(labels, scores), ks(labels, scores)


def line_outcomes(*, line_id: UUID, until: datetime, limit: int) -> list[LoanOutcome]:
    """Return the newest good and bad outcomes of a line that count and were known before `until`. Platform scope."""
    return monitored.line_outcomes(line_id=line_id, until=until, limit=limit)


def book_samples(*, line_id: UUID, run_id: UUID, until: datetime, limit: int) -> Iterator[BookSample]:
    """Yield samples of the books of a line that were read before `until`, `limit` rows each at most. Platform scope.

    `run_id`: the training of the version that is asked about: a book says whether it has learned from it.
    """
    return monitored.book_samples(line_id=line_id, run_id=run_id, until=until, limit=limit)


def psi(expected_shares: "ArrayLike", counts: "ArrayLike") -> float:
    """Return the population stability index of two populations over the same bins; ValueError for an empty one."""
    from risk.learning.fit import stability

    return stability.psi(expected_shares, counts)


def auc_interval(labels: Sequence[bool], scores: Sequence[float]) -> tuple[float, float, float]:
    """Return an AUC with its 95 % interval; ValueError unless there are two goods and two bads."""
    from risk.learning.fit.comparison import auc_estimate

    found = auc_estimate(labels, scores)
    return found.auc, found.lower_95, found.upper_95


def auc_lost(labels: Sequence[bool], scores: Sequence[float], against: Sequence[float]) -> tuple[float, float]:
    """Return by how much the AUC of `scores` is below that of `against`, and with 95 % confidence at most."""
    from risk.learning.fit.comparison import paired_auc_difference

    found = paired_auc_difference(labels, scores, against)
    return -found.difference, -found.lower_95
