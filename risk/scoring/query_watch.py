"""The watch over what institutions ask: who used up a day's budget, who sweeps through features. Platform scope."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from hub import outbox
from hub.audit import system_actor, user_actor
from hub.errors import FieldError, Invalid, NotFound
from hub.events import QueryAlertOpened, QueryAlertSettled
from risk.scoring import monitored
from risk.scoring.models import Decision, QueryAlert, QueryBudget
from risk.scoring.probing import FOUND_LEAST, swept

LOOKED_AT = 2_000  # of the newest scores of an institution on a line: each is opened under its person's key
SPAN = timedelta(days=1)
NOTE_MIN = 20  # characters: a sentence
_ASKERS = """
SELECT d.institution_id, v.line_id, count(*) FROM scoring_decision d
JOIN scoring_modelversion v ON v.id = d.version_id
WHERE d.institution_id IS NOT NULL AND d.created_at >= %s GROUP BY 1, 2 HAVING count(*) >= %s"""


@dataclass(frozen=True, slots=True)
class Asker:
    """An institution that asked for so many scores of a line within the last day; its budget is `cap`."""

    institution_id: UUID
    line_id: UUID
    scores: int
    cap: int


def askers(*, now: datetime) -> list[Asker]:
    """Return who asked often enough within the last day to be looked at."""
    caps = dict(QueryBudget.objects.values_list("institution_id", "scores_per_day"))
    with connection.cursor() as cursor:
        cursor.execute(_ASKERS, (now - SPAN, FOUND_LEAST))
        found = list(cursor.fetchall())
    return [
        Asker(asker_id, line_id, scores, caps.get(asker_id, settings.SCORES_PER_DAY))
        for asker_id, line_id, scores in found
    ]


def watch_asker(asker: Asker, *, now: datetime) -> None:
    """Open the alerts that an institution's questions of the last day call for. Safe to repeat.

    Where one is open, or was settled within the day, nothing is done.
    """
    if asker.scores >= asker.cap:
        _open(asker, "spent", asker.scores, asker.scores, now)
    rows = _newest(asker, now)
    if (found := swept(rows)) >= FOUND_LEAST:
        _open(asker, "sweeps", len(rows), found, now)


def settle_alert(*, alert_id: UUID, note: str, user_id: UUID, now: datetime) -> QueryAlert:
    """Close an alert with what was found out; `Invalid` without a sentence, `Conflict` where it was settled."""
    if len(note.strip()) < NOTE_MIN:
        raise Invalid([FieldError("/note", "note_needed", "Say in a sentence what was found out.")])
    with transaction.atomic():
        alert = QueryAlert.objects.select_for_update().filter(id=alert_id).first()
        if alert is None:
            raise NotFound("There is no such alert.")
        alert.settle(user_id=user_id, note=note.strip(), now=now)
        event = QueryAlertSettled(
            alert.id, None, asker_id=alert.institution_id, line_id=alert.line_id, kind=alert.kind
        )  # fmt: skip
        outbox.publish(event, actor=user_actor(user_id), now=now)
    return alert


def open_alerts() -> int:
    """Count the alerts that nobody has settled."""
    return QueryAlert.objects.filter(state="open").count()


def _newest(asker: Asker, now: datetime) -> list[dict[str, float | str | None]]:
    rows = Decision.objects.filter(institution_id=asker.institution_id, created_at__gte=now - SPAN)
    rows = rows.filter(version__line_id=asker.line_id)
    ids = list(rows.order_by("-created_at", "-id").values_list("id", flat=True)[:LOOKED_AT])
    return list(monitored.decided_values(decision_ids=ids).values())


def _open(asker: Asker, kind: str, looked_at: int, found: int, now: datetime) -> None:
    about = {"institution_id": asker.institution_id, "line_id": asker.line_id, "kind": kind}
    if QueryAlert.objects.filter(Q(state="open") | Q(settled_at__gte=now - SPAN), **about).exists():
        return
    try:
        with transaction.atomic():
            made = QueryAlert.objects.create(looked_at=looked_at, found=found, opened_at=now, **about)
    except IntegrityError:  # another one opened it meanwhile
        return
    event = QueryAlertOpened(made.id, None, asker_id=asker.institution_id, line_id=asker.line_id, kind=kind)
    outbox.publish(event, actor=system_actor("scoring.queries"), now=now)
