"""Data-sharing agreements: recorded and ended by people, and asked for by every training of a line that all share."""

from datetime import date, datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from hub import outbox
from hub.audit import Actor
from hub.errors import Conflict, FieldError, Invalid, NotFound
from hub.events import SharingAgreed, SharingEnded
from risk.learning.hold_models import Range
from risk.learning.models import LabelHold, OutcomeEntry, SharingAgreement
from risk.scoring import facade as scoring

REFERENCE_MIN = 5


def record_agreement(
    *, lender_id: UUID, reference: str, begins_on: date, actor: Actor, now: datetime
) -> SharingAgreement:
    """Record that a lender agreed; the same again changes nothing. Platform scope.

    `reference` names the signed document. `Invalid` without one, `Conflict` while another agreement is open.
    """
    if len(reference.strip()) < REFERENCE_MIN:
        raise Invalid([FieldError("/reference", "reference_needed", "Name the signed document.")])
    try:
        with transaction.atomic():
            found = SharingAgreement.open_of(lender_id)
            if found is not None:
                return _same(found, reference.strip(), begins_on)
            made = SharingAgreement.record(
                lender_id=lender_id, reference=reference.strip(), begins_on=begins_on, recorded_by=actor.id,
                recorded_at=now,
            )  # fmt: skip
            outbox.publish(SharingAgreed(made.id, lender_id), actor=actor, now=now)
    except IntegrityError as error:
        raise Conflict("Somebody else has recorded an agreement of this lender just now.") from error
    return made


def _same(found: SharingAgreement, reference: str, begins_on: date) -> SharingAgreement:
    if (found.reference, found.begins_on) != (reference, begins_on):
        raise Conflict(f"The agreement {found.reference} of this lender is open: end it first.")
    return found


def end_agreement(*, agreement_id: UUID, actor: Actor, now: datetime) -> SharingAgreement:
    """End an agreement: no later training reads the lender's outcomes. Safe to repeat; `NotFound` for none."""
    with transaction.atomic():
        found = SharingAgreement.objects.select_for_update().filter(id=agreement_id).first()
        if found is None:
            raise NotFound("There is no such agreement.")
        if found.is_open:
            found.end(now=now)
            outbox.publish(SharingEnded(found.id, found.lender_id), actor=actor, now=now)
    return found


def kept_out(*, line_id: UUID, now: datetime) -> list[Range]:
    """Return the outcomes of a line that no training may read now: held ones, and those that nobody agreed to share."""
    return [
        *LabelHold.ranges(line_id),
        *((str(lender_id), 0, None) for lender_id in unshared(line_id=line_id, now=now)),
    ]


def unshared(*, line_id: UUID, now: datetime) -> list[UUID]:
    """Return the lenders of a line that all share who have not agreed to it; none for others.

    The line of the sandboxes learns from what their clients make up, which is nobody's data.
    """
    line = scoring.get_line(line_id=line_id)
    if line.institution_id is not None or line.name == scoring.SANDBOX_LINE:
        return []
    agreed = SharingAgreement.standing(on=now.date()).values("lender_id")
    lenders = OutcomeEntry.objects.filter(line_id=line_id, lender_id__isnull=False).exclude(lender_id__in=agreed)
    return sorted(one for one in lenders.values_list("lender_id", flat=True).distinct() if one)
