"""What the console's pages share: rows that are read here, and deeds, each of them one call of a service.

No page writes a row by a form of the admin. A deed is a button; it asks first where it has a question or a form, and
the domain's refusals come back as messages.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import JSONField, Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display as unfold_display

from hub.accounts import policies
from hub.accounts.policies import Role
from hub.audit import Actor, user_actor
from hub.errors import DomainError

Column = TypeVar("Column", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Once:
    """An answer that is shown now and never again: names and secret values, in order."""

    title: str
    lines: tuple[tuple[str, str], ...]
    advice: str = "Copy it now: it is kept as a hash only and cannot be shown again."


@dataclass(frozen=True, slots=True)
class Deed:
    """A button on a row's page, or on a list: `run` makes one service call and returns what to tell the reader.

    `run` gets the request, the row (None on a list) and the form's cleaned data.
    """

    name: str
    label: str
    run: Callable[[HttpRequest, Any, dict[str, Any]], str | Once]
    roles: frozenset[Role]
    form: type[forms.Form] | None = None
    question: str = ""
    danger: bool = False
    offered: Callable[[Any], bool] = lambda _row: True

    @property
    def asks(self) -> bool:
        """Whether a page of its own comes first."""
        return self.form is not None or bool(self.question)


@dataclass(frozen=True, slots=True)
class Part:
    """A section of a row's page: a template of the app's own with its context."""

    title: str
    template: str
    context: dict[str, Any]


Parts = Callable[[HttpRequest, Any], Iterable[Part]]
_deeds: defaultdict[str, list[Deed]] = defaultdict(list)
_parts: defaultdict[str, list[Parts]] = defaultdict(list)


def extend(label: str, *, deeds: Iterable[Deed] = (), parts: Parts | None = None) -> None:
    """Add to the pages of another app's model, named as "app.Model": an app may know those it builds upon."""
    _deeds[label].extend(deeds)
    if parts is not None:
        _parts[label].append(parts)


def coloured(title: str, **colours: str) -> Callable[[Column], Column]:
    """Show a column as a badge: for each value unfold's `success`, `danger`, `warning` or `info`."""

    def decorate(column: Column) -> Column:
        decorated: Column = unfold_display(description=title, label=colours)(column)
        return decorated

    return decorate


def _json_column(name: str) -> Callable[[Model], str]:
    def column(row: Model) -> str:
        text = json.dumps(getattr(row, name), ensure_ascii=False, indent=2, sort_keys=True)
        return format_html('<pre class="structured">{}</pre>', text)

    column.__name__ = name
    described: Any = column
    described.short_description = name.replace("_", " ")
    return column


def actor(request: HttpRequest) -> Actor:
    """Return the signed-in person as the actor of a service call."""
    assert request.user.pk is not None
    return user_actor(request.user.pk)


class RecordAdmin(ModelAdmin):  # type: ignore[misc]  # unfold carries no types
    """Pages of one kind of row. Subclasses say what is shown, which deeds there are, and draw parts."""

    section: ClassVar[str] = "Machinery"
    icon: ClassVar[str] = "database"
    title: ClassVar[str] = ""
    shown: ClassVar[tuple[str, ...]] = ()
    deeds: ClassVar[tuple[Deed, ...]] = ()
    list_deeds: ClassVar[tuple[Deed, ...]] = ()

    actions = None
    view_on_site = False
    show_full_result_count = False
    list_per_page = 50
    list_before_template = "console/list_top.html"
    change_form_template = "console/record.html"

    def parts(self, request: HttpRequest, row: Any) -> Iterable[Part]:  # noqa: ARG002 - for subclasses
        """Return the sections below the fields."""
        return ()

    def headline(self, row: Any) -> Iterable[tuple[str, object]]:  # noqa: ARG002 - for subclasses
        """Return the few facts that stand large above everything: name and value."""
        return ()

    def refresh_s(self, row: Any) -> int:  # noqa: ARG002 - for subclasses
        """Return after how many seconds the page should be fetched again, 0 for never."""
        return 0

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Every role reads everything."""
        return policies.may_read(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """As above."""
        return policies.may_read(request.user)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Nothing is added by the admin's forms."""
        return False

    has_change_permission = has_delete_permission = has_add_permission

    @cached_property
    def columns(self) -> tuple[Any, ...]:
        """What is shown, JSON as plain text: unfold would colour it by style attributes, which the policy refuses."""
        structured = {field.name for field in self.opts.get_fields() if isinstance(field, JSONField)}
        return tuple(_json_column(name) if name in structured else name for name in self.shown)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:  # noqa: ARG002
        """Show what the subclass says."""
        return self.columns

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[Any, ...]:  # noqa: ARG002
        """All of it to be read only."""
        return self.columns

    def get_urls(self) -> list[URLPattern]:
        """Add the pages of the deeds."""
        names = self.opts.app_label, self.opts.model_name
        view = self.admin_site.admin_view(self.deed_view)
        own = [
            path("do/<slug:name>/", view, name="{}_{}_list_deed".format(*names)),
            path("<path:object_id>/do/<slug:name>/", view, name="{}_{}_deed".format(*names)),
        ]
        return own + list(super().get_urls())

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show the list with its deeds."""
        deeds = self._offered(request, self.list_deeds, None)
        page: TemplateResponse = super().changelist_view(request, {**(extra_context or {}), "deeds": deeds})
        return page

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a row with its deeds and parts."""
        row = self.get_object(request, unquote(object_id)) if object_id else None
        if row is not None and not self.has_view_permission(request, row):
            raise PermissionDenied
        context: dict[str, Any] = {**(extra_context or {}), "deeds": self._offered(request, self._all_deeds(), row)}
        if row is not None:
            more = [part for parts in _parts[self.opts.label] for part in parts(request, row)]
            context |= {"headline": list(self.headline(row)), "parts": [*self.parts(request, row), *more]}
            context["refresh_s"] = self.refresh_s(row)
        page: HttpResponse = super().changeform_view(request, object_id, form_url, context)
        return page

    def deed_view(self, request: HttpRequest, name: str, object_id: str | None = None) -> HttpResponse:
        """Ask, or do: GET shows the question and the form, POST makes the one service call."""
        row = self.get_object(request, unquote(object_id)) if object_id else None
        if object_id and row is None:
            raise Http404
        deed = next((d for d in (self._all_deeds() if row else self.list_deeds) if d.name == name), None)
        if deed is None or (row is not None and not deed.offered(row)):
            raise Http404
        if not policies.may(request.user, deed.roles):
            raise PermissionDenied
        posted = request.method == "POST"
        form = self.form_of(deed, row, request) if deed.form else None
        if posted and (form is None or form.is_valid()):
            answer = self._do(request, deed, row, form)
            if answer is not None:
                return answer
        return self._ask(request, deed, row, form)

    def form_of(self, deed: Deed, row: Any, request: HttpRequest) -> forms.Form:  # noqa: ARG002 - for subclasses
        """Make the form of a deed; subclasses may add what the row knows already."""
        assert deed.form is not None
        return deed.form(request.POST, request.FILES) if request.method == "POST" else deed.form()

    def _do(self, request: HttpRequest, deed: Deed, row: Any, form: forms.Form | None) -> HttpResponse | None:
        try:
            told = deed.run(request, row, form.cleaned_data if form else {})
        except DomainError as error:
            if form is not None:
                for line in _lines(error):
                    form.add_error(None, line)
                return None
            messages.error(request, " ".join(_lines(error)))
            return redirect(self._back(row))
        if isinstance(told, Once):
            return self._page(request, "console/once.html", told.title, {"once": told, "back": self._back(row)})
        messages.success(request, told)
        return redirect(self._back(row))

    def _ask(self, request: HttpRequest, deed: Deed, row: Any, form: forms.Form | None) -> HttpResponse:
        context = {"deed": deed, "form": form, "row": row, "back": self._back(row)}
        return self._page(request, "console/deed.html", deed.label, context)

    def _page(self, request: HttpRequest, template: str, title: str, context: dict[str, Any]) -> HttpResponse:
        each = self.admin_site.each_context(request)
        response = TemplateResponse(request, template, {**each, "title": title, "opts": self.opts, **context})
        response["Cache-Control"] = "no-store"
        return response

    def _back(self, row: Any) -> str:
        # A row that the deed removed has no page any more.
        names = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        if row is None or row.pk is None:
            return reverse(f"{names}_changelist")
        return reverse(f"{names}_change", args=[row.pk])

    def _all_deeds(self) -> tuple[Deed, ...]:
        return (*self.deeds, *_deeds[self.opts.label])

    def _offered(self, request: HttpRequest, deeds: tuple[Deed, ...], row: Any) -> list[Deed]:
        mine = [deed for deed in deeds if policies.may(request.user, deed.roles)]
        return [deed for deed in mine if row is None or deed.offered(row)]


def _lines(error: DomainError) -> list[str]:
    return [error.detail, *(f"{one.pointer.lstrip('/')}: {one.detail}" for one in error.errors)]
