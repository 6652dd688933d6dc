"""How a referral ends without a loan: taken back by the borrower, or past its time. Its budget is free again."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from hub import consent, outbox
from hub.audit import Actor, system_actor
from hub.errors import Conflict
from hub.events import CaseClosed, ReferralExpired, ReferralWithdrawn
from partners.products import facade as products
from partners.referrals import policies, queries
from partners.referrals.models import Case, Referral
from partners.referrals.shapes import CaseView

EXPIRY = system_actor("referrals.expire_due")
AT_ONCE = 100


@transaction.atomic
def withdraw(*, application_id: UUID, actor: Actor, now: datetime) -> CaseView:
    """End the whole application, with the referral that a lender may have. Safe to repeat; `Conflict` once funded."""
    case = queries.locked_case(application_id)
    if case.state == "funded":
        raise Conflict("The loan is paid out already.")
    if case.state != "closed":
        if (referral := queries.locked_live_referral(case)) is not None:
            _take_back(case, referral, "application", actor, now)
        case.become("closed")
        outbox.publish(CaseClosed(case.id, None), actor=actor, now=now)
    return queries.case_view(case)


@transaction.atomic
def withdraw_referral(*, application_id: UUID, actor: Actor, now: datetime) -> CaseView:
    """Take the consent to share back: the lender loses the referral, other offers can be accepted. Safe to repeat."""
    case = queries.locked_case(application_id)
    if case.state == "funded":
        raise Conflict("The loan is paid out already.")
    if (referral := queries.locked_live_referral(case)) is not None:
        _take_back(case, referral, "consent", actor, now)
    return queries.case_view(case)


@transaction.atomic
def decline_counter(*, application_id: UUID, actor: Actor, now: datetime) -> CaseView:
    """Decline the lender's counter-offer: the referral ends, other offers can be accepted."""
    case = queries.locked_case(application_id)
    referral = queries.locked_live_referral(case)
    if referral is None:
        raise Conflict("No lender has this application now.")
    policies.check_state(referral, "countered")
    _take_back(case, referral, "counter_offer", actor, now)
    return queries.case_view(case)


@transaction.atomic
def consent_withdrawn(*, consent_id: UUID, now: datetime) -> None:
    """End the referral whose consent was withdrawn elsewhere. Safe to repeat. Platform scope."""
    found = Referral.objects.filter(consent_id=consent_id).values_list("case_id", flat=True).first()
    if found is None:
        return
    case = queries.locked_case(found)
    referral = queries.locked_live_referral(case)
    if referral is not None and referral.consent_id == consent_id:
        _take_back(case, referral, "consent", system_actor("referrals.consent_withdrawn"), now)


@transaction.atomic
def expire_due(*, sandbox_id: UUID | None, now: datetime) -> int:
    """End up to 100 referrals of one world that are past their time; return how many.

    A case that somebody has locked is left for the next time.
    """
    count = 0
    for waiting in queries.due(sandbox_id=sandbox_id, now=now, limit=AT_ONCE):
        case = queries.case_unless_locked(waiting.case_id)
        referral = queries.locked_live_referral(case) if case else None
        if case is not None and referral is not None and referral.expires_at <= now:
            _end(case, referral, "expired", now)
            payload = ReferralExpired(referral.id, referral.institution_id, application_id=case.id)
            outbox.publish(payload, actor=EXPIRY, now=now)
            count += 1
    return count


def _take_back(case: Case, referral: Referral, reason: str, actor: Actor, now: datetime) -> None:
    _end(case, referral, "withdrawn", now)
    consent.withdraw(consent_id=referral.consent_id, actor=actor, now=now)
    payload = ReferralWithdrawn(referral.id, referral.institution_id, application_id=case.id, reason=reason)
    outbox.publish(payload, actor=actor, now=now)


def _end(case: Case, referral: Referral, state: str, now: datetime) -> None:
    referral.become(state)
    products.release(referral_id=referral.id, now=now)
    case.become("offered")
