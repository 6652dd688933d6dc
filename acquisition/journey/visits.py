"""Which applications a browser may open: those that it began, and those of the borrower who proved his number in it."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from acquisition.journey import queries
from acquisition.journey.errors import Blocked, CodesRefused
from acquisition.journey.queries import ApplicationView
from hub.errors import Conflict, DomainError, NotFound, Unavailable

BEGUN, BORROWER = "journey_begun", "journey_borrower"
BEGUN_MAX = 10
Page = Callable[..., HttpResponse]


def begin(request: HttpRequest, application_id: UUID) -> None:
    """Remember an application that this browser began."""
    begun = request.session.get(BEGUN, [])
    request.session[BEGUN] = [*begun, str(application_id)][-BEGUN_MAX:]


def prove(request: HttpRequest, borrower_id: UUID) -> None:
    """Remember who proved his number in this browser, under a new session key: an old one may be known to others."""
    request.session.cycle_key()
    request.session[BORROWER] = str(borrower_id)


def latest(request: HttpRequest) -> UUID | None:
    """Return the application that this browser began last."""
    begun = request.session.get(BEGUN)
    return UUID(begun[-1]) if begun else None


def may_open(request: HttpRequest, application: ApplicationView) -> bool:
    """Tell whether this browser may open it. A proved one only by its borrower: a borrowed screen is not enough."""
    if application.borrower_id is not None:
        return request.session.get(BORROWER) == str(application.borrower_id)
    return str(application.id) in request.session.get(BEGUN, [])


def own(page: Page) -> Page:
    """Give a page the application of its path, and refusals a page that explains them. Nothing is ever cached."""

    @never_cache
    @wraps(page)
    def opened(request: HttpRequest, application_id: UUID, **parts: object) -> HttpResponse:
        try:
            application = queries.get_application(application_id=application_id)
        except NotFound:
            return not_here(request)
        if not may_open(request, application):
            return not_here(request)
        try:
            return page(request, application, **parts)
        except DomainError as error:
            return refused(request, error, application)

    return opened


def not_here(request: HttpRequest) -> HttpResponse:
    """Answer for an application that this browser may not open, exactly as for one that does not exist."""
    return render(request, "journey/not_here.html", status=404)


def refused(request: HttpRequest, error: DomainError, application: ApplicationView | None = None) -> HttpResponse:
    """Explain a refusal in the reader's language, with its status."""
    title, text = _told(error)
    context: dict[str, Any] = {"title": title, "text": text, "application": application, "error": error}
    if (
        isinstance(error, Blocked)
        and error.reason == Blocked.OPEN_ELSEWHERE
        and application
        and application.borrower_id
    ):
        context["other"] = queries.matched_of(borrower_id=application.borrower_id, besides=application.id)
    response = render(request, "journey/refused.html", context, status=error.status)
    if error.retry_after_s is not None:
        response["Retry-After"] = str(error.retry_after_s)
    return response


def _told(error: DomainError) -> tuple[str, str]:
    if isinstance(error, Blocked):
        return _blocked(error.reason)
    if isinstance(error, CodesRefused):
        return _no_code(error)
    if isinstance(error, Unavailable):
        return _("Not available now"), _("This does not work at the moment. Nothing was lost: try again later.")
    if isinstance(error, NotFound):
        return _("Not here"), _("There is no such page, or it is not yours.")
    if isinstance(error, Conflict):
        return _blocked(Blocked.NOT_NOW)
    return _("This did not work"), _("Nothing was changed. Go back and try again.")


def _no_code(error: CodesRefused) -> tuple[str, str]:
    soon = (error.retry_after_s or 0) <= 3600
    told = {
        CodesRefused.ON_ITS_WAY: (
            _("A code is on its way"),
            _("Wait half a minute before you ask for another one."),
        ),
        CodesRefused.NUMBER: (
            _("Too many codes"),
            _("Too many codes were sent to this number. Wait an hour, then try again.")
            if soon
            else _("Too many codes were sent to this number. Try again tomorrow."),
        ),
        CodesRefused.GUESSES: (
            _("Too many codes"),
            _("Too many wrong codes were given for this number. Try again tomorrow."),
        ),
        CodesRefused.ADDRESS: (
            _("Too many codes"),
            _("Too many codes were asked for from your network. Wait an hour, or use another connection.")
            if soon
            else _("Too many codes were asked for from your network. Try again tomorrow, or use another connection."),
        ),
        CodesRefused.DESTINATION: (
            _("No code to this number"),
            _("Too many codes were sent to numbers like this one. Try again tomorrow, or give another number."),
        ),
    }
    other = (
        _("No codes at the moment"),
        _("We cannot send any more codes today. Your answers are kept: try again tomorrow."),
    )
    return told.get(error.reason, other)


def _blocked(reason: str) -> tuple[str, str]:
    told = {
        Blocked.STEP_FIRST: (_("Another step comes first"), _("Some answers are still missing.")),
        Blocked.SENT: (
            _("You sent this already"),
            _("Perhaps in another tab. What you sent stays as it is, and nothing was done twice."),
        ),
        Blocked.OPEN_ELSEWHERE: (
            _("You have an open application already"),
            _("A person can have one application of a kind at a time. Finish or withdraw the other one first."),
        ),
        Blocked.OFFER_GONE: (
            _("This offer is gone"),
            _("The lender has no more room for it, or you chose another offer. Nothing of yours was shared."),
        ),
        Blocked.ASKED_OFTEN: (
            _("This was asked for too often"),
            _("You asked for a person and took it back several times. Write to us instead."),
        ),
        Blocked.OFFLINE: (
            _("Not available now"),
            _("We cannot work out scores at the moment. Your answers are kept: try again later."),
        ),
    }
    other = (
        _("This is not possible now"),
        _("Something changed meanwhile, perhaps in another tab. Nothing was changed by this."),
    )
    return told.get(reason, other)
