"""Loan books and trainings in the console: hand a book in, watch it being read, train, watch, cancel."""

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib.admin import display
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse

from hub import console, figures, records
from hub.accounts.policies import RISK_OFFICERS, STAFF
from hub.clock import now
from hub.console import Panel
from hub.records import Deed, Part, RecordAdmin, actor, coloured
from risk.learning import holds, queries, services, shipped
from risk.learning.agreement_admin import SharingAgreementAdmin
from risk.learning.models import LabelHold, LoanBook, TrainingRun

__all__ = ["LabelHoldAdmin", "LoanBookAdmin", "SharingAgreementAdmin", "TrainingRunAdmin"]

MAPPING_BYTES_MAX = 500_000
REFRESH_S = 3
PROBLEMS_SHOWN = 100
_COLOURS = {
    "read": "success", "done": "success", "refused": "danger", "failed": "danger", "reading": "info", "running": "info",
}  # fmt: skip


def _shipped() -> list[tuple[str, str]]:
    return [("", "Another one, from the file below"), *((name, name) for name in shipped.names())]


class BookForm(forms.Form):
    """A loan book and how to read it."""

    file = forms.FileField(label="Loan book", help_text="CSV in UTF-8 with a header line, plain or gzip.")
    known_mapping = forms.ChoiceField(choices=_shipped, required=False, label="Mapping that comes with Luopan")
    mapping = forms.FileField(
        required=False, label="Mapping of your own",
        help_text="YAML that says of each column what it is: feature, label, time, protected, proxy or ignored.",
    )  # fmt: skip
    line_name = forms.SlugField(max_length=60, label="Model line", help_text="Made at its first use, such as consumer.")
    institution_id = forms.UUIDField(
        required=False, label="Institution", help_text="Its id where the line is an institution's own; else empty."
    )
    train_when_read = forms.BooleanField(required=False, label="Train as soon as it is read")

    def clean(self) -> dict[str, Any]:
        """Read the mapping, whichever was chosen."""
        data: dict[str, Any] = super().clean() or {}
        own, known = data.pop("mapping", None), data.pop("known_mapping", "")
        if bool(own) == bool(known):
            raise ValidationError("Choose a mapping, or hand in one of your own.")
        if own and own.size > MAPPING_BYTES_MAX:
            raise ValidationError("A mapping is a small file.")
        data["mapping_text"] = own.read() if own else shipped.mapping_text(known)
        return data


class TrainingForm(forms.Form):
    """How to train."""

    seed = forms.IntegerField(
        initial=services.DEFAULT_SEED, min_value=0, max_value=2**31 - 1,
        help_text="The same books and seed give the same model to the bit.",
    )  # fmt: skip


def _hand_in(request: HttpRequest, _row: None, data: dict[str, Any]) -> str:
    file = data.pop("file")
    found = services.register_book(chunks=file.chunks(), **data, actor=actor(request), now=now())
    if found.made:
        return "The book is in and waits to be read. Open it to watch."
    return "The same book with the same mapping came before: nothing was changed."


def _train(request: HttpRequest, row: Any, data: dict[str, Any]) -> str:
    run = services.request_training(
        line_id=row.id, requested_by=request.user.pk, actor=actor(request), now=now(), seed=data["seed"]
    )
    return f"A training waits for a worker (seed {run.seed}). Whoever asked for it cannot approve its version."


def _cancel(request: HttpRequest, row: TrainingRun, _data: dict[str, Any]) -> str:
    services.cancel_training(run_id=row.id, actor=actor(request), now=now())
    return "Cancelled. A worker that is at it notices before its next step."


@console.register(LoanBook)
class LoanBookAdmin(RecordAdmin):
    """Books with how far they are read and what was wrong in them."""

    section = "Loan books"
    icon = "menu_book"
    list_display = ("book", "line", "state_label", "progress", "rows", "bads", "damaged_lines", "created_at")
    list_filter = ("state", "line")
    list_select_related = ("line",)
    search_fields = ("id", "file_sha256")
    shown = (
        "id", "book", "line", "institution_id", "state", "progress", "refusal", "lines", "rows", "bads",
        "damaged_lines", "train_when_read", "file_bytes", "file_sha256", "mapping_sha256", "created_at", "finished_at",
    )  # fmt: skip
    list_deeds = (Deed("hand-in", "Hand in a loan book", _hand_in, STAFF, form=BookForm),)

    def refresh_s(self, row: LoanBook) -> int:
        """Fetch again while it is being read."""
        return REFRESH_S if row.is_open else 0

    def headline(self, row: LoanBook) -> list[tuple[str, object]]:
        """How it went."""
        counts = [("Rows in the ledger", row.rows), ("Bad ones", row.bads), ("Damaged lines", row.damaged_lines)]
        return [("State", row.state), ("Read", f"{row.percent} %"), *counts]

    def parts(self, request: HttpRequest, row: LoanBook) -> list[Part]:  # noqa: ARG002 - the base's signature
        """Damaged lines, columns, trainings."""
        problems = {
            "counts": queries.problem_counts(book_id=row.id),
            "problems": queries.problems(book_id=row.id)[:PROBLEMS_SHOWN],
            "shown": PROBLEMS_SHOWN,
            "damaged": row.damaged_lines,
        }
        columns = {"columns": row.mapping_json.get("columns", []), "runs": queries.trainings_of(book=row)}
        return [
            Part("Lines that were left out", "learning/problems.html", problems),
            Part("What the columns are", "learning/columns.html", columns),
        ]

    @display(description="book")
    def book(self, row: LoanBook) -> str:
        """Name it."""
        return str(row)

    @coloured("state", **_COLOURS)
    def state_label(self, row: LoanBook) -> str:
        """Colour the state."""
        return row.state

    @display(description="progress")
    def progress(self, row: LoanBook) -> str:
        """Draw how much is read."""
        return _drawn(row.percent, f"Reading {row}")


@console.register(TrainingRun)
class TrainingRunAdmin(RecordAdmin):
    """Trainings with their progress."""

    section = "Loan books"
    icon = "fitness_center"
    title = "Trainings"
    list_display = ("run", "line", "state_label", "progress", "step", "created_at", "finished_at")
    list_filter = ("state", "line")
    list_select_related = ("line",)
    search_fields = ("id",)
    shown = (
        "id", "line", "institution_id", "state", "progress", "step", "failure", "seed", "recipe", "attempts",
        "requested_by", "created_at", "started_at", "finished_at",
    )  # fmt: skip
    deeds = (
        Deed(
            "cancel", "Cancel", _cancel, STAFF, danger=True, offered=lambda row: row.is_open,
            question="What it has fitted so far is thrown away.",
        ),
    )  # fmt: skip

    def refresh_s(self, row: TrainingRun) -> int:
        """Fetch again while it waits or runs."""
        return REFRESH_S if row.is_open else 0

    def headline(self, row: TrainingRun) -> list[tuple[str, object]]:
        """How far it has come."""
        return [("State", row.state), ("Progress", f"{_percent(row)} %"), ("Step", row.step), ("Attempt", row.attempts)]

    def parts(self, request: HttpRequest, row: TrainingRun) -> list[Part]:  # noqa: ARG002 - the base's signature
        """Link to what came out, and to the books."""
        books = LoanBook.objects.filter(id__in=row.book_ids).order_by("created_at")
        return [Part("Books and version", "learning/run.html", {"books": books, "version_id": row.version_id})]

    @display(description="training")
    def run(self, row: TrainingRun) -> str:
        """Name it by its moment."""
        return f"{row.created_at:%Y-%m-%d %H:%M:%S}"

    @coloured("state", **_COLOURS)
    def state_label(self, row: TrainingRun) -> str:
        """Colour the state."""
        return row.state

    @display(description="progress")
    def progress(self, row: TrainingRun) -> str:
        """Draw how far it has come."""
        return _drawn(_percent(row), f"Training: {row.step}")


def _of_line(_request: HttpRequest, row: Any) -> Iterable[Part]:
    context = {
        "books": queries.books(line_id=row.id),
        "outcomes": queries.outcome_counts(line_id=row.id),
        "runs": queries.runs(line_id=row.id)[:10],
    }
    return [Part("Books, outcomes and trainings", "learning/line.html", context)]


class HoldForm(forms.Form):
    """What was found out about held labels."""

    note = forms.CharField(max_length=500, label="What was found out", help_text="A sentence that stays in the audit.")


def _decide(release: bool) -> Callable[[HttpRequest, LabelHold, dict[str, Any]], str]:
    def deed(request: HttpRequest, row: LabelHold, data: dict[str, Any]) -> str:
        assert request.user.pk is not None
        holds.decide_hold(hold_id=row.id, release=release, note=data["note"], user_id=request.user.pk, now=now())
        return "The next training learns from them." if release else "They are kept out of trainings for good."

    return deed


@console.register(LabelHold)
class LabelHoldAdmin(RecordAdmin):
    """Labels that look made up, each waiting for a person's decision."""

    section = "Models"
    icon = "front_hand"
    list_display = ("line", "lender_id", "state_label", "found_at", "due_at")
    list_filter = ("state", "line")
    list_select_related = ("line",)
    search_fields = ("lender_id",)
    shown = (
        "line", "lender_id", "state", "says", "first_entry", "last_entry", "found_at", "due_at", "decided_by",
        "decided_at", "note",
    )  # fmt: skip
    deeds = (
        Deed(
            "release", "Release", _decide(release=True), RISK_OFFICERS, form=HoldForm, offered=lambda row: row.is_open,
            question="The labels that came so far are right after all: trainings may learn from them.",
        ),
        Deed(
            "reject", "Reject", _decide(release=False), RISK_OFFICERS, form=HoldForm, danger=True,
            offered=lambda row: row.is_open,
            question="The labels that came so far are wrong: no training ever learns from them. Monitoring keeps them.",
        ),
    )  # fmt: skip

    @coloured("state", held="warning", released="success", rejected="danger")
    def state_label(self, row: LabelHold) -> str:
        """Colour the state, and tell what is overdue."""
        return f"{row.state}, overdue" if row.is_overdue else row.state


def _percent(run: TrainingRun) -> int:
    return 100 if run.state == "done" else run.percent


def _drawn(percent: int, title: str) -> figures.Figure:
    return figures.progress(percent, 100, title=title)


records.extend("scoring.ModelLine", deeds=[Deed("train", "Train", _train, STAFF, form=TrainingForm)], parts=_of_line)


@console.register_panel
def work(_request: HttpRequest) -> Panel:
    """Show books and trainings that are under way."""
    books = queries.books().filter(finished_at=None)[:5]
    context = {
        "books": [(book, _drawn(book.percent, "Reading")) for book in books],
        "runs": [(run, _drawn(_percent(run), run.step)) for run in queries.runs()[:5]],
    }
    href = reverse("admin:learning_trainingrun_changelist")
    return Panel("Books and trainings", "learning/panel.html", context, href)
