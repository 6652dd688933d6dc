"""Files of people in the console: how far each is, and which lines had problems. Never what a line says."""

from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest

from hub import console, figures
from hub.records import Part, RecordAdmin, coloured
from risk.scoring import batch_results
from risk.scoring.models import ScoreBatch

REFRESH_S = 3
PROBLEMS_SHOWN = 100


@console.register(ScoreBatch)
class ScoreBatchAdmin(RecordAdmin):
    """Files with their progress. Results are the institution's: it alone reads them, by REST."""

    section = "Decisions"
    icon = "upload_file"
    list_display = ("batch", "institution_id", "state_label", "progress", "scored", "problems", "created_at")
    list_filter = ("state", "format")
    list_select_related = ("version__line",)
    search_fields = ("id", "institution_id", "sha256")
    shown = (
        "id", "institution_id", "version", "format", "state_label", "progress", "failure", "lines", "lines_done",
        "scored", "problems", "attempts", "size_bytes", "sha256", "actor_kind", "actor_id", "created_at",
        "finished_at",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScoreBatch]:
        """Leave the bytes of the versions where they are."""
        rows: QuerySet[ScoreBatch] = super().get_queryset(request).select_related("version__line")
        return rows.defer("version__artefact", "version__report", "version__manifest")

    def refresh_s(self, row: ScoreBatch) -> int:
        """Fetch again while it is being scored."""
        return REFRESH_S if row.is_open else 0

    def headline(self, row: ScoreBatch) -> list[tuple[str, object]]:
        """How it went."""
        return [("State", row.state), ("Done", f"{row.percent} %"), ("Scored", row.scored), ("Problems", row.problems)]

    def parts(self, request: HttpRequest, row: ScoreBatch) -> list[Part]:  # noqa: ARG002 - the base's signature
        """Count the problems by their kind, and name the first lines."""
        counts, lines = batch_results.problems_of(row, limit=PROBLEMS_SHOWN)
        context = {"counts": counts, "lines": lines, "every": row.problems}
        return [Part("Lines that were not scored", "scoring/batch_problems.html", context)]

    @display(description="file")
    def batch(self, row: ScoreBatch) -> str:
        """Name it."""
        return str(row)

    @display(description="progress")
    def progress(self, row: ScoreBatch) -> figures.Figure:
        """Draw how far it is."""
        return figures.progress(row.percent, 100, title=f"Scoring {row}")

    @coloured("state", done="success", failed="danger", scoring="info")
    def state_label(self, row: ScoreBatch) -> str:
        """Colour the state."""
        return row.state
