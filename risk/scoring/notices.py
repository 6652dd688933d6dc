"""Notice to institutions: a version that takes over is announced to those who use its line, then promoted."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from hub import outbox
from hub.audit import Actor
from hub.errors import Conflict
from hub.events import ModelAnnounced, ModelAnnouncementWithdrawn
from risk.scoring import queries
from risk.scoring.lines import SANDBOX_LINE
from risk.scoring.models import Announcement, Decision, ModelVersion, PolicyShift, VersionPin

USED_WITHIN = timedelta(days=90)
SHOWN_MAX = 100


def users_of(version: ModelVersion, *, now: datetime) -> list[UUID]:
    """Return the institutions that a change of the line's champion concerns, by id. Platform scope.

    Whose own line it is, whom it scored for in the last 90 days, who pinned one of its versions, and whose credit
    policies were replayed for it.
    """
    if version.institution_id is not None:
        return [version.institution_id]
    scored = Decision.objects.filter(
        version__line_id=version.line_id, institution_id__isnull=False, created_at__gte=now - USED_WITHIN
    )
    pinned = VersionPin.objects.filter(line_id=version.line_id, ended_at=None)
    shown = PolicyShift.objects.filter(version_id=version.id, lender_id__isnull=False)
    names = ((scored, "institution_id"), (pinned, "institution_id"), (shown, "lender_id"))
    found = {one for rows, name in names for one in rows.order_by().values_list(name, flat=True).distinct()}
    return sorted(one for one in found if one is not None)


def notice_of(version: ModelVersion, *, now: datetime) -> timedelta:
    """Return how long before it takes over a version is announced: nothing where nobody is concerned."""
    first = queries.champion_on(line_id=version.line_id) is None
    if first or version.line.name == SANDBOX_LINE or not users_of(version, now=now):
        return timedelta(0)
    return timedelta(days=settings.MODEL_NOTICE_DAYS)


def refuse_if_another_waits(version: ModelVersion) -> None:
    """`Conflict` where a version of the line is announced already."""
    if waiting := Announcement.open_on(version.line_id):
        which = "It" if waiting.version_id == version.id else f"Version {waiting.version.number}"
        raise Conflict(f"{which} is announced for {waiting.effective_at:%Y-%m-%d %H:%M} UTC: wait, or withdraw that.")


def announce(version: ModelVersion, *, notice: timedelta, actor: Actor, now: datetime) -> None:
    """Announce an approved version to everybody whom it concerns. In the approval's transaction, the line locked."""
    row = Announcement.objects.create(
        institution_id=version.institution_id, line_id=version.line_id, version=version, announced_at=now,
        effective_at=now + notice,
    )  # fmt: skip
    told = PolicyShift.visible(version.id)
    for institution_id in users_of(version, now=now):
        event = _announced(version, row, institution_id, [one for one in told if one.lender_id == institution_id])
        outbox.publish(event, actor=actor, now=now)


def _announced(
    version: ModelVersion, row: Announcement, institution_id: UUID, shifts: Iterable[PolicyShift]
) -> ModelAnnounced:
    return ModelAnnounced(
        version.id, institution_id, line_id=version.line_id, model_line=version.line.name, number=version.number,
        effective_at=row.effective_at.isoformat(), card=f"{settings.PUBLIC_URL}/api/v1/models/{version.id}/card",
        shifts=[_shift(one) for one in shifts],
    )  # fmt: skip


def _shift(one: PolicyShift) -> dict[str, int | str | None]:
    plain = ("currency", "applications", "policies", "approved_before", "approved_after", "changed")
    texts = ("expected_loss_before", "expected_loss_after", "rate_before", "rate_after")
    return {name: getattr(one, name) for name in plain} | {name: _text(getattr(one, name)) for name in texts}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def withdraw(*, announcement_id: UUID, actor: Actor, now: datetime) -> Announcement:
    """Take an announcement back: the version stays a challenger. `Conflict` where it is over."""
    with transaction.atomic():
        row = Announcement.objects.select_related("version__line").get(id=announcement_id)
        queries.locked_line(line_id=row.line_id)
        row.refresh_from_db(fields=["ended_at"])
        if row.ended_at is not None:
            raise Conflict("It is over: what was announced took over, or was withdrawn before.")
        row.end(promoted=False, now=now)
        for institution_id in users_of(row.version, now=now):
            event = ModelAnnouncementWithdrawn(row.version_id, institution_id, line_id=row.line_id)
            outbox.publish(event, actor=actor, now=now)
    return row


def due(*, now: datetime) -> list[Announcement]:
    """Return the announcements whose date has come. Platform scope."""
    return list(Announcement.objects.filter(ended_at=None, effective_at__lte=now).order_by("effective_at", "id"))


def standing(*, line_id: UUID) -> list[str]:
    """Return in sentences what a roll-back leaves as it is: pins to other versions, an announcement. Platform scope."""
    pinned = VersionPin.objects.filter(line_id=line_id, ended_at=None).select_related("version").order_by("until", "id")
    told = [
        f"The institution {one.institution_id} stays pinned to version {one.version.number} until {one.until:%Y-%m-%d}."
        for one in pinned[:SHOWN_MAX]
    ]
    if waiting := Announcement.open_on(line_id):
        told.append(f"Version {waiting.version.number} is still announced for {waiting.effective_at:%Y-%m-%d}.")
    return told
