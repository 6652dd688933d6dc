"""Model lines, versions, approvals, promotion, roll-back: the services of the registry."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Max

from hub import audit, outbox
from hub.audit import Actor, user_actor
from hub.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from hub.events import ModelApproved, ModelPromoted, ModelReplayRequested, ModelVersionRegistered
from risk.scoring import gates, notices, pins, shadowing
from risk.scoring.flows import VERSION
from risk.scoring.glassbox import ArtefactError, Calibration, load_artefact, manifest_of
from risk.scoring.models import Approval, ModelLine, ModelVersion, Promotion
from risk.scoring.queries import locked_line

APPROVALS_NEEDED = 2
WAIVER_MIN = 20  # characters: a sentence
log = structlog.get_logger(__name__)


def ensure_line(
    *, name: str, institution_id: UUID | None, purpose: str, jurisdiction: str, actor: Actor, now: datetime
) -> ModelLine:
    """Return the line of this name, made at first use. `Conflict` where it is there with another purpose."""
    with transaction.atomic():
        line, made = ModelLine.objects.get_or_create(
            institution_id=institution_id, name=name, defaults={"purpose": purpose, "jurisdiction": jurisdiction}
        )
        if made:
            audit.record(
                actor=actor, action="model_line.opened", subject_type="model_line", subject_id=line.id,
                institution_id=institution_id, details={"name": name, "purpose": purpose}, now=now,
            )  # fmt: skip
    if (line.purpose, line.jurisdiction) != (purpose, jurisdiction):
        raise Conflict(
            f"The line {name} is there already, for {line.purpose} in {line.jurisdiction}: take another name."
        )
    return line


def register_version(
    *,
    line_id: UUID,
    run_id: UUID,
    artefact: bytes,
    manifest: Mapping[str, Any],
    calibration: Calibration,
    report: dict[str, Any],
    trainer_id: UUID | None,
    actor: Actor,
    now: datetime,
) -> UUID:
    """Take a fitted artefact into the registry as a challenger; a second call for the same run changes nothing.

    The artefact is loaded once to see that it is whole; `ArtefactError` where it is not.
    """
    load_artefact(artefact, sha256=manifest["sha256"])
    with transaction.atomic():
        line = locked_line(line_id=line_id)
        known = ModelVersion.objects.filter(run_id=run_id).values_list("id", flat=True).first()
        if known is not None:
            return known
        highest = line.versions.aggregate(highest=Max("number"))["highest"] or 0
        version = ModelVersion.objects.create(
            institution_id=line.institution_id, line=line, number=highest + 1, run_id=run_id, trainer_id=trainer_id,
            artefact=artefact, sha256=manifest["sha256"], manifest=dict(manifest_of(artefact)),
            slope_micro=calibration.slope_micro, intercept_micro=calibration.intercept_micro, report=report,
            created_at=now,
        )  # fmt: skip
        outbox.publish(
            ModelVersionRegistered(
                version.id, line.institution_id, line_id=line.id, number=version.number, sha256=version.sha256
            ),
            actor=actor,
            now=now,
        )
        shadowing.begin(version, now=now)
    return version.id


def approve_version(*, version_id: UUID, user_id: UUID, now: datetime, waiver: str = "") -> ModelVersion:
    """Approve a challenger; the second approval promotes it, or announces it to the institutions that use its line.

    Refused to its trainer, and twice to one person.

    Where promotion criteria are not met it is refused (`Conflict`), unless all of those may be waived and `waiver`
    says why (`Invalid` without it). A refused try stays in the audit.
    """
    try:
        with transaction.atomic():
            return _approve(version_id, user_id, waiver.strip(), now)
    except (Conflict, Forbidden, Invalid) as error:
        audit.record(
            actor=user_actor(user_id), action="model.approval_refused", subject_type="model_version",
            subject_id=version_id, details={"code": error.code, "detail": error.detail}, now=now,
        )  # fmt: skip
        raise


def _approve(version_id: UUID, user_id: UUID, waiver: str, now: datetime) -> ModelVersion:
    version = _locked_version(version_id)
    if version.trainer_id == user_id:
        raise Forbidden("Whoever trained a version cannot approve it: two other people must.")
    if version.state != VERSION.first:
        raise Conflict(f"Version {version.number} is {version.state}: only a challenger waits for approval.")
    if version.approvals.filter(user_id=user_id).exists():
        raise Conflict("You have approved this version already: the second approval must be somebody else's.")
    notices.refuse_if_another_waits(version)
    unmet = gates.unmet(version, now=now)
    _check_criteria(version, unmet, waiver)
    Approval.objects.create(
        institution_id=version.institution_id, version=version, user_id=user_id, trainer_id=version.trainer_id,
        sha256=version.sha256, waiver=waiver if unmet else "", at=now,
    )  # fmt: skip
    outbox.publish(
        ModelApproved(version.id, version.institution_id, line_id=version.line_id, approver_id=user_id),
        actor=user_actor(user_id),
        now=now,
    )
    if version.approvals.filter(sha256=version.sha256).count() >= APPROVALS_NEEDED:
        if notice := notices.notice_of(version, now=now):
            notices.announce(version, notice=notice, actor=user_actor(user_id), now=now)
        else:
            _promote(version, actor=user_actor(user_id), rolled_back=False, now=now)
    return version


def _check_criteria(version: ModelVersion, unmet: list[dict[str, Any]], waiver: str) -> None:
    hard = [one["says"] for one in unmet if not one["waivable"]]
    if hard:
        raise Conflict(f"Version {version.number} does not meet the promotion criteria. {' '.join(hard)}")
    if unmet and len(waiver) < WAIVER_MIN:
        open_ones = " ".join(one["says"] for one in unmet)
        detail = f"Say in a sentence why you approve although: {open_ones}"
        raise Invalid([FieldError("/waiver", "waiver_needed", detail)], detail)


def request_replay(*, version_id: UUID, actor: Actor, now: datetime) -> None:
    """Ask what a challenger would change under the live credit policies; `Conflict` where it is none."""
    with transaction.atomic():
        version = _locked_version(version_id)
        if version.state != VERSION.first:
            raise Conflict(f"Version {version.number} is {version.state}: only a challenger is held against another.")
        event = ModelReplayRequested(version.id, version.institution_id, line_id=version.line_id)
        outbox.publish(event, actor=actor, now=now)


def promote_due(*, actor: Actor, now: datetime) -> list[UUID]:
    """Promote the versions whose announced date has come; return their ids. Platform scope.

    One whose artefact does not load stays announced, and is tried again.
    """
    done = []
    for row in notices.due(now=now):
        try:
            with transaction.atomic():
                version = _locked_version(row.version_id)
                row.refresh_from_db(fields=["ended_at"])
                if row.ended_at is None:
                    _promote(version, actor=actor, rolled_back=False, now=now)
                    row.end(promoted=True, now=now)
                    done.append(version.id)
        except ArtefactError:
            log.error("announced_version_does_not_load", version=str(row.version_id))
    return done


def roll_back(*, line_id: UUID, actor: Actor, now: datetime) -> ModelVersion:
    """Put the version back that stood before the champion. `Conflict` where there is none.

    Pins to what is taken back end, and each institution is told; other pins and an announcement stand.
    """
    with transaction.atomic():
        line = locked_line(line_id=line_id)
        champion = line.versions.filter(state="champion").first()
        promoted = Promotion.objects.filter(version=champion, rolled_back=False).last() if champion else None
        if promoted is None or promoted.previous is None:
            raise Conflict(f"The line {line.name} has no earlier champion to go back to.")
        _promote(promoted.previous, actor=actor, rolled_back=True, now=now)
        pins.end_on(version_id=promoted.version_id, actor=actor, now=now)
        return promoted.previous


def _promote(version: ModelVersion, *, actor: Actor, rolled_back: bool, now: datetime) -> None:
    version.scorer()  # an artefact that does not load must never be champion
    previous = ModelVersion.objects.filter(line_id=version.line_id, state="champion").first()
    if previous is not None:
        previous.become("retired")
    version.become("champion")
    Promotion.objects.create(
        institution_id=version.institution_id, line_id=version.line_id, version=version, previous=previous,
        rolled_back=rolled_back, at=now,
    )  # fmt: skip
    concerned = [] if previous is None else notices.users_of(version, now=now)
    for institution_id in {version.institution_id, *concerned}:
        event = ModelPromoted(
            version.id, institution_id, line_id=version.line_id, previous_id=previous.id if previous else None,
            rolled_back=rolled_back,
        )  # fmt: skip
        outbox.publish(event, actor=actor, now=now)


def _locked_version(version_id: UUID) -> ModelVersion:
    line_id = ModelVersion.objects.filter(id=version_id).values_list("line_id", flat=True).first()
    if line_id is None:
        raise NotFound("There is no such model version.")
    locked_line(line_id=line_id)
    return ModelVersion.objects.select_related("line").get(id=version_id)
