"""Reviews of refusals: asked for by the applicant, taken and decided by people, withdrawn. Platform scope."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import IntegrityError, transaction

from hub import outbox
from hub.audit import Actor, system_actor, user_actor
from hub.errors import Conflict, FieldError, Invalid, NotFound
from hub.events import ReviewAsked, ReviewAssigned, ReviewDecided, ReviewExtended, ReviewWithdrawn
from risk.scoring import queries
from risk.scoring.models import DecisionReview
from risk.scoring.review_models import Verdict

TEXT_MIN, TEXT_MAX = 10, 2_000  # characters: a sentence, which is short in Chinese
ASKED_MAX = 3  # of one decision, the withdrawn ones counted
DECLINE = "decline"


@transaction.atomic
def ask_review(
    *,
    decision_id: UUID,
    application_id: UUID,
    sandbox_id: UUID | None,
    language: str,
    statement: str,
    actor: Actor,
    now: datetime,
) -> DecisionReview:
    """Open a review of a decision of the platform; where one is there that was not withdrawn, return that one.

    `NotFound` for an unknown decision, `Erased`, `Invalid` without a sentence, `Conflict` for a fourth one.
    """
    decision = queries.platform_decision(decision_id=decision_id)
    if known := standing_review(decision_id):
        return known
    text = _checked("statement", statement)
    if DecisionReview.objects.filter(decision_id=decision_id).count() >= ASKED_MAX:
        raise Conflict("This decision was asked to be looked at too often: write to us instead.")
    try:
        with transaction.atomic():
            made = DecisionReview.ask(
                decision=decision, application_id=application_id, sandbox_id=sandbox_id, language=language,
                statement=text, now=now,
            )  # fmt: skip
    except IntegrityError:  # another tab was first
        if known := standing_review(decision_id):
            return known
        raise
    event = ReviewAsked(
        made.id, None, decision_id=decision_id, application_id=application_id, due_at=made.due_at.isoformat()
    )
    outbox.publish(event, actor=actor, now=now)
    return made


def take_review(*, review_id: UUID, user_id: UUID, now: datetime) -> DecisionReview:
    """Give a review to the person who takes it, from whomever had it; nothing is done where he has it."""

    def take(review: DecisionReview) -> None:
        if review.assignee_id == user_id:
            return
        review.assign(user_id)
        event = ReviewAssigned(review.id, None, decision_id=review.decision_id, assignee_id=user_id)
        outbox.publish(event, actor=user_actor(user_id), now=now)

    return _changed(review_id, take)


def extend_review(*, review_id: UUID, reason: str, user_id: UUID, now: datetime) -> DecisionReview:
    """Give a review more time, once and before it is due, with a reason that the applicant reads."""
    text = _checked("reason", reason)

    def extend(review: DecisionReview) -> None:
        if not review.is_open:
            raise Conflict(f"This review is {review.state}: there is nothing left to decide.")
        if review.extended_at is not None:
            raise Conflict("This review was given more time already: decide on it.")
        if review.due_at <= now:
            raise Conflict("This review is overdue: more time would hide it. Decide on it.")
        review.extend(text, now=now)
        event = ReviewExtended(review.id, None, decision_id=review.decision_id, due_at=review.due_at.isoformat())
        outbox.publish(event, actor=user_actor(user_id), now=now)

    return _changed(review_id, extend)


def decide_review(
    *,
    review_id: UUID,
    overturn: bool,
    reason: str,
    user_id: UUID,
    now: datetime,
    instalment_max: Decimal | None = None,
) -> DecisionReview:
    """Uphold or overturn a refusal, with a reason that the applicant reads; the review must have been taken.

    Where a decline is overturned, `instalment_max` is up to which instalment a month lenders may be asked: the person
    answers for what is affordable, for the program found no such amount. `Invalid`, `Conflict`.
    """
    text = _checked("reason", reason)

    def decide(review: DecisionReview) -> None:
        limit = _limit(instalment_max) if overturn and review.decision.action == DECLINE else None
        state = "overturned" if overturn else "upheld"
        review.decide(state, Verdict(text, limit), user_id=user_id, now=now)
        event = ReviewDecided(
            review.id, None, decision_id=review.decision_id, application_id=review.application_id, overturned=overturn
        )  # fmt: skip
        outbox.publish(event, actor=user_actor(user_id), now=now)

    return _changed(review_id, decide)


def withdraw_review(*, review_id: UUID, actor: Actor, now: datetime) -> DecisionReview:
    """End a review that its applicant takes back, or whose applicant is gone. Safe to repeat."""

    def withdraw(review: DecisionReview) -> None:
        if review.state == "withdrawn":
            return
        review.withdraw(now=now)
        outbox.publish(ReviewWithdrawn(review.id, None, decision_id=review.decision_id), actor=actor, now=now)

    return _changed(review_id, withdraw)


def forget_person(*, person_id: UUID, now: datetime) -> None:
    """End the open reviews of an erased person: nobody can read any more what they are about. Safe to repeat."""
    waiting = DecisionReview.objects.filter(decision__person_id=person_id, ended_at=None)
    for review_id in waiting.values_list("id", flat=True):
        withdraw_review(review_id=review_id, actor=system_actor("scoring.erasure"), now=now)


def standing_review(decision_id: UUID) -> DecisionReview | None:
    """Return the review of a decision that was not withdrawn."""
    rows = DecisionReview.objects.exclude(state="withdrawn").filter(decision_id=decision_id)
    return rows.select_related("decision__person").defer("decision__sealed").first()


def overturned(*, line_id: UUID, until: datetime) -> frozenset[UUID]:
    """Return the refusals of a line that a person had overturned before a moment."""
    rows = DecisionReview.objects.filter(decision__version__line_id=line_id, state="overturned", ended_at__lt=until)
    rows = rows.filter(decision__action=DECLINE)
    return frozenset(rows.values_list("decision_id", flat=True))


def overdue(*, at: datetime) -> int:
    """Count the reviews of live applicants that were due before a moment and are not decided."""
    return DecisionReview.objects.filter(ended_at=None, due_at__lt=at, sandbox_id=None).count()


def verdict_that_overturned(decision_id: UUID) -> Verdict:
    """Return the verdict that overturned a refusal; `Conflict` where there is none, `Erased`."""
    review = standing_review(decision_id)
    verdict = review.decided() if review and review.state == "overturned" else None
    if verdict is None:
        raise Conflict("No person has overturned a refusal here.")
    return verdict


def _changed(review_id: UUID, change: Callable[[DecisionReview], None]) -> DecisionReview:
    with transaction.atomic():
        review = DecisionReview.locked(review_id)
        if review is None:
            raise NotFound("There is no such review.")
        change(review)
    return review


def _checked(field: str, text: str) -> str:
    found = text.strip()
    if not TEXT_MIN <= len(found) <= TEXT_MAX or "\0" in found:
        raise Invalid([FieldError(f"/{field}", "sentence_needed", f"Say it in {TEXT_MIN} to {TEXT_MAX} characters.")])
    return found


def _limit(instalment_max: Decimal | None) -> Decimal:
    if instalment_max is None or not instalment_max.is_finite() or not 0 < instalment_max < 10**9:
        detail = "Name the largest instalment a month that you hold to be affordable: he has to live on the rest."
        raise Invalid([FieldError("/instalment_max", "instalment_needed", detail)])
    return instalment_max
