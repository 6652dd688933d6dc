"""Shadow scoring: challengers score what the champion decided on, afterwards, from the stored inputs.

It never touches a decision, its transaction or its answer. Decisions are read by their ids, which lie in the order of
their making, and only after a while, when everything older has been committed.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hub.errors import Invalid
from risk.scoring import bands, queries
from risk.scoring.computing import compute
from risk.scoring.facts import ShadowPair, ShadowView
from risk.scoring.glassbox import Scorer
from risk.scoring.models import Decision, ModelVersion, Shadow, ShadowScore
from risk.scoring.services import open_decision, scorer_of
from risk.scoring.shadow_models import LASTS, SCORED_MAX

LAG = timedelta(minutes=5)
LEASE = timedelta(minutes=2)
_PART, _PARTS_AT_ONCE = 500, 100
Scope = Callable[[], AbstractContextManager[None]]
Clock = Callable[[], datetime]


def begin(version: ModelVersion, *, now: datetime) -> None:
    """Let a registered challenger score beside the champion, if there is one. In the registration's transaction."""
    if queries.champion_on(line_id=version.line_id) is not None:
        Shadow.begin(version_id=version.id, line_id=version.line_id, done_to=_first_id(now), now=now)


def _first_id(moment: datetime) -> UUID:
    """No UUID of version 7 that is made from this moment on is smaller."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def open_shadows() -> list[UUID]:
    """Return the versions that score beside a champion. Platform scope."""
    return list(Shadow.objects.filter(ended_at=None).values_list("version_id", flat=True))


def score_beside(*, version_id: UUID, scope: Scope, clock: Clock) -> Shadow:
    """Score what was decided since, some hundred decisions in each transaction, and return the row.

    Raises Busy while another worker is at it, LeaseLost where one took it over.
    """
    with scope():
        row = Shadow.locked(version_id)
        if row.ended_at is not None or _over(row, clock()):
            return row
        token = row.claim(until=clock() + LEASE, now=clock())
    for _ in range(_PARTS_AT_ONCE):
        with scope():
            row = Shadow.locked(version_id)
            row.check_lease(token)
            if not _score_part(row, until=_first_id(clock() - LAG), lease_until=clock() + LEASE):
                row.rest()
                return row
    with scope():
        row = Shadow.locked(version_id)
        row.check_lease(token)
        row.rest()
    return row


def _over(row: Shadow, now: datetime) -> bool:
    state = ModelVersion.objects.filter(id=row.version_id).values_list("state", flat=True).get()
    if state == "challenger" and row.since + LASTS > now and row.scored < SCORED_MAX:
        return False
    row.end(now=now)
    return True


def _score_part(row: Shadow, *, until: UUID, lease_until: datetime) -> bool:
    """Score the next decisions with ids below `until`; False where there are none."""
    ids = Decision.objects.filter(id__gt=row.done_to, id__lt=until).order_by("id").values_list("id", flat=True)[:_PART]
    found = list(ids)
    if not found:
        return False
    rows = Decision.objects.filter(id__in=found, version__line_id=row.line_id, person__erased_at=None)
    rows = rows.select_related("person", "version__line")
    said = _said(row, list(rows.defer("version__artefact", "version__report", "version__manifest")))
    told = [one for one in said if one is not None]
    ShadowScore.append(told)
    row.advance(done_to=found[-1], scored=len(told), unreadable=len(said) - len(told), lease_until=lease_until)
    return True


def _said(row: Shadow, decisions: Sequence[Decision]) -> list[dict[str, object] | None]:
    """Score each of these; None for what the version cannot read."""
    version = ModelVersion.objects.defer("artefact", "report", "manifest").get(id=row.version_id)
    scorer = scorer_of(version)
    return [_told(version, scorer, frozenset(scorer.names), decision) for decision in decisions]


def _told(version: ModelVersion, scorer: Scorer, names: frozenset[str], decision: Decision) -> dict[str, object] | None:
    known = open_decision(decision).sealed.features
    try:
        score = compute(scorer, {name: known[name] for name in known if name in names}, version.calibration)
    except Invalid:
        return None
    return {
        "shadow_id": version.id, "decision_id": decision.id, "logit_micro": score.logit_micro,
        "pd_12m": Decimal(score.pd_12m),
    }  # fmt: skip


def view_of(*, version_id: UUID) -> ShadowView | None:
    """Return how a version scored beside its champion, None where it never did. Platform scope."""
    row = Shadow.objects.filter(version_id=version_id).first()
    return ShadowView(row.since, row.ended_at, row.scored, row.unreadable) if row else None


def pairs(*, version_id: UUID, limit: int) -> list[ShadowPair]:
    """Return the newest of what a version said beside its champion. Platform scope."""
    rows = ShadowScore.objects.filter(shadow_id=version_id).order_by("-decision_id")
    found = rows.values_list("decision_id", "decision__pd_12m", "pd_12m")[:limit]
    return [ShadowPair(one, float(pd), float(shadow), _grade(pd) != _grade(shadow)) for one, pd, shadow in found]


def _grade(pd: Decimal) -> str:
    return bands.band_of(float(pd)).grade
