"""The pages up to the score: they translate, and make one call of a service."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from acquisition.journey import cases, forms, gateway, inquiries, links, queries, services, texts, visits
from acquisition.journey.answers import STEPS
from acquisition.journey.queries import ApplicationView
from acquisition.journey.visits import own
from hub.callers import client_address
from hub.clock import now
from hub.errors import DomainError, Invalid, NotFound

ORDER = ("consent", *STEPS, "phone", "review")
UNFIT = 422
get_or_post = require_http_methods(["GET", "HEAD", "POST"])


def url(name: str, application: ApplicationView | UUID, *more: object) -> str:
    """Return the address of a page of an application."""
    application_id = application if isinstance(application, UUID) else application.id
    return reverse(f"journey:{name}", args=[application_id, *more])


def moment(application: ApplicationView) -> datetime:
    """Return the time in the application's world."""
    return now(application.sandbox_id)


@never_cache
@get_or_post
def start(request: HttpRequest, sandbox_id: UUID | None = None) -> HttpResponse:
    """Say who we are; POST begins an application."""
    wanted = request.GET.get("lang", "")
    if wanted in dict(settings.LANGUAGES):
        response = redirect(request.path)
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, wanted, samesite="Lax", httponly=True, secure=settings.LANGUAGE_COOKIE_SECURE
        )
        return response
    try:
        if request.method == "POST":
            made = services.start_application(sandbox_id=sandbox_id, language=_language(), now=now())
            visits.begin(request, made)
            return redirect(url("consent", made))
        services.check_world(sandbox_id=sandbox_id)
    except NotFound as error:
        return visits.refused(request, error)
    return render(request, "journey/start.html", {"sandbox": sandbox_id, "latest": visits.latest(request)})


@own
@get_or_post
def consent(request: HttpRequest, application: ApplicationView) -> HttpResponse:
    """Ask for the consent to be scored."""
    offered = inquiries.offers_hard(sandbox=application.sandbox_id is not None)
    form = forms.ConsentForm(sent(request), hard=offered, initial={"agree": application.consented})
    if form.is_valid():
        hard = form.cleaned_data.get("hard", False)
        services.give_consent(application_id=application.id, language=_language(), now=now(), hard=hard)
        return redirect(url("step", application, "amount"))
    more = {"text": texts.template(texts.SCORING)}
    return _draft_page(request, application, "consent", form, "journey/consent.html", more)


@own
@get_or_post
def step(request: HttpRequest, application: ApplicationView, name: str) -> HttpResponse:
    """Ask the questions of one step."""
    kept = {field: application.draft.told(field) for field in STEPS[name]}
    form = forms.STEP_FORMS[name](sent(request), initial=kept)
    if form.is_valid():
        save = partial(
            services.save_answers, application_id=application.id, step=name, answers=form.cleaned_data,
            language=_language(), now=now(),
        )  # fmt: skip
        if accepted(form, save):
            return redirect(_after(application, name))
    return _draft_page(request, application, name, form, "journey/step.html")


@own
@get_or_post
def phone(request: HttpRequest, application: ApplicationView) -> HttpResponse:
    """Ask for the number and send a code to it."""
    if application.proved:
        return redirect(url("place", application))
    form = forms.PhoneForm(sent(request), initial={"phone": application.pending_phone})
    if form.is_valid():
        send = partial(
            services.send_code, application_id=application.id, phone=form.cleaned_data["phone"],
            address=client_address(request), now=now(),
        )  # fmt: skip
        if accepted(form, send):
            return redirect(url("code", application))
    return _draft_page(request, application, "phone", form, "journey/step.html")


@own
@get_or_post
def code(request: HttpRequest, application: ApplicationView) -> HttpResponse:
    """Ask for the code."""
    if application.proved:
        return redirect(url("place", application))
    if not application.pending_phone:
        return redirect(url("phone", application))
    form = forms.CodeForm(sent(request))
    if form.is_valid():
        digits = form.cleaned_data["code"]
        prove = partial(services.prove_phone, application_id=application.id, digits=digits, now=now())
        borrower_id = accepted(form, prove)
        if borrower_id:
            visits.prove(request, borrower_id)
            return redirect(url("place", application))
    more = {
        "phone": application.pending_phone,
        "shown": gateway.shows_codes(sandbox=application.sandbox_id is not None),
        "back": url("phone", application),
    }
    return _draft_page(request, application, "phone", form, "journey/code.html", more)


@own
@get_or_post
def review(request: HttpRequest, application: ApplicationView) -> HttpResponse:
    """Show the answers; POST has sources asked where there are some, then has it all scored and looks for offers."""
    if not application.is_draft:
        return redirect(url("place", application))
    if next_page(application) != url("review", application):
        return redirect(next_page(application))
    if request.method == "POST":
        at = moment(application)
        if inquiries.ask_sources(application_id=application.id, now=at):
            return redirect(request.path, preserve_request=True)  # the same again, once they were asked
        cases.find_offers(application_id=application.id, now=at)
        return redirect(url("place", application))
    more = {"answers": _summary(application)}
    return _draft_page(request, application, "review", forms.ReviewForm(), "journey/review.html", more)


@own
def save(request: HttpRequest, application: ApplicationView) -> HttpResponse:
    """Give the link for coming back; a number must be proved first, so that the link alone opens nothing."""
    context: dict[str, Any] = {"application": application, "back": url("place", application)}
    if application.proved:
        token, ends = links.make(application_id=application.id, now=now())
        context |= {"link": settings.PUBLIC_URL + reverse("journey:resume", args=[token]), "ends": ends}
    return render(request, "journey/save.html", context)


@never_cache
@get_or_post
def resume(request: HttpRequest, token: str) -> HttpResponse:
    """Open an application by its link: at once where this browser knows the person, else by a new code."""
    try:
        application = queries.get_application(application_id=links.read(token=token, now=now()))
    except NotFound:
        return render(request, "journey/old_link.html", status=404)
    if visits.may_open(request, application):
        return redirect(url("place", application))
    form = forms.CodeForm(request.POST if "code" in request.POST else None)
    try:
        if request.method == "POST" and "send" in request.POST:
            services.send_resume_code(application_id=application.id, address=client_address(request), now=now())
            return redirect(f"{request.path}?sent=1")
        if form.is_valid():
            digits = form.cleaned_data["code"]
            borrower_id = accepted(
                form, partial(services.resume, application_id=application.id, digits=digits, now=now())
            )
            if borrower_id:
                visits.prove(request, borrower_id)
                return redirect(url("place", application))
    except DomainError as error:
        return visits.refused(request, error)
    context = {
        "form": form,
        "title": _("Continue your application"),
        "sent": "sent" in request.GET or form.is_bound,
        "shown": gateway.shows_codes(sandbox=application.sandbox_id is not None),
        "end": queries.phone_end(application_id=application.id),
    }
    return render(request, "journey/resume.html", context, status=UNFIT if form.errors else 200)


def sent(request: HttpRequest) -> QueryDict | None:
    """Return the form that was sent; None where the page is only looked at."""
    return request.POST if request.method == "POST" else None


def accepted(form: forms.StepForm, act: Callable[[], Any]) -> Any:
    """Call a service; where it names fields, put that into the form and return None. Returns True for no answer."""
    try:
        return act() or True
    except Invalid as error:
        for one in error.errors:
            field = one.pointer.lstrip("/")
            form.add_error(field if field in form.fields else None, _sentence(one.code))
        return None


def _sentence(fault: str) -> str:
    told = {
        "wrong_code": _("This is not the code that we sent last. Look again, or ask for a new one."),
        "too_many_guesses": _("Too many wrong codes were given for this number. Try again tomorrow."),
        "code_spent": _("This code is no longer good. Ask for a new one."),
        "other_name": _("This is another name than the one you applied with."),
    }
    return told.get(fault, _("This cannot be right. Look at it again."))


def _language() -> str:
    return translation.get_language() or settings.LANGUAGE_CODE


def _reached(application: ApplicationView) -> str:
    """The first step that is still to be done."""
    if not application.consented:
        return "consent"
    missing = application.draft.missing()
    return missing[0] if missing else "review" if application.proved else "phone"


def next_page(application: ApplicationView) -> str:
    """Return the address of the first step of a draft that is still to be done."""
    name = _reached(application)
    return url("step", application, name) if name in STEPS else url(name, application)


def _after(application: ApplicationView, name: str) -> str:
    """Go on to the next step; from a change of one answer straight back to the review."""
    missing = [one for one in application.draft.missing() if one != name]
    if not missing:
        return url("place", application)
    following = ORDER[ORDER.index(name) + 1]
    return url("step", application, following if following in STEPS else missing[0])


def _back(application: ApplicationView, name: str) -> str:
    if name == ORDER[0]:
        if application.sandbox_id:
            return reverse("journey:sandbox", args=[application.sandbox_id])
        return reverse("journey:start")
    before = ORDER[ORDER.index(name) - 1]
    if before == "phone" and application.proved:
        before = list(STEPS)[-1]
    return url("step", application, before) if before in STEPS else url(before, application)


def _draft_page(
    request: HttpRequest,
    application: ApplicationView,
    name: str,
    form: forms.StepForm,
    template: str,
    more: dict[str, Any] | None = None,
) -> HttpResponse:
    """Show a page of the draft with its place in the order; lead to the first open step whoever jumps ahead."""
    if not application.is_draft:
        return redirect(url("place", application))
    reached = _reached(application)
    if ORDER.index(name) > ORDER.index(reached) and not (name == "phone" and application.consented):
        return redirect(next_page(application))
    number = ORDER.index(name) + 1
    context = {
        "application": application, "form": form, "title": form.title, "number": number, "total": len(ORDER),
        "back": _back(application, name), **(more or {}),
    }  # fmt: skip
    return render(request, template, context, status=UNFIT if form.errors else 200)


def _summary(application: ApplicationView) -> list[tuple[str, str, str]]:
    """Return (question, answer, where to change it) for each answer."""
    rows = []
    for name, fields in STEPS.items():
        form = forms.STEP_FORMS[name]()
        for field in fields:
            value = application.draft.told(field)
            choices = dict(getattr(form.fields[field], "choices", ()))
            shown = choices.get(value, f"{value:,}" if isinstance(value, int) else value)
            answer = _("Not told") if value is None else str(shown)
            rows.append((str(form.fields[field].label), answer, url("step", application, name)))
    return rows
