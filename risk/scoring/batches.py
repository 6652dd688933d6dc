"""What is done with files of people to be scored: taken in, and found again where nobody is at them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from hub import outbox
from hub.audit import Actor
from hub.db.quick import fetch_together
from hub.errors import FieldError, Invalid, TooLarge
from hub.events import ScoreBatchReceived
from hub.ids import uuid7
from hub.leases import stale
from hub.uploads import Upload
from risk.scoring import services
from risk.scoring.batch_lines import header_of
from risk.scoring.batch_models import ScoreBatch
from risk.scoring.batch_scoring import FILES
from risk.scoring.models import ModelVersion
from risk.scoring.query_budgets import Standing

LINES_MAX = 2_000_000
RESEND_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class ControlTotals:
    """What the sender says of a file: its line feeds, those of a CSV's header included, and its SHA-256."""

    count: int | None = None
    sha256: str | None = None


def receive(
    *,
    institution_id: UUID,
    line_name: str,
    chunks: Iterable[bytes],
    format_: str,
    totals: ControlTotals,
    actor: Actor,
    now: datetime,
    budget: Standing | None = None,
) -> ScoreBatch:
    """Take a file in, to disk, and its row into the database, where it waits to be scored. Tenant scope.

    The same file for the same champion again is the same batch. `Invalid` where a control total differs or the file as
    a whole cannot be read, `TooLarge`, `Unavailable` from the disk; `NotFound` and `Conflict` from the model line;
    `QueryBudgetSpent` where it has more lines than `budget` has scores left.
    """
    version = champion_for(line_name=line_name, institution_id=institution_id, now=now)
    limit: int = settings.SCORE_BATCH_BYTES_MAX
    upload = FILES.receive(chunks, bytes_max=limit, too_large=too_large())
    try:
        _check(upload, version, format_, totals)
        known = ScoreBatch.objects.filter(
            Q(institution_id=institution_id, version=version, sha256=upload.sha256) & ~Q(state="failed")
        ).first()
        if known is None and budget is not None:
            budget.spend(upload.lines)
        return known or _keep(upload, version, institution_id, format_, actor, now)
    finally:
        upload.discard()


def too_large() -> str:
    """What is said of a file over the limit."""
    return f"A file has at most {settings.SCORE_BATCH_BYTES_MAX // 1_000_000} MB: split it."


def champion_for(*, line_name: str, institution_id: UUID, now: datetime) -> ModelVersion:
    """Return who scores for an institution: its own line's version, else the platform's; `NotFound`, `Conflict`."""
    [champions] = fetch_together(services._champions(line_name, institution_id, now))
    return services._own_first(champions, institution_id, line_name)


def _check(upload: Upload, version: ModelVersion, format_: str, totals: ControlTotals) -> None:
    remedy = "It differs from the file, of which nothing was taken: send the whole file again."
    faults = []
    if totals.sha256 is not None and totals.sha256.lower() != upload.sha256:
        faults.append(FieldError("/sha256", "control_total", remedy))
    if totals.count is not None and totals.count != upload.lines:
        faults.append(FieldError("/count", "control_total", remedy))
    if not upload.size:
        faults.append(FieldError("/file", "empty", "The file has no line."))
    if faults:
        raise Invalid(faults)
    if upload.lines > LINES_MAX:
        raise TooLarge(f"A file has at most {LINES_MAX:,} lines: split it.")
    if format_ == "csv":
        header_of(upload.path, services.scorer_of(version))


def _keep(
    upload: Upload, version: ModelVersion, institution_id: UUID, format_: str, actor: Actor, now: datetime
) -> ScoreBatch:
    batch = ScoreBatch.receive(
        id=uuid7(), institution_id=institution_id, version=version, format=format_, sha256=upload.sha256,
        size_bytes=upload.size, lines=upload.lines, actor_kind=actor.kind, actor_id=actor.id, created_at=now,
    )  # fmt: skip
    event = ScoreBatchReceived(
        batch.id, institution_id, version_id=version.id, lines=upload.lines, sha256=upload.sha256
    )
    outbox.publish(event, actor=actor, now=now)
    upload.settle(batch.id)
    return batch


def sweep(*, now: datetime) -> list[tuple[UUID, UUID]]:
    """Return institution and id of the batches that need a task: leases that ended, or none sent for ten minutes.

    Platform scope.
    """
    with transaction.atomic():
        waiting = ScoreBatch.objects.select_for_update(skip_locked=True, of=("self",)).filter(finished_at=None)
        found = list(waiting.filter(Q(lease_until__lt=now) | stale(age=RESEND_AFTER, now=now)))
        for batch in found:
            batch.release(now=now)
    return [(batch.institution_id, batch.id) for batch in found]


def tidy_uploads(*, now: datetime) -> int:
    """Remove files that no open batch waits for any more; return how many. Platform scope."""
    wanted = {str(one) for one in ScoreBatch.objects.filter(finished_at=None).values_list("id", flat=True)}
    gone = [path for path in FILES.abandoned(now=now) if path.name not in wanted]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)
