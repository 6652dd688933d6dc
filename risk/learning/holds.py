"""Suspicious labels: held as a training finds them, and released or rejected by a person."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from hub import outbox
from hub.audit import Actor, user_actor
from hub.errors import FieldError, Invalid
from hub.events import LabelsDecided, LabelsHeld
from risk.learning import queries
from risk.learning.models import LabelHold, OutcomeEntry

NOTE_MIN = 20  # characters: a sentence


def hold_labels(*, line_id: UUID, suspicions: Mapping[UUID, str], actor: Actor, now: datetime) -> list[LabelHold]:
    """Hold the labels of lenders on a line, each with the sentence that says why. Platform scope.

    A lender whose labels are held already, or were decided on and none came since, is left as he is.
    """
    placed = []
    with transaction.atomic():
        OutcomeEntry.lock_line(line_id)
        for lender_id, says in suspicions.items():
            first = queries.first_undecided(line_id=line_id, lender_id=lender_id)
            if first is None:
                continue
            hold = LabelHold.place(line_id=line_id, lender_id=lender_id, says=says, first_entry=first, now=now)
            outbox.publish(LabelsHeld(hold.id, None, line_id=line_id, lender_id=lender_id), actor=actor, now=now)
            placed.append(hold)
    return placed


def decide_hold(*, hold_id: UUID, release: bool, note: str, user_id: UUID, now: datetime) -> LabelHold:
    """Release held labels into trainings, or keep them out for good; `Invalid` without a sentence that says why."""
    if len(note.strip()) < NOTE_MIN:
        raise Invalid([FieldError("/note", "note_needed", "Say in a sentence what was found out.")])
    with transaction.atomic():
        hold = LabelHold.locked(hold_id)
        OutcomeEntry.lock_line(hold.line_id)
        last = max(hold.first_entry, queries.newest_outcome(line_id=hold.line_id))
        state = "released" if release else "rejected"
        hold.decide(state, last_entry=last, user_id=user_id, note=note.strip(), now=now)
        event = LabelsDecided(hold.id, None, line_id=hold.line_id, lender_id=hold.lender_id, released=release)
        outbox.publish(event, actor=user_actor(user_id), now=now)
    return hold
