"""Several sources asked side by side: each within its own time, all of them within one budget."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Thread
from time import perf_counter

import structlog

from risk.features.sources.interface import FACTS, Answer, Source, SourceError, Subject, Terms

BUDGET_S = 5.0
AT_ONCE_MAX = 8  # questions to one source in this process: one that hangs holds no more threads than these
TEXT_MAX = 200
SKEW = timedelta(minutes=5)  # that a source's clock may be ahead of ours
ANSWERED, TIMED_OUT, UNAVAILABLE, UNUSABLE = "answered", "timed_out", "unavailable", "unusable"
_slots: dict[str, BoundedSemaphore] = {}
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """One inquiry to be made."""

    source: Source
    subject: Subject


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one: `answered`, `no_record`, `timed_out`, `unavailable` or `unusable`."""

    outcome: str
    took_ms: int
    answer: Answer | None = None


def timeout_s(terms: Terms) -> float:
    """Return how long a source may take: its own time, the budget at most."""
    return min(terms.timeout_s, BUDGET_S)


def ask_together(questions: Sequence[Question], *, now: datetime) -> list[Settled]:
    """Ask all at once; return what became of each, in order, within `BUDGET_S`. Never raises for a source's faults."""
    begun = perf_counter()
    waiting = [_begin(one, now) for one in questions]
    return [_collect(one, box, begun) for one, box in zip(questions, waiting, strict=True)]


def _begin(question: Question, now: datetime) -> SimpleQueue[Settled]:
    box: SimpleQueue[Settled] = SimpleQueue()
    slot = _slots.setdefault(question.source.terms.name, BoundedSemaphore(AT_ONCE_MAX))
    if not slot.acquire(blocking=False):
        box.put(Settled(UNAVAILABLE, 0))
        return box
    Thread(target=_run, args=(question, now, box, slot), daemon=True).start()
    return box


def _run(question: Question, now: datetime, box: SimpleQueue[Settled], slot: BoundedSemaphore) -> None:
    begun = perf_counter()
    try:
        outcome, answer = _asked(question, now)
    finally:
        slot.release()
    box.put(Settled(outcome, _ms(begun), answer))


def _asked(question: Question, now: datetime) -> tuple[str, Answer | None]:
    terms = question.source.terms
    try:
        answer = question.source.ask(question.subject, timeout_s=timeout_s(terms), now=now)
        fault = _fault(terms, answer, now)
    except SourceError as error:
        return error.outcome, None
    except Exception as error:  # noqa: BLE001 - a source's fault, whatever it is, costs its answer and nothing else
        fault = type(error).__name__
    if fault:
        log.warning("source_unusable", source=terms.name, fault=fault)
        return UNUSABLE, None
    return ANSWERED, answer


def _fault(terms: Terms, answer: Answer, now: datetime) -> str:
    """Say what is wrong with an answer, never the value; "" where it is well formed."""
    if not answer.values.keys() <= terms.supplies:
        return "values that its terms do not name"
    if not set(answer.facts) <= set(FACTS):
        return "facts that nobody knows"
    if answer.as_of.tzinfo is None or answer.as_of > now + SKEW:
        return "as of a moment that has not come, or has no time zone"
    wrong = [name for name, value in answer.values.items() if not _well_formed(value)]
    return f"no number, text or nothing: {', '.join(sorted(wrong))}" if wrong else ""


def _well_formed(value: object) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return math.isfinite(value)
    return value is None or (isinstance(value, str) and len(value) <= TEXT_MAX)


def _collect(question: Question, box: SimpleQueue[Settled], begun: float) -> Settled:
    left = timeout_s(question.source.terms) - (perf_counter() - begun)
    try:
        return box.get(timeout=max(left, 0.001))
    except Empty:
        return Settled(TIMED_OUT, _ms(begun))


def _ms(begun: float) -> int:
    return round(1000 * (perf_counter() - begun))
