"""Reviews in the console: taken, given more time, and decided with a reason that the applicant reads."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from hub import audit, console, records
from hub.accounts.policies import RISK_OFFICERS, STAFF
from hub.clock import now
from hub.console import Panel
from hub.errors import Erased
from hub.records import Deed, Part, RecordAdmin, actor, coloured
from risk.scoring import reviews
from risk.scoring.models import Decision, DecisionReview


class ReasonForm(forms.Form):
    """Why, in the applicant's language."""

    reason = forms.CharField(
        min_length=reviews.TEXT_MIN, max_length=reviews.TEXT_MAX, widget=forms.Textarea(attrs={"rows": 6}),
        help_text="The applicant reads it as you write it: use the language of the review.",
    )  # fmt: skip


class OverturnForm(ReasonForm):
    """Why, and what is affordable."""

    instalment_max = forms.DecimalField(
        required=False, min_value=0, max_digits=12, decimal_places=2, label="Largest affordable instalment a month",
        help_text="Of a decline: up to here lenders may be asked. Empty where only lenders' rules stood against it.",
    )  # fmt: skip


def _user(request: HttpRequest) -> UUID:
    assert request.user.pk is not None
    return UUID(str(request.user.pk))


def _take(request: HttpRequest, row: DecisionReview, _data: dict[str, Any]) -> str:
    reviews.take_review(review_id=row.id, user_id=_user(request), now=now(row.sandbox_id))
    return "It is yours: look at the decision, and decide."


def _extend(request: HttpRequest, row: DecisionReview, data: dict[str, Any]) -> str:
    moment = now(row.sandbox_id)
    found = reviews.extend_review(review_id=row.id, reason=data["reason"], user_id=_user(request), now=moment)
    return f"It is due on {found.due_at:%Y-%m-%d} now, and the applicant can read why."


def _decide(overturn: bool) -> Callable[[HttpRequest, DecisionReview, dict[str, Any]], str]:
    def deed(request: HttpRequest, row: DecisionReview, data: dict[str, Any]) -> str:
        reviews.decide_review(
            review_id=row.id, overturn=overturn, reason=data["reason"], user_id=_user(request),
            now=now(row.sandbox_id), instalment_max=data.get("instalment_max"),
        )  # fmt: skip
        return "The refusal is overturned: the applicant can go on to lenders." if overturn else "The refusal stands."

    return deed


def _is_assigned(row: DecisionReview) -> bool:
    return row.state == "assigned"


@console.register(DecisionReview)
class DecisionReviewAdmin(RecordAdmin):
    """Refusals that applicants want a person to look at; each look into one is written into the audit."""

    section = "Decisions"
    icon = "balance"
    title = "Reviews"
    list_display = ("id", "state_label", "due_at", "assignee_id", "language", "asked_at")
    list_filter = ("state", "language")
    search_fields = ("id", "decision__id", "application_id")
    ordering = ("due_at",)
    shown = (
        "id", "state_label", "decision", "application_id", "sandbox_id", "language", "asked_at", "due_at",
        "extended_at", "rules_version", "assignee_id", "decided_by", "ended_at",
    )  # fmt: skip
    deeds = (
        Deed("take-review", "Take it", _take, STAFF, offered=lambda row: row.is_open),
        Deed(
            "extend-review", "Give it more time", _extend, STAFF, form=ReasonForm,
            offered=lambda row: row.is_extendable,
            question="Once, and only before it is due. The applicant reads why.",
        ),
        Deed(
            "overturn", "Overturn the refusal", _decide(overturn=True), RISK_OFFICERS, form=OverturnForm,
            offered=_is_assigned,
            question="The applicant may go on to lenders, who judge for themselves. Score, grade and reasons stay on "
            "record beside your decision, which counts as an override.",
        ),
        Deed(
            "uphold", "Uphold the refusal", _decide(overturn=False), RISK_OFFICERS, form=ReasonForm, danger=True,
            offered=_is_assigned, question="The refusal stands, and the applicant reads why.",
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[DecisionReview]:
        """Fetch the decision and the key's state along."""
        rows: QuerySet[DecisionReview] = super().get_queryset(request).select_related("decision__person")
        return rows.defer("decision__sealed")

    def headline(self, row: DecisionReview) -> list[tuple[str, object]]:
        """What was refused, and until when it is to be decided."""
        return [("State", self.state_label(row)), ("Due", f"{row.due_at:%Y-%m-%d}"), ("Decision", row.decision.action)]

    def parts(self, request: HttpRequest, row: DecisionReview) -> list[Part]:
        """Show what the applicant says and what was decided."""
        try:
            said, verdict, extension = row.said(), row.decided(), row.extended_because()
        except Erased:
            return [Part("Erased", "scoring/erased.html", {"at": row.decision.person.erased_at})]
        audit.record(
            actor=actor(request), action="review.viewed", subject_type="decision_review", subject_id=row.id, now=now()
        )
        context = {"said": said, "verdict": verdict, "extension": extension, "review": row}
        return [Part("What the applicant says, and what was decided", "scoring/review.html", context)]

    @coloured("state", open="warning", assigned="info", upheld="", overturned="success", withdrawn="")
    def state_label(self, row: DecisionReview) -> str:
        """Colour the state, and tell what is overdue."""
        return f"{row.state}, overdue" if row.is_open and row.due_at < now(row.sandbox_id) else row.state


def _of_decision(_request: HttpRequest, row: Decision) -> list[Part]:
    found = row.reviews.order_by("-asked_at")
    return [Part("Reviews by a person", "scoring/reviews.html", {"reviews": found})] if found else []


records.extend("scoring.Decision", parts=_of_decision)


@console.register_panel
def waiting_reviews(_request: HttpRequest) -> Panel:
    """Show the reviews that wait, the most urgent first."""
    waiting = DecisionReview.objects.filter(ended_at=None).only("id", "state", "due_at").order_by("due_at")[:8]
    context = {"reviews": waiting, "moment": now()}
    return Panel("Reviews", "scoring/review_panel.html", context, reverse("admin:scoring_decisionreview_changelist"))
