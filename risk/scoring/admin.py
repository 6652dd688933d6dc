"""Model lines, versions and decision records in the console."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.admin import EmptyFieldListFilter, display
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path

from hub import console, documents, erasure
from hub.accounts.policies import OPERATORS, RISK_OFFICERS, STAFF
from hub.clock import now
from hub.console import Panel
from hub.errors import Erased
from hub.records import Deed, Part, RecordAdmin, actor, coloured
from risk.scoring import pages, registry, reports, services
from risk.scoring.batch_admin import ScoreBatchAdmin
from risk.scoring.flows import VERSION
from risk.scoring.matrix_admin import PolicyMatrixAdmin
from risk.scoring.models import Announcement, Decision, ModelLine, ModelVersion
from risk.scoring.notice_admin import PIN, AnnouncementAdmin, VersionPinAdmin
from risk.scoring.proxy_admin import ProxyApprovalAdmin
from risk.scoring.query_admin import QueryAlertAdmin, QueryBudgetAdmin
from risk.scoring.review_admin import DecisionReviewAdmin
from risk.scoring.source_admin import InquiryAdmin

__all__ = [
    "AnnouncementAdmin",
    "DecisionAdmin",
    "DecisionReviewAdmin",
    "InquiryAdmin",
    "ModelLineAdmin",
    "ModelVersionAdmin",
    "PolicyMatrixAdmin",
    "ProxyApprovalAdmin",
    "QueryAlertAdmin",
    "QueryBudgetAdmin",
    "ScoreBatchAdmin",
    "VersionPinAdmin",
]

_HEAVY = ("artefact", "report", "manifest")
PAPERS = {"report": reports.validation_report, "card": reports.model_card}


class ApproveForm(forms.Form):
    """Why an approver sets criteria aside."""

    waiver = forms.CharField(
        required=False, max_length=500, label="Reason for a waiver",
        help_text="Only where a promotion criterion is not met that may be waived: why you approve all the same.",
    )  # fmt: skip


def _approve(request: HttpRequest, row: ModelVersion, data: dict[str, Any]) -> str:
    assert request.user.pk is not None
    version = registry.approve_version(
        version_id=row.id, user_id=request.user.pk, now=now(), waiver=data.get("waiver", "")
    )
    if version.state == "champion":
        return f"This was the second approval: version {version.number} is the champion of {version.line} now."
    if waiting := Announcement.open_on(version.line_id):
        day = f"{waiting.effective_at:%Y-%m-%d %H:%M} UTC"
        return f"This was the second approval: it is announced to those who use the line, and takes over on {day}."
    return "Approved. One more person must approve it before it scores anybody."


def _replay_policies(request: HttpRequest, row: ModelVersion, _data: dict[str, Any]) -> str:
    registry.request_replay(version_id=row.id, actor=actor(request), now=now())
    return "The live credit policies are replayed in the background: look again in a minute."


def _roll_back(request: HttpRequest, row: ModelLine, _data: dict[str, Any]) -> str:
    version = registry.roll_back(line_id=row.id, actor=actor(request), now=now())
    return f"Version {version.number} scores again."


def _erase(request: HttpRequest, row: Decision, _data: dict[str, Any]) -> str:
    erasure.erase_person(person_id=row.person_id, actor=actor(request), now=now())
    return "The person's key is destroyed: this record and every other of this person answers “erased”."


def _replay(_request: HttpRequest, row: Decision, _data: dict[str, Any]) -> str:
    found = services.replay(decision=row)
    return f"Computed again from its stored inputs and versions: {found.result}."


@console.register(ModelLine)
class ModelLineAdmin(RecordAdmin):
    """Model lines, each with its versions."""

    section = "Models"
    icon = "timeline"
    list_display = ("name", "purpose", "jurisdiction", "owner", "champion", "created_at")
    list_filter = ("purpose", "jurisdiction")
    search_fields = ("name", "institution_id")
    ordering = ("name",)
    shown = ("id", "name", "purpose", "jurisdiction", "owner", "champion", "created_at")
    deeds = (
        Deed(
            "roll-back", "Roll back", _roll_back, RISK_OFFICERS, danger=True,
            question="The champion is retired and the version that stood before it scores from now on. Institutions "
            "that pinned the champion are scored by that version too, and told so; other pins and announcements stand.",
        ),
    )  # fmt: skip

    def parts(self, request: HttpRequest, row: ModelLine) -> list[Part]:  # noqa: ARG002 - the base's signature
        """List its versions."""
        versions = row.versions.defer("artefact", "manifest").order_by("-number")[:50]
        return [Part("Versions", "scoring/versions.html", {"versions": versions})]

    @display(description="owner")
    def owner(self, row: ModelLine) -> str:
        """The platform, or an institution by its id."""
        return str(row.institution_id or "the platform")

    @display(description="champion")
    def champion(self, row: ModelLine) -> str:
        """Which version scores."""
        number = row.versions.filter(state="champion").values_list("number", flat=True).first()
        return f"version {number}" if number else "none yet"


@console.register(ModelVersion)
class ModelVersionAdmin(RecordAdmin):
    """Versions with their validation; two people approve one."""

    section = "Models"
    icon = "model_training"
    list_display = ("version", "state_label", "trained_by", "created_at")
    list_filter = ("state", "line")
    list_select_related = ("line",)
    search_fields = ("id", "sha256")
    shown = ("id", "line", "number", "state", "trained_by", "sha256", "slope_micro", "intercept_micro", "created_at")
    deeds = (
        Deed(
            "approve", "Approve", _approve, RISK_OFFICERS, form=ApproveForm,
            offered=lambda row: row.state == VERSION.first,
            question="You approve exactly these bytes, having read the validation below. The second approval makes "
            "this version the champion, after a notice where institutions use the line. Whoever trained it cannot "
            "approve it.",
        ),
        Deed(
            "replay-policies", "Replay credit policies", _replay_policies, RISK_OFFICERS,
            offered=lambda row: row.state == VERSION.first,
        ),
        PIN,
    )  # fmt: skip

    def get_urls(self) -> list[URLPattern]:
        """Add the validation report and the model card."""
        view = self.admin_site.admin_view(self.paper_view)
        return [path("<uuid:object_id>/<str:paper>", view, name="scoring_modelversion_paper"), *super().get_urls()]

    def paper_view(self, request: HttpRequest, object_id: UUID, paper: str) -> HttpResponse:  # noqa: ARG002 - Django's
        """Show a paper as a page, or as the PDF."""
        row = ModelVersion.objects.select_related("line").defer("artefact").filter(id=object_id).first()
        name, _, form = paper.partition(".")
        if row is None or name not in PAPERS or form not in ("", "pdf"):
            raise Http404
        document = PAPERS[name](row, now=now())
        if form:
            return HttpResponse(documents.pdf(document), content_type=documents.PDF)
        return HttpResponse(documents.html(document), content_type=documents.HTML)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelVersion]:
        """Leave artefacts and reports where they are until a page needs them."""
        rows: QuerySet[ModelVersion] = super().get_queryset(request).select_related("line").defer(*_HEAVY)
        return rows

    def headline(self, row: ModelVersion) -> list[tuple[str, object]]:
        """Which version, and whether it scores."""
        return [("Line", row.line), ("Version", row.number), ("State", row.state)]

    def parts(self, request: HttpRequest, row: ModelVersion) -> list[Part]:
        """Validation, approvals, features."""
        mine = row.trainer_id is not None and row.trainer_id == request.user.pk
        said = {"approvals": pages.approvals(row), "history": pages.history(row), "version": row, "mine": mine}
        return [
            Part("Validation", "scoring/validation.html", {**pages.validation(row), "version": row}),
            Part("Credit policies", "scoring/shifts.html", pages.shifts(row, now=now())),
            Part("Approvals", "scoring/approvals.html", {**said, "needed": registry.APPROVALS_NEEDED}),
            Part("Features", "scoring/features.html", {"features": pages.features(row), "points": pages.points(row)}),
        ]

    @display(description="version", ordering="line__name")
    def version(self, row: ModelVersion) -> str:
        """Line and number."""
        return str(row)

    @coloured("state", champion="success", challenger="info", retired="")
    def state_label(self, row: ModelVersion) -> str:
        """Colour the state."""
        return row.state

    @display(description="trained by")
    def trained_by(self, row: ModelVersion) -> str:
        """The person who asked for the training."""
        return str(row.trainer_id or "a command")


@console.register(Decision)
class DecisionAdmin(RecordAdmin):
    """Decision records; each look into one is written into the audit."""

    section = "Decisions"
    icon = "gavel"
    list_display = ("id", "grade", "action", "pd_12m", "version", "decided_by", "created_at")
    list_filter = ("grade", "action", ("institution_id", EmptyFieldListFilter))
    list_select_related = ("version__line",)
    search_fields = ("id", "institution_id")
    ordering = ("-created_at", "-id")
    shown = (
        "id", "grade", "action", "pd_12m", "logit_micro", "version", "bands_version", "parameters_version",
        "matrix_sha256", "decided_by", "person", "consent_id", "created_at",
    )  # fmt: skip
    deeds = (
        Deed("replay", "Compute again", _replay, STAFF),
        Deed(
            "erase", "Erase this person", _erase, OPERATORS, danger=True,
            question="This destroys the key of the person behind this record. What was sealed with it, backups "
            "included, is gone for good. It cannot be undone.",
            offered=lambda row: row.person.erased_at is None,
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Decision]:
        """Fetch what a list shows, and the key's state."""
        rows: QuerySet[Decision] = super().get_queryset(request).select_related("person", "version__line")
        return rows.defer("sealed", *(f"version__{name}" for name in _HEAVY))

    @display(description="decided by")
    def decided_by(self, row: Decision) -> str:
        """The platform itself, or for an institution by its id."""
        return str(row.institution_id or "the platform")

    def headline(self, row: Decision) -> list[tuple[str, object]]:
        """What was decided."""
        risk = f"{float(row.pd_12m):.2%}"
        return [("Grade", row.grade), ("Action", row.action), ("Risk in 12 months", risk), ("Model", row.version)]

    def parts(self, request: HttpRequest, row: Decision) -> list[Part]:
        """Open the record, or say that it was erased."""
        try:
            context = pages.decision(row, actor=actor(request), now=now())
        except Erased:
            return [Part("Erased", "scoring/erased.html", {"at": row.person.erased_at})]
        return [
            Part("How this score came about", "scoring/waterfall.html", context),
            Part("Reasons given", "scoring/reasons.html", context),
            Part("What was known", "scoring/known.html", context),
            Part("Data sources", "scoring/sources.html", context),
            Part("Affordability", "scoring/affordability.html", context),
        ]


@console.register_panel
def lines(_request: HttpRequest) -> Panel:
    """Show which version scores on each line, and what waits for approval."""
    champions = ModelVersion.objects.filter(state="champion").select_related("line").defer(*_HEAVY)
    waiting = ModelVersion.objects.filter(state=VERSION.first).select_related("line").defer(*_HEAVY)
    context = {"champions": champions.order_by("line__name")[:10], "waiting": waiting[:10]}
    return Panel("Models", "scoring/panel.html", context, "/console/scoring/modelline/")


@console.register_panel
def decisions(_request: HttpRequest) -> Panel:
    """Show the newest decision records."""
    newest = Decision.objects.only("id", "grade", "action", "created_at").order_by("-created_at", "-id")[:8]
    return Panel("Newest decisions", "scoring/newest.html", {"rows": newest}, "/console/scoring/decision/")
