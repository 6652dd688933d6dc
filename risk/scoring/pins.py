"""Pins: an institution is scored by the version before for a while, for its own calls and files alone."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from hub import outbox
from hub.audit import Actor
from hub.errors import Conflict, FieldError, Invalid, NotFound
from hub.events import ModelPinned, ModelPinReminded, ModelUnpinned
from risk.scoring.models import ModelVersion, Promotion, VersionPin
from risk.scoring.notice_models import PIN_MAX

REMIND_BEFORE = timedelta(days=7)
AT_ONCE = 200


def pin(*, institution_id: UUID, version_id: UUID, until: datetime, actor: Actor, now: datetime) -> VersionPin:
    """Let a version go on scoring for an institution until a moment: a champion, or the one that stood before it.

    Of what is pinned already the moment is set anew. At most 90 days, which count from the first of these days and from
    the day that another one took over. `NotFound` for a version that the institution may not see, `Invalid` for
    another moment, `Conflict` where another version is pinned, or this one was rolled back or never stood there.
    """
    with transaction.atomic():
        version = version_in_use(institution_id=institution_id, version_id=version_id)
        known = _locked(institution_id=institution_id, line_id=version.line_id)
        if known is not None and known.version_id != version.id:
            raise Conflict("Another version of this line is pinned already: release it first.")
        since = min(_superseded(version) or now, known.pinned_at if known else now)
        if not now < until <= since + PIN_MAX:
            detail = f"Name a moment between now and {since + PIN_MAX:%Y-%m-%dT%H:%M:%SZ}: 90 days at most."
            raise Invalid([FieldError("/until", "out_of_range", detail)])
        row = known or VersionPin(institution_id=institution_id, line_id=version.line_id, version=version)
        row.hold(until=until, now=now)
        event = ModelPinned(version.id, institution_id, line_id=version.line_id, pin_id=row.id, until=until.isoformat())
        outbox.publish(event, actor=actor, now=now)
    return row


def version_in_use(*, institution_id: UUID, version_id: UUID) -> ModelVersion:
    """Return a version that scores or scored, the platform's or the institution's own; `NotFound` for others."""
    mine = Q(institution_id=institution_id) | Q(institution_id=None)
    rows = ModelVersion.objects.filter(mine, id=version_id, state__in=("champion", "retired")).select_related("line")
    found = rows.defer("artefact", "manifest", "report").first()
    if found is None:
        raise NotFound("There is no such model version in use.")
    return found


def _superseded(version: ModelVersion) -> datetime | None:
    """When another one took the version's place, None while it stands."""
    if version.state == "champion":
        return None
    last = Promotion.objects.filter(line_id=version.line_id).order_by("-at", "-id").first()
    if last is None or last.rolled_back or last.previous_id != version.id:
        raise Conflict("Only a champion, or the version that stood there before it, can be pinned.")
    return last.at


def open_pin(*, institution_id: UUID, version_id: UUID) -> VersionPin:
    """Return how an institution has pinned a version; `NotFound` where it has not."""
    rows = VersionPin.objects.filter(institution_id=institution_id, version_id=version_id, ended_at=None)
    row = rows.select_related("version__line").first()
    if row is None:
        raise NotFound("This version is not pinned.")
    return row


def _locked(*, institution_id: UUID, line_id: UUID) -> VersionPin | None:
    rows = VersionPin.objects.select_for_update(of=("self",)).select_related("version__line")
    return rows.filter(institution_id=institution_id, line_id=line_id, ended_at=None).first()


def release(*, institution_id: UUID, version_id: UUID, actor: Actor, now: datetime) -> VersionPin:
    """Let the champion score again, and return what was pinned; `NotFound` where it is not."""
    with transaction.atomic():
        line_id = open_pin(institution_id=institution_id, version_id=version_id).line_id
        row = _locked(institution_id=institution_id, line_id=line_id)
        if row is None or row.version_id != version_id:
            raise NotFound("This version is not pinned.")
        _end(row, VersionPin.RELEASED, actor, now)
    return row


def end_on(*, version_id: UUID, actor: Actor, now: datetime) -> int:
    """End every pin to a version that is rolled back; return how many. Platform scope, in the roll-back's transaction.

    What is taken back is not to score for anybody; each institution is told.
    """
    rows = list(VersionPin.objects.select_for_update().filter(version_id=version_id, ended_at=None).order_by("id"))
    for row in rows:
        _end(row, VersionPin.ROLLED_BACK, actor, now)
    return len(rows)


def keep_dates(*, actor: Actor, now: datetime) -> int:
    """End the pins whose time is over, and tell of those that end within a week; return how many. Platform scope."""
    with transaction.atomic():
        rows = VersionPin.objects.select_for_update(skip_locked=True).filter(ended_at=None).order_by("until", "id")
        over = list(rows.filter(until__lte=now)[:AT_ONCE])
        soon = list(rows.filter(until__gt=now, until__lte=now + REMIND_BEFORE, reminded_at=None)[:AT_ONCE])
        for row in over:
            _end(row, VersionPin.EXPIRED, actor, now)
        for row in soon:
            row.remind(now=now)
            event = ModelPinReminded(
                row.version_id, row.institution_id, line_id=row.line_id, pin_id=row.id, until=row.until.isoformat()
            )
            outbox.publish(event, actor=actor, now=now)
    return len(over) + len(soon)


def _end(row: VersionPin, ended_by: str, actor: Actor, now: datetime) -> None:
    row.end(ended_by, now=now)
    event = ModelUnpinned(row.version_id, row.institution_id, line_id=row.line_id, pin_id=row.id, ended_by=ended_by)
    outbox.publish(event, actor=actor, now=now)
