"""Outcomes of the platform's own loans into the label ledger: once each, after the window, corrections on top (I10)."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec
from django.db import transaction

from hub import outbox
from hub.audit import system_actor
from hub.crypto import DataKey
from hub.errors import Conflict, Erased, FieldError, Invalid
from hub.events import LabelRecorded
from risk.learning import queries
from risk.learning.book_models import months_after
from risk.learning.models import OutcomeEntry
from risk.scoring import facade as scoring
from risk.scoring.facade import LineView

ACTOR = system_actor("learning.outcomes")
_TIME_ZONES = timedelta(days=1)  # a loan's days are its lender's, a decision's moment is UTC


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
    revision: int,
    now: datetime,
    lender_id: UUID | None = None,
    propensity: Decimal = Decimal(1),
) -> bool:
    """Enter an outcome; returns whether it was new. See the facade."""
    matures_on = _checked(label, definition_version, window_months, revision, opened_on, observed_on)
    line = scoring.line_of(decision_id=decision_id)
    if not _has_place(line, sandbox=sandbox):
        return False
    facts = {
        "line_id": line.id, "decision_id": decision_id, "label": label, "window_months": window_months,
        "opened_on": opened_on, "observed_on": observed_on,
    }  # fmt: skip
    with transaction.atomic():
        OutcomeEntry.lock_line(line.id)
        for entry in queries.outcomes_of(loan_id=loan_id, definition_version=definition_version):
            if entry.revision == revision:
                return _same_again(entry, facts)
        try:
            plain = _known_before(decision_id, opened_on)
        except Erased:  # nothing is left of him to learn from
            return False
        entry = OutcomeEntry.append(
            plain=plain, key=_key_of(loan_id), loan_id=loan_id, definition_version=definition_version,
            revision=revision, matures_on=matures_on, lender_id=lender_id, propensity=propensity, recorded_at=now,
            **facts,
        )  # fmt: skip
        payload = LabelRecorded(
            loan_id, None, line_id=line.id, label=label, definition_version=definition_version, revision=revision
        )
        outbox.publish(payload, actor=ACTOR, now=now)
    return True


def _has_place(line: LineView, *, sandbox: bool) -> bool:
    """Sandboxes teach their own line alone, and nothing else teaches it: their clients make up how loans turn out."""
    its_own = line.name == scoring.SANDBOX_LINE
    if its_own and not sandbox:
        raise Conflict(f"The line {line.name} learns from sandboxes alone, and this loan is live.")
    return its_own == sandbox


def _checked(
    label: str, definition_version: int, window_months: int, revision: int, opened_on: date, observed_on: date
) -> date:
    """Return the day on which the window closes."""
    if label not in OutcomeEntry.LABELS:
        raise Invalid([FieldError("/label", "unknown_label", f"Write one of: {', '.join(OutcomeEntry.LABELS)}.")])
    if min(definition_version, window_months, revision) < 1:
        raise Invalid([FieldError("/", "too_small", "Versions, windows and revisions begin at 1.")])
    matures_on = months_after(opened_on, window_months)
    if observed_on < matures_on:
        raise Conflict(f"The window of this loan is open until {matures_on}: its outcome is entered after that.")
    return matures_on


def _same_again(entry: OutcomeEntry, facts: dict[str, object]) -> bool:
    differing = [name for name, value in facts.items() if getattr(entry, name) != value]
    if differing:
        raise Conflict(f"Revision {entry.revision} of this outcome was entered with another {differing[0]}.")
    return False


def _known_before(decision_id: UUID, opened_on: date) -> bytes:
    decided = scoring.decided_features(decision_id=decision_id)
    if decided.at.date() > opened_on + _TIME_ZONES:
        raise Conflict("The decision is later than the loan: what it was made from cannot train.")
    return msgspec.json.encode(decided.values)


def _key_of(loan_id: UUID) -> DataKey:
    return DataKey.objects.for_reference(institution_id=None, kind=DataKey.LABEL, reference=str(loan_id))


def forget_person(*, person_id: UUID, now: datetime) -> int:
    """Destroy the keys of the labels of an erased person's loans; returns how many. Platform scope."""
    decision_ids = scoring.decisions_of(person_id=person_id)
    keys = DataKey.objects.filter(
        id__in=OutcomeEntry.objects.filter(decision_id__in=decision_ids).values("key_id"), erased_at=None
    )
    found = list(keys.select_for_update())
    for key in found:
        key.erase(now=now)
    return len(found)
