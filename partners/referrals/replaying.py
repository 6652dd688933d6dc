"""Asks every live credit policy what a challenger would change: over the last applications of its line.

What was known of each goes through champion and challenger, and what both say through matching as it stands now. The
result is told in events, all of them together with the end of the replay: killed before, it is begun anew.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from hub import outbox
from hub.audit import Actor
from hub.errors import DomainError
from hub.events import PoliciesReplayed
from hub.leases import stale
from partners.referrals import packages, routing
from partners.referrals.matching import Judge, Shift, Shifts, count
from partners.referrals.models import Case, PolicyReplay
from partners.referrals.shelf import shelf_of
from risk.scoring import facade as scoring
from risk.scoring.facade import Said

APPLICATIONS_MAX = 1_000
CASES_READ_MAX = 20_000  # of all lines together, the newest first
_PART = 200
LEASE = timedelta(minutes=2)
RESEND_AFTER = timedelta(minutes=10)
ATTEMPTS_MAX = 5
Scope = Callable[[], AbstractContextManager[None]]
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class _Pair:
    """An application with what champion and challenger say of it."""

    case: Case
    said: tuple[Said, Said]


def replay_policies(*, replay_id: UUID, scope: Scope, clock: Clock, actor: Actor) -> PolicyReplay:
    """Carry a replay to its end and return it; one that ended before is returned as it is.

    Raises Busy while another worker holds it, LeaseLost where one took it over.
    """
    with scope():
        row = PolicyReplay.locked(replay_id)
        if row.finished_at is not None:
            return row
        if row.attempts >= ATTEMPTS_MAX:
            row.finish(failure=f"Its worker was gone {row.attempts} times: it was given up.", now=clock())
            return row
        token = row.claim(until=clock() + LEASE, now=clock())
        champion = scoring.champion_on(line_id=row.line_id)
    champion_id = champion.version_id if champion else None
    try:
        shifts, applications = _counted(row, token, champion_id, scope, clock)
    except DomainError as error:
        with scope():
            return _ended(row.id, token, clock(), failure=str(error))
    with scope():
        ended = _ended(row.id, token, clock(), applications=applications)
        _tell(ended, champion_id, sorted(shifts.values(), key=lambda one: (one.lender_id, one.currency)), actor)
    return ended


def _ended(replay_id: UUID, token: UUID, now: datetime, *, applications: int = 0, failure: str = "") -> PolicyReplay:
    held = PolicyReplay.locked(replay_id)
    held.check_lease(token)
    held.finish(applications=applications, failure=failure, now=now)
    return held


def _counted(
    row: PolicyReplay, token: UUID, champion_id: UUID | None, scope: Scope, clock: Clock
) -> tuple[Shifts, int]:
    shifts: Shifts = {}
    applications, before = 0, None
    if champion_id in (None, row.version_id):  # nothing decides yet, or the version does by now
        return shifts, 0
    assert champion_id is not None
    for _ in range(CASES_READ_MAX // _PART):
        with scope():
            held = PolicyReplay.locked(row.id)
            held.check_lease(token)
            held.renew(until=clock() + LEASE)
            cases = _cases(before)
            for pair in _pairs(cases, champion_id, row.version_id, APPLICATIONS_MAX - applications):
                applications += 1
                _count(shifts, pair)
        if len(cases) < _PART or applications >= APPLICATIONS_MAX:
            break
        before = cases[-1]
    return shifts, applications


def _cases(before: Case | None) -> list[Case]:
    rows = Case.objects.select_related("person").order_by("-created_at", "-id")
    if before is not None:
        rows = rows.filter(Q(created_at__lt=before.created_at) | Q(created_at=before.created_at, id__lt=before.id))
    return list(rows[:_PART])


def _pairs(cases: Sequence[Case], champion_id: UUID, challenger_id: UUID, most: int) -> Iterator[_Pair]:
    said = scoring.compared(
        champion_id=champion_id, challenger_id=challenger_id, decision_ids=[case.decision_id for case in cases]
    )
    readable = [case for case in cases if case.decision_id in said and case.person.erased_at is None]
    return (_Pair(case, said[case.decision_id]) for case in readable[:most])


def _count(shifts: Shifts, pair: _Pair) -> None:
    case = pair.case
    shelf = shelf_of(product_class=case.product_class, currency=case.currency, sandbox_id=case.sandbox_id)
    known = packages.open_known(case)
    judges: list[Judge] = []
    for said in pair.said:
        ask = routing.ask_of(case, said.affordability, case.created_at)
        ask = replace(ask, grade=said.grade, pd=said.pd, declined=said.action == "decline")
        # Whom a random arm would let in below the rules is no news of the model.
        judges.append((ask, routing.rules_of(known, ask, shelf.policies)))
    count(shifts, currency=case.currency, candidates=shelf.candidates, before=judges[0], after=judges[1])


def _tell(row: PolicyReplay, champion_id: UUID | None, shifts: Sequence[Shift], actor: Actor) -> None:
    assert row.finished_at is not None
    told = [_event(row, champion_id, shift, len(shifts)) for shift in shifts] or [_event(row, champion_id, None, 1)]
    for event in told:
        outbox.publish(event, actor=actor, now=row.finished_at)


def _event(row: PolicyReplay, champion_id: UUID | None, shift: Shift | None, total: int) -> PoliciesReplayed:
    before, after = (shift.before, shift.after) if shift else (None, None)
    return PoliciesReplayed(
        row.version_id, None, replay_id=row.id, champion_id=champion_id, applications=row.applications, total=total,
        lender_id=shift.lender_id if shift else None, lender=shift.lender if shift else "",
        currency=shift.currency if shift else "", policies=len(shift.policies) if shift else 0,
        approved_before=before.approved if before else 0, approved_after=after.approved if after else 0,
        changed=shift.changed if shift else 0,
        expected_loss_before=str(before.expected_loss if before else Decimal(0)),
        expected_loss_after=str(after.expected_loss if after else Decimal(0)),
        rate_before=_text(before.rate if before else None), rate_after=_text(after.rate if after else None),
    )  # fmt: skip


def _text(rate: Decimal | None) -> str | None:
    return None if rate is None else str(rate)


def sweep_replays(*, now: datetime) -> list[UUID]:
    """Return the replays that need a task: leases that ended, or none sent for ten minutes. Platform scope."""
    with transaction.atomic():
        waiting = PolicyReplay.objects.select_for_update(skip_locked=True, of=("self",)).filter(finished_at=None)
        found = list(waiting.filter(Q(lease_until__lt=now) | stale(age=RESEND_AFTER, now=now)))
        for row in found:
            row.release(now=now)
    return [row.id for row in found]
