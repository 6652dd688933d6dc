"""Approvals of proxies: given by a person, with a reason and a last day; two others still approve the version."""

from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from hub import outbox
from hub.audit import user_actor
from hub.errors import FieldError, Invalid, NotFound
from hub.events import ProxyApproved, ProxyEnded
from risk.scoring import queries
from risk.scoring.models import ProxyApproval

REASON_MIN = 20  # characters: a sentence


def approve_proxy(
    *, line_id: UUID, feature: str, reason: str, expires_on: date, user_id: UUID, now: datetime
) -> ProxyApproval:
    """Let a line learn from a feature that stands in for a protected attribute, until a day; replaces an earlier one.

    Platform scope. `Invalid` without a reason, for a day that is past or over a year ahead, `NotFound` for no line.
    """
    today, faults = now.date(), []
    if len(reason.strip()) < REASON_MIN:
        faults.append(FieldError("/reason", "reason_needed", "Say in a sentence why the line needs it all the same."))
    if not today < expires_on <= today + ProxyApproval.LONGEST:
        faults.append(FieldError("/expires_on", "out_of_range", "Give a day after today, a year ahead at most."))
    if faults:
        raise Invalid(faults)
    with transaction.atomic():
        line = queries.locked_line(line_id=line_id)
        before = ProxyApproval.open_of(line_id=line_id, feature=feature)
        if before is not None:
            before.end(now=now)
        made = ProxyApproval.record(
            line_id=line_id, feature=feature, reason=reason.strip(), begins_on=today, expires_on=expires_on,
            approved_by=user_id, approved_at=now,
        )  # fmt: skip
        event = ProxyApproved(
            made.id, line.institution_id, line_id=line_id, feature=feature, expires_on=expires_on.isoformat()
        )
        outbox.publish(event, actor=user_actor(user_id), now=now)
    return made


def end_approval(*, approval_id: UUID, user_id: UUID, now: datetime) -> ProxyApproval:
    """End an approval: no later training or approval of a version rests on it. Safe to repeat; `NotFound` for none."""
    with transaction.atomic():
        found = ProxyApproval.objects.select_for_update().select_related("line").filter(id=approval_id).first()
        if found is None:
            raise NotFound("There is no such approval.")
        if found.is_open:
            found.end(now=now)
            event = ProxyEnded(found.id, found.line.institution_id, line_id=found.line_id, feature=found.feature)
            outbox.publish(event, actor=user_actor(user_id), now=now)
    return found


def approved(*, line_id: UUID, on: date) -> frozenset[str]:
    """Return the proxies that a line may learn from on a day."""
    return frozenset(ProxyApproval.standing(line_id=line_id, on=on).values_list("feature", flat=True))
