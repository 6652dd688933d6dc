"""The operator's console: one site for the admin pages and the panels of all apps."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeVar

from allauth.account import views as sign_in
from csp.constants import UNSAFE_EVAL
from csp.decorators import csp_update
from django.apps import apps
from django.contrib.admin import ModelAdmin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.module_loading import module_has_submodule
from unfold.sites import UnfoldAdminSite

from hub.accounts import policies, second_factor

ROOMS = ("hub", "partners", "risk", "acquisition")
SECTIONS = ("Decisions", "Loans", "Models", "Loan books", "Institutions", "Webhooks", "People", "Machinery")
# Unfold's pages are driven by Alpine.js, which compiles the expressions in their attributes: without 'unsafe-eval'
# Chromium refuses each of them and menus, filters and the theme stay dead. Inline scripts and styles stay forbidden.
_RELAXED = {"script-src": [UNSAFE_EVAL]}


@dataclass(frozen=True, slots=True)
class Panel:
    """A box on the first page: a template of the app's own with its context, and where to read on."""

    title: str
    template: str
    context: dict[str, Any] = field(default_factory=dict)
    href: str = ""


Pages = TypeVar("Pages", bound="ModelAdmin[Any]")
_panels: list[Callable[[HttpRequest], Panel | None]] = []


def register_panel(panel: Callable[[HttpRequest], Panel | None]) -> Callable[[HttpRequest], Panel | None]:
    """Put a panel on the console's first page; None leaves it out for this reader. Serves as a decorator."""
    _panels.append(panel)
    return panel


class Console(UnfoldAdminSite):  # type: ignore[misc]  # unfold carries no types
    """Django's admin for staff with a role and a second factor; everything else of it is the apps'."""

    index_template = "console/index.html"
    index_title = "Overview"
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        """Let in staff who hold a role and showed the second factor in this session."""
        return policies.may_read(request.user) and second_factor.was_passed(request)

    def admin_view(self, view: Callable[..., HttpResponse], cacheable: bool = False) -> Callable[..., HttpResponse]:
        """Wrap each page with Django's check and the console's content security policy."""
        checked: Any = csp_update(_RELAXED)(super().admin_view(view, cacheable))
        return checked  # type: ignore[no-any-return]  # the library's type for a view is too narrow

    def get_urls(self) -> list[Any]:
        """Leave out the framework's way from a row to its public page: no row of ours has one."""
        return [one for one in super().get_urls() if getattr(one, "name", "") != "view_on_site"]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """Leave signing in to the one sign-in page; tell who is signed in already what is missing."""
        if request.user.is_authenticated:
            return render(request, "hub/no_role.html", status=403)
        return redirect(f"{reverse('account_login')}?{request.GET.urlencode()}")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """Sign out (by POST)."""
        response: HttpResponse = sign_in.logout(request)
        return response

    def password_change(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002 - Django's signature
    ) -> HttpResponse:
        """Leave it to the one page for it."""
        return redirect("account_change_password")

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Give each page unfold's context; the colours come from our style sheet and not from a style element."""
        return {**super().each_context(request), "colors": None}

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show the panels."""
        panels = [panel for make in _panels if (panel := make(request)) is not None]
        page: TemplateResponse = super().index(request, {**(extra_context or {}), "panels": panels})
        return page


site = Console()


def register(model: type[Model]) -> Callable[[type[Pages]], type[Pages]]:
    """Show the rows of `model` by the decorated pages."""

    def decorate(pages: type[Pages]) -> type[Pages]:
        site.register(model, pages)
        return pages

    return decorate


def discover() -> None:
    """Import the admin module of each of our apps, where it has one; other libraries' pages stay out."""
    for config in apps.get_app_configs():
        if config.name.partition(".")[0] in ROOMS and module_has_submodule(config.module, "admin"):
            import_module(f"{config.name}.admin")


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the side bar: the registered pages by their `section`."""
    sections: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for model, pages in site._registry.items():
        link = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        if pages.has_view_permission(request):
            title = pages.title or str(model._meta.verbose_name_plural).capitalize()
            sections[pages.section].append({"title": title, "icon": pages.icon, "link": link})
    overview = {"items": [{"title": "Overview", "icon": "dashboard", "link": reverse("admin:index")}]}
    known = [{"title": name, "separator": True, "items": sections[name]} for name in SECTIONS if name in sections]
    return [overview, *known]


def account_links(_request: HttpRequest) -> list[dict[str, str]]:
    """Return the links of the menu below the reader's name."""
    return [
        {"title": "Sign-in and second factor", "link": reverse("mfa_index")},
        {"title": "Change password", "link": reverse("account_change_password")},
    ]
