"""Set-wise reads for those who watch the models: versions in use, decisions, what decisions were made from."""

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import pairwise
from uuid import UUID

from django.db.models import Max, QuerySet

from hub.errors import NotFound
from risk.scoring import bands
from risk.scoring.facts import Decided, ModelView
from risk.scoring.glassbox import Scorer
from risk.scoring.models import Announcement, Decision, ModelVersion
from risk.scoring.services import open_decision, scorer_of

SHOWN = ("champion", "retired")  # a challenger has scored nobody yet
_CHUNK = 1_000


def models_in_use() -> list[ModelView]:
    """The champions of the scope, by line."""
    return [_view(row) for row in versions().filter(state="champion").order_by("line__name", "line_id")]


def model(*, version_id: UUID) -> ModelView:
    """A version that scores or scored; `NotFound` for others, which another institution's are too."""
    return _view(shown_version(version_id=version_id))


def shown_version(*, version_id: UUID, announced: bool = False) -> ModelVersion:
    """A version that scores or scored, or (`announced`) soon does, with its manifest; `NotFound` as above."""
    rows = versions()
    if announced:
        waiting = Announcement.objects.filter(ended_at=None).values("version_id")
        rows |= _all_versions().filter(id__in=waiting)
    row = rows.defer(None).defer("artefact").filter(id=version_id).first()
    if row is None:
        raise NotFound("There is no such model version in use.")
    return row


def scorer(*, version_id: UUID) -> Scorer:
    """The loaded tables of a version; `Unavailable` where they do not load."""
    return scorer_of(ModelVersion(id=version_id))


def versions() -> QuerySet[ModelVersion]:
    """The versions of the scope that score or scored, with their lines and `since`."""
    return _all_versions().filter(state__in=SHOWN)


def _all_versions() -> QuerySet[ModelVersion]:
    rows = ModelVersion.objects.select_related("line").defer("artefact", "manifest")
    return rows.annotate(since=Max("promotions__at"))


def _view(row: ModelVersion) -> ModelView:
    line = row.line
    since: datetime | None = getattr(row, "since", None)
    return ModelView(
        row.id, row.number, row.state, row.sha256, line.id, line.name, line.institution_id, line.purpose,
        line.jurisdiction, row.run_id, row.report, row.calibration, since, _cut_offs(),
    )  # fmt: skip


def _cut_offs() -> tuple[tuple[float, bool], ...]:
    return tuple((one.pd_below, one.action != then.action) for one, then in pairwise(bands.BANDS[bands.CURRENT]))


def decisions(
    *, line_id: UUID, since: datetime, until: datetime, limit: int, ids: Collection[UUID] | None = None
) -> list[Decided]:
    """The newest `limit` decisions of a line in [since, until), newest first; with `ids` only these."""
    rows = Decision.objects.filter(version__line_id=line_id, created_at__gte=since, created_at__lt=until)
    if ids is not None:
        rows = rows.filter(id__in=ids)
    names = ("id", "institution_id", "version_id", "pd_12m", "grade", "action", "created_at")
    found = rows.order_by("-created_at", "-id").values_list(*names)[:limit]
    return [Decided(one[0], one[1], one[2], float(one[3]), *one[4:]) for one in found]


def decided_values(*, decision_ids: Sequence[UUID]) -> dict[UUID, dict[str, float | str | None]]:
    """What decisions were made from, opened; those of erased people are left out. Platform scope."""
    found: dict[UUID, dict[str, float | str | None]] = {}
    for start in range(0, len(decision_ids), _CHUNK):
        rows = Decision.objects.filter(id__in=decision_ids[start : start + _CHUNK], person__erased_at=None)
        rows = rows.select_related("person", "version__line").defer(
            "version__artefact", "version__report", "version__manifest"
        )
        found |= {row.id: open_decision(row).sealed.features for row in rows}
    return found
