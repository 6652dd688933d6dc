"""Policy matrices in the console: drafted by one, approved by two others, shown as the tables that they are."""

import json
from typing import Any
from uuid import UUID

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from hub import console
from hub.accounts.policies import RISK_OFFICERS
from hub.clock import now
from hub.console import Panel
from hub.errors import DomainError
from hub.parsing import strict_json
from hub.records import Deed, Part, RecordAdmin, coloured
from risk.scoring import matrices
from risk.scoring.affordability import BANDS, GRADES, Matrix
from risk.scoring.flows import MATRIX
from risk.scoring.models import ModelLine, PolicyMatrix


def _text(matrix: Matrix) -> str:
    return json.dumps(msgspec.to_builtins(matrix), indent=1)


class ReviseForm(forms.Form):
    """The cells of a matrix, as JSON."""

    cells = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false"}), max_length=20_000, strip=True,
        help_text=f"JSON: for each grade of the risk ({', '.join(GRADES)}) and each band of affordability "
        f"({', '.join(BANDS)}) a grade, an action (approve, review, decline) and a limit in percent.",
    )  # fmt: skip

    def clean_cells(self) -> Matrix:
        """Read the JSON."""
        try:
            return msgspec.convert(strict_json(self.cleaned_data["cells"].encode()), Matrix)
        except (DomainError, msgspec.ValidationError) as error:
            raise ValidationError(f"This is no policy matrix: {error}") from error


class DraftForm(ReviseForm):
    """A new matrix, to begin with the one that is shipped."""

    line = forms.TypedChoiceField(coerce=UUID)
    field_order = ("line", "cells")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lines = ModelLine.objects.order_by("name")
        field = self.fields["line"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [(str(one.id), f"{one.name} of {one.institution_id or 'the platform'}") for one in lines]
        self.initial.setdefault("cells", _text(matrices.shipped().matrix))


class ApproveForm(forms.Form):
    """What was read: the SHA-256 of the bytes on the page."""

    sha256 = forms.CharField(max_length=64, widget=forms.HiddenInput)


def _user(request: HttpRequest) -> UUID:
    assert request.user.pk is not None
    return UUID(str(request.user.pk))


def _draft(request: HttpRequest, _row: None, data: dict[str, Any]) -> str:
    made = matrices.draft_matrix(line_id=data["line"], matrix=data["cells"], user_id=_user(request), now=now())
    return f"Matrix {made.number} is drafted. Two other people must approve it before it decides."


def _revise(request: HttpRequest, row: PolicyMatrix, data: dict[str, Any]) -> str:
    matrices.revise_matrix(matrix_id=row.id, matrix=data["cells"], user_id=_user(request), now=now())
    return "The draft is written anew: approvals of what it said before count no more."


def _approve(request: HttpRequest, row: PolicyMatrix, data: dict[str, Any]) -> str:
    found = matrices.approve_matrix(matrix_id=row.id, sha256=data["sha256"], user_id=_user(request), now=now())
    if found.state == PolicyMatrix.LIVE:
        return f"This was the second approval: matrix {found.number} decides on its line from now on."
    return "Approved. One more person must approve it before it decides."


def _is_draft(row: PolicyMatrix) -> bool:
    return row.state == MATRIX.first


@console.register(PolicyMatrix)
class PolicyMatrixAdmin(RecordAdmin):
    """Policy matrices: which grade, limit and action follow from risk and affordability."""

    section = "Models"
    icon = "grid_on"
    title = "Policy matrices"
    list_display = ("line", "number", "state_label", "author_id", "created_at")
    list_filter = ("state", "line")
    list_select_related = ("line",)
    search_fields = ("id", "sha256")
    ordering = ("-created_at",)
    shown = ("id", "line", "number", "state_label", "sha256", "author_id", "created_at")
    list_deeds = (Deed("draft-matrix", "Draft a policy matrix", _draft, RISK_OFFICERS, form=DraftForm),)
    deeds = (
        Deed("revise-matrix", "Write it anew", _revise, RISK_OFFICERS, form=ReviseForm, offered=_is_draft),
        Deed(
            "approve-matrix", "Approve", _approve, RISK_OFFICERS, form=ApproveForm, offered=_is_draft,
            question="You approve exactly the cells on the page before. The second approval lets them decide on every "
            "score of the line that asks for affordability. Whoever wrote them cannot approve them.",
        ),
    )  # fmt: skip

    def form_of(self, deed: Deed, row: Any, request: HttpRequest) -> forms.Form:
        """Begin with what the matrix says now."""
        posted = request.POST or None
        if deed.form is ReviseForm:
            return ReviseForm(posted, initial={"cells": bytes(row.document).decode(errors="replace")})
        if deed.form is ApproveForm:
            return ApproveForm(posted, initial={"sha256": row.sha256})
        return super().form_of(deed, row, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PolicyMatrix]:
        """Fetch the line along."""
        rows: QuerySet[PolicyMatrix] = super().get_queryset(request).select_related("line")
        return rows

    def parts(self, request: HttpRequest, row: PolicyMatrix) -> list[Part]:
        """Show the table, and who approved it."""
        mine = row.author_id == request.user.pk
        approvals = row.approvals.order_by("at")
        context = {"approvals": approvals, "matrix": row, "mine": mine, "needed": matrices.APPROVALS_NEEDED}
        return [
            Part("Cells", "scoring/matrix.html", {"bands": BANDS, "rows": _rows(row)}),
            Part("Approvals", "scoring/matrix_approvals.html", context),
        ]

    @coloured("state", draft="info", live="success", retired="")
    def state_label(self, row: PolicyMatrix) -> str:
        """Colour the state."""
        return row.state


def _rows(row: PolicyMatrix) -> list[tuple[str, list[Any]]]:
    """Return each grade with its cells in the order of the bands; nothing where the bytes were changed."""
    try:
        cells = row.matrix().cells
    except ValueError:
        return []
    return [(grade, [cells[grade][band] for band in BANDS]) for grade in GRADES]


@console.register_panel
def policy_matrices(_request: HttpRequest) -> Panel:
    """Show which matrix decides on which line, and what waits for approval."""
    rows = PolicyMatrix.objects.select_related("line").defer("document")
    live, waiting = rows.filter(state=PolicyMatrix.LIVE), rows.filter(state=MATRIX.first)
    context = {"live": live.order_by("line__name")[:10], "waiting": waiting[:10], "shipped": matrices.shipped().name}
    return Panel("Policy matrices", "scoring/matrix_panel.html", context, "/console/scoring/policymatrix/")
