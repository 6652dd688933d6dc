"""What the facade hands out of reviews: a person's look at a refusal, and what follows from it. Platform scope."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from risk.scoring.shapes import ScoredApplication

if TYPE_CHECKING:
    from hub.audit import Actor
    from hub.metrics import Gauge
    from risk.scoring.models import DecisionReview


@dataclass(frozen=True, slots=True)
class ReviewView:
    """A review as its applicant sees it. `state` is open, assigned, upheld, overturned or withdrawn.

    `extension` says why it takes longer, `reason` why it was decided so, both in `language` and "" before that.
    """

    id: UUID
    state: str
    language: str
    statement: str
    asked_at: datetime
    due_at: datetime
    ended_at: datetime | None
    extension: str
    reason: str


def _view(row: "DecisionReview") -> ReviewView:
    verdict = row.decided()
    return ReviewView(
        row.id, row.state, row.language, row.said(), row.asked_at, row.due_at, row.ended_at, row.extended_because(),
        verdict.reason if verdict else "",
    )  # fmt: skip


def ask_review(
    *,
    decision_id: UUID,
    application_id: UUID,
    sandbox_id: UUID | None,
    language: str,
    statement: str,
    actor: "Actor",
    now: datetime,
) -> ReviewView:
    """Ask for a person to look at a decision of the platform again; the review that is there already, if one is.

    `Invalid` at /statement without a sentence, `NotFound`, `Erased`; `Conflict` where it was asked for too often.
    """
    from risk.scoring import reviews

    return _view(
        reviews.ask_review(
            decision_id=decision_id, application_id=application_id, sandbox_id=sandbox_id, language=language,
            statement=statement, actor=actor, now=now,
        )
    )  # fmt: skip


def review_of(*, decision_id: UUID) -> ReviewView | None:
    """Return the review of a decision that was not withdrawn; `Erased` where the person was."""
    from risk.scoring import reviews

    found = reviews.standing_review(decision_id)
    return _view(found) if found else None


def withdraw_review(*, review_id: UUID, actor: "Actor", now: datetime) -> None:
    """Take a review back; `Conflict` where it was decided. Safe to repeat."""
    from risk.scoring import reviews

    reviews.withdraw_review(review_id=review_id, actor=actor, now=now)


def overridden_application(*, decision_id: UUID) -> ScoredApplication:
    """Return a decline of the platform as the person decided who overturned it; `Conflict` where nobody did.

    Its action is review: lenders are asked to judge for themselves, up to the instalment that the person named. Score,
    grade and reasons stay what they were.
    """
    from risk.scoring import reviews
    from risk.scoring.facade import read_application

    verdict, scored = reviews.verdict_that_overturned(decision_id), read_application(decision_id=decision_id)
    known = scored.affordability and msgspec.structs.replace(
        scored.affordability, limit_instalment=verdict.instalment_max, limit=None, declined_for=None
    )
    return replace(scored, action="review", affordability=known)


def overturned(*, line_id: UUID, until: datetime) -> frozenset[UUID]:
    """Return the refusals of a line that a person had overturned before a moment."""
    from risk.scoring import reviews

    return reviews.overturned(line_id=line_id, until=until)


def gauges() -> list["Gauge"]:
    """Return how many reviews are overdue and how many alerts about questions are open, for the metrics page."""
    from hub.clock import now
    from hub.metrics import Gauge
    from risk.scoring import query_watch, reviews

    told = "Refusals that a person was to have looked at again by now."
    asked = "Institutions whose questions look as if they were after a model."
    return [
        Gauge("reviews_overdue", told, reviews.overdue(at=now()), {}),
        Gauge("query_alerts", asked, query_watch.open_alerts(), {}),
    ]
