"""Carries a training run out: leased, resumable from its checkpoints, its progress on the row.

Every write goes through the run's locked row and this worker's token, so a worker that lost its lease writes nothing.
The plan, each bag and each check are kept as they are made; the version and the run's end commit together.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import structlog
from django.db import DatabaseError
from threadpoolctl import threadpool_limits

from hub import outbox
from hub.audit import Actor
from hub.errors import DomainError
from hub.events import TrainingStarted
from hub.leases import Heartbeat, LeaseLost
from risk.learning import agreements, holds, queries, services
from risk.learning.assembly import NothingToLearn, TrainingSet, assemble
from risk.learning.declarations import described, entries_of, told
from risk.learning.fit.glassbox import combine, fit_bag, prepare
from risk.learning.fit.leaks import find_leaks
from risk.learning.fit.recipe import Bag, Recipe, bag_from, plan_from
from risk.learning.fit.recipe import Plan as FitPlan
from risk.learning.hold_models import Range
from risk.learning.judgement import fairness, judgement, last_applicants, suspected, with_groups
from risk.learning.models import LoanBook, OutcomeEntry, TrainingCheckpoint, TrainingRun
from risk.learning.references import referred
from risk.learning.run_models import ATTEMPTS_MAX
from risk.learning.validation import Logits, calibration_of, held_out_logits, plan_checks, report_of
from risk.scoring import facade as scoring

LEASE = timedelta(seconds=30)
RENEW_S = 8.0
_WORDS = {
    "SoftTimeLimitExceeded": "It ran into the time limit of its task: train on fewer loans, or with fewer bags.",
    "MemoryError": "There was not enough memory: train on fewer loans, or on a larger machine.",
}
log = structlog.get_logger(__name__)

Scope = Callable[[], AbstractContextManager[None]]
Clock = Callable[[], datetime]
Progress = Callable[[TrainingRun], None]


@dataclass(frozen=True, slots=True)
class _Worker:
    """One worker at one run."""

    run_id: UUID
    token: UUID
    scope: Scope
    clock: Clock
    actor: Actor
    progress: Progress

    def held(self) -> TrainingRun:
        """The locked row. Raises LeaseLost once somebody else has it, or it was cancelled."""
        run = TrainingRun.locked(self.run_id)
        run.check_lease(self.token)
        return run

    def renew(self) -> bool:
        """Hold the run for longer; False once it is somebody else's."""
        with self.scope():
            try:
                self.held().renew(until=self.clock() + LEASE)
            except LeaseLost:
                return False
        return True

    def show(self, step: str, percent: int) -> None:
        """Put the progress on the row."""
        with self.scope():
            run = self.held()
            run.advance(step=step, percent=percent)
        self.progress(run)

    def keep(self, step: str, payload: bytes) -> None:
        """Keep the result of a step."""
        with self.scope():
            TrainingCheckpoint.keep(self.held(), step, payload)


def train(
    *, run_id: UUID, scope: Scope, clock: Clock, actor: Actor, progress: Progress = lambda _: None
) -> TrainingRun:
    """Carry a run to its end and return it, `done` or `failed`; one that ended before is returned as it is.

    `scope` opens a transaction that may write it. Raises Busy while another worker holds it, LeaseLost where one took
    it over or it was cancelled, DatabaseError where the database went away (the run is taken up again later).
    """
    with scope():
        run = TrainingRun.locked(run_id)
        if not run.is_open:
            return run
        worker = _Worker(run_id, _claim(run, actor, clock()), scope, clock, actor, progress)
    with Heartbeat(worker.renew, every_s=RENEW_S) as heartbeat:
        try:
            return _Training(worker, heartbeat).carry_out()
        except (LeaseLost, DatabaseError):
            raise
        except (NothingToLearn, DomainError) as error:
            return _fail(worker, str(error))
        except Exception as error:
            log.exception("training_failed", run=str(run_id), kind=type(error).__name__)
            kind = type(error).__name__
            return _fail(worker, _WORDS.get(kind, f"An unexpected error ended it ({kind}); the log tells more."))


def _claim(run: TrainingRun, actor: Actor, now: datetime) -> UUID:
    token = run.claim(until=now + LEASE, now=now)
    if run.attempts == 1 or not run.book_ids:
        OutcomeEntry.lock_line(run.line_id)
        run.fix_labels(
            book_ids=[book.id for book in queries.read_books(line_id=run.line_id)],
            outcomes_until=queries.newest_outcome(line_id=run.line_id),
        )
    event = TrainingStarted(run.id, run.institution_id, line_id=run.line_id, attempt=run.attempts)
    outbox.publish(event, actor=actor, now=now)
    return token


def _fail(worker: _Worker, failure: str) -> TrainingRun:
    now = worker.clock()
    with worker.scope():
        run = worker.held()
        run.fail(failure, now=now)
        services.end_training(run, failure=run.failure, actor=worker.actor, now=now)
    worker.progress(run)
    return run


class _Training:
    """The steps of one run. What an earlier worker has finished is taken from the checkpoints."""

    def __init__(self, worker: _Worker, heartbeat: Heartbeat) -> None:
        self.worker = worker
        self.heartbeat = heartbeat
        with worker.scope():
            self.run = queries.run_by_id(run_id=worker.run_id)
            books = {str(book.id): book for book in queries.read_books(line_id=self.run.line_id)}
            self.kept = TrainingCheckpoint.payloads(self.run.id)
            self.earlier = queries.known_before(run=self.run)
            self.champion = scoring.champion_on(line_id=self.run.line_id)
            self.applicants = last_applicants(line_id=self.run.line_id, until=worker.clock())
            self.approved = scoring.approved_proxies(line_id=self.run.line_id, on=worker.clock().date())
            self.seen_by_borrowers = scoring.is_seen_by_borrowers(line_id=self.run.line_id)
            self.groups = with_groups(line_id=self.run.line_id, run_id=self.run.id, until=worker.clock())
        self.books: list[LoanBook] = [books[book_id] for book_id in self.run.book_ids]
        self.recipe = msgspec.convert(self.run.recipe, Recipe)
        self.done = 0
        self.steps = 4

    def carry_out(self) -> TrainingRun:
        """All of it."""
        # One thread: the sums of several depend on their number, and the artefact may not; and where other processes
        # work too, threads that wait for each other take many times as long.
        with threadpool_limits(limits=1):
            return self._carry_out()

    def _carry_out(self) -> TrainingRun:
        if self.run.attempts > ATTEMPTS_MAX:
            raise NothingToLearn(f"Its worker was gone {ATTEMPTS_MAX} times: it was given up.")
        found = self._trusted()
        self._refuse_leaks(found)
        checks = plan_checks(found, seed=self.run.seed)
        self.steps += self.recipe.bags + len(checks.splits)
        plan = self._plan(found)
        bags = [self._bag(found, plan, number) for number in range(self.recipe.bags)]
        artefact = combine(plan, bags)
        logits = [self._check(found, split, number, len(checks.splits)) for number, split in enumerate(checks.splits)]
        self._step("Registering the version")
        labels = np.concatenate([found.labels[test] for _, test in checks.splits])
        calibration = calibration_of(np.concatenate(logits), labels)
        artefact, reference = referred(
            artefact, found.frame, calibration, jurisdiction=self.books[0].mapping.jurisdiction,
            on=self.worker.clock().date(),
        )  # fmt: skip
        criteria = judgement(
            found, checks, logits, artefact, self.champion, self.applicants, seed=self.run.seed
        )  # fmt: skip
        criteria.append(fairness(self.groups, artefact, calibration, self.champion))
        entries = entries_of(self.books[0].mapping, found.frame.features)
        if self.seen_by_borrowers:
            criteria.append(told(entries))
        facts = {
            **self._facts(plan, found), "reference": reference, "features": described(entries),
            "criteria": [asdict(one) for one in criteria],
        }  # fmt: skip
        report = report_of(found, checks, logits, calibration, facts=facts)
        return self._register(artefact, calibration, report)

    def _step(self, text: str) -> None:
        self.heartbeat.check()
        self.worker.show(text, int(100 * self.done / self.steps))
        self.done += 1

    def _trusted(self) -> TrainingSet:
        """The training set without labels that are held or not shared; looks for some to hold."""
        found: list[TrainingSet] = []

        def hold() -> bytes:
            with self.worker.scope():
                ranges = agreements.kept_out(line_id=self.run.line_id, now=self.worker.clock())
            found.append(self._assembled(ranges))
            suspicions = suspected(found[0], self.champion)
            if suspicions:
                found.clear()
                with self.worker.scope():
                    now = self.worker.clock()
                    holds.hold_labels(line_id=self.run.line_id, suspicions=suspicions, actor=self.worker.actor, now=now)
                    ranges = agreements.kept_out(line_id=self.run.line_id, now=self.worker.clock())
            return msgspec.json.encode(ranges)

        ranges = msgspec.json.decode(self._kept("holds", "Reading the label ledger", hold), type=list[Range])
        return found[0] if found else self._assembled(ranges)

    def _assembled(self, held: list[Range]) -> TrainingSet:
        return assemble(
            self.books, scope=self.worker.scope, check=self.heartbeat.check, outcomes_until=self.run.outcomes_until,
            as_of=self.run.as_of, earlier=self.earlier, held=held, approved=self.approved,
        )  # fmt: skip

    def _refuse_leaks(self, found: TrainingSet) -> None:
        self._step("Looking for columns that tell the outcome")
        columns = [column for book in self.books for column in book.mapping.training_columns]
        vouched = {column.feature_name for column in columns if column.vouched}
        leaks = find_leaks(found.frame, found.labels, seed=self.run.seed)
        told = [f"{name} ({leak.sentence})" for name, leak in leaks.items() if name not in vouched]
        if told:
            raise NothingToLearn(
                f"It would learn from what was written after the outcome: {' '.join(told)} Map such a column as "
                "`known: later`; where it is known when somebody is scored, say in `vouched` how that was made sure."
            )

    def _kept(self, key: str, text: str, make: Callable[[], bytes]) -> bytes:
        """The result of a step, from its checkpoint or made now and kept."""
        self._step(text)
        if key not in self.kept:
            self.kept[key] = make()
            self.heartbeat.check()
            self.worker.keep(key, self.kept[key])
        return self.kept[key]

    def _plan(self, found: TrainingSet) -> FitPlan:
        def make() -> bytes:
            plan = prepare(
                found.frame, found.labels, seed=self.run.seed, recipe=self.recipe, time=found.time,
                book_format=found.sha256(),
            )  # fmt: skip
            return plan.to_bytes()

        return plan_from(self._kept("plan", "Choosing how trees grow", make))

    def _bag(self, found: TrainingSet, plan: FitPlan, number: int) -> Bag:
        def make() -> bytes:
            return fit_bag(found.frame, found.labels, plan, number, time=found.time).to_bytes()

        return bag_from(self._kept(f"bag {number}", f"Fitting bag {number + 1} of {self.recipe.bags}", make))

    def _check(self, found: TrainingSet, split: Any, number: int, count: int) -> Logits:
        def make() -> bytes:
            logits = held_out_logits(found, split, seed=self.run.seed, recipe=self.recipe)
            return logits.astype("<i8").tobytes()

        return np.frombuffer(self._kept(f"check {number}", f"Checking {number + 1} of {count}", make), dtype="<i8")

    def _facts(self, plan: FitPlan, found: TrainingSet) -> dict[str, Any]:
        mapping = self.books[0].mapping
        return {
            "seed": self.run.seed,
            "recipe": msgspec.to_builtins(self.recipe),
            "growth": msgspec.to_builtins(plan.growth),
            "label": msgspec.to_builtins(mapping.label),
            "jurisdiction": mapping.jurisdiction,
            "currency": mapping.currency,
            "as_of": self.run.as_of.isoformat() if self.run.as_of else None,
            "champion": str(self.champion.version_id) if self.champion else None,
            "outcomes": {
                "rows": found.outcomes, "until": self.run.outcomes_until, "erased_left_out": found.erased,
                "let_in_by_random_arms": found.let_in,
            },
            "books": [
                {
                    "id": str(book.id), "name": book.mapping.book, "file_sha256": book.file_sha256,
                    "mapping_sha256": book.mapping_sha256, "rows": book.rows,
                }
                for book in self.books
            ],
        }  # fmt: skip

    def _register(self, artefact: bytes, calibration: scoring.Calibration, report: dict[str, Any]) -> TrainingRun:
        worker, now = self.worker, self.worker.clock()
        with worker.scope():
            run = worker.held()
            version_id = scoring.register_version(
                line_id=run.line_id, run_id=run.id, artefact=artefact, manifest=scoring.manifest_of(artefact),
                calibration=calibration, report=report, trainer_id=run.requested_by, actor=worker.actor, now=now,
            )  # fmt: skip
            run.finish(version_id=version_id, now=now)
            services.end_training(run, failure="", actor=worker.actor, now=now)
        worker.progress(run)
        return run
