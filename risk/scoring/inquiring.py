"""What other apps use of data sources: who is asked about, what is under way, what is known. Imported by the facade.

Nothing here needs Django until it is called.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from risk.features.facade import Question, Value
from risk.scoring.evidence import Evidence

if TYPE_CHECKING:
    from hub.audit import Actor
    from hub.metrics import Gauge


@dataclass(frozen=True, slots=True)
class About:
    """A borrower of the platform whom sources may be asked about; `phone` is E.164 and was proved."""

    person_id: UUID
    phone: str
    sandbox: bool


@dataclass(frozen=True, slots=True)
class Asking:
    """Inquiries that were begun and are to be made now; `elsewhere`: others of this person are under way."""

    inquiries: tuple[UUID, ...]
    questions: tuple[Question, ...]
    elsewhere: bool
    at: datetime

    def __bool__(self) -> bool:
        """Whether there is anything to wait for."""
        return bool(self.questions) or self.elsewhere


@dataclass(frozen=True, slots=True)
class Known:
    """What the sources that may be used say of a person: values by name, and for the decision where they are from."""

    values: dict[str, Value] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)


def begin_inquiries(
    *, about: About, consent_id: UUID, actor: "Actor", now: datetime, hard_consent_id: UUID | None = None
) -> Asking:
    """Record the inquiries that are to be made about a borrower. Platform scope; commit, then `make_inquiries`.

    An answer that is fresh is not bought again, nor is a source asked again that failed a moment ago. `consent_id` is
    the borrower's consent to be scored, under a text that names the sources; a hard inquiry needs `hard_consent_id`,
    his consent to just that (`hub.consent.HARD_INQUIRY`). `Conflict` where a consent does not hold; `NotFound`,
    `Erased`.
    """
    from risk.scoring import sources

    return sources.begin_inquiries(
        about=about, consent_id=consent_id, hard_consent_id=hard_consent_id, actor=actor, now=now
    )


def make_inquiries(
    asking: Asking,
    *,
    scope: Callable[[], AbstractContextManager[None]],
    clock: Callable[[], datetime],
    actor: "Actor",
) -> None:
    """Ask the sources, side by side and within their time, and record what came of it. Outside any transaction.

    `scope` opens the platform's, in which `clock` is read.
    """
    from risk.scoring import sources

    sources.make_inquiries(asking, scope=scope, clock=clock, actor=actor)


def known_of(*, about: About, consented: bool, now: datetime) -> Known:
    """Return what is known of a borrower from sources, and what is not and why. Platform scope."""
    from risk.scoring import sources

    return sources.known_of(about=about, consented=consented, now=now)


def asks_hard(*, sandbox: bool) -> bool:
    """Tell whether some source of a sandbox, or of the live world, is asked in a way that other lenders can see."""
    from risk.scoring import sources

    return any(source.terms.inquiry == "hard" for source in sources.sources_of(sandbox=sandbox))


def source_gauges() -> "list[Gauge]":
    """Return how the data sources do, for the metrics page; platform scope."""
    from hub.clock import now
    from risk.scoring import source_figures

    return source_figures.source_gauges(now=now())
