"""The pages from the offers to the funded loan."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.http import require_POST

from acquisition.journey import cases, forms, texts, wording
from acquisition.journey.errors import Blocked
from acquisition.journey.pages import UNFIT, accepted, get_or_post, moment, next_page, sent, url
from acquisition.journey.queries import ApplicationView
from acquisition.journey.visits import own
from hub.errors import NotFound
from partners.referrals.facade import CaseView, OfferView

# Where each state of the newest referral leads.
_PLACES = {
    "created": "lender", "asked": "lender", "countered": "counter", "approved": "contract", "signed": "lender",
    "funded": "lender", "declined": "lender", "withdrawn": "offers", "expired": "lender",
}  # fmt: skip


@own
def place(_request: HttpRequest, application: ApplicationView) -> HttpResponse:
    """Lead to where the application stands."""
    return redirect(_whereabouts(application))


def _whereabouts(application: ApplicationView) -> str:
    if application.is_draft:
        return next_page(application)
    if application.state == "declined":
        return url("declined", application)
    case = cases.case_of(application_id=application.id)
    if case.state == "closed":
        return url("closed", application)
    return url(_PLACES[case.referral.state] if case.referral else "offers", application)


@own
def declined(request: HttpRequest, application: ApplicationView) -> HttpResponse:
    """Tell the true reasons of the platform's refusal, and what to do next."""
    if application.state != "declined" or application.decision_id is None:
        return redirect(url("place", application))
    found = cases.principal_reasons(decision_id=application.decision_id)
    context = {
        "application": application,
        "reasons": wording.reasons(found, _language()),
        "affordability": found[:1] and found[0][0] == cases.AFFORDABILITY,
        "contact": settings.CONTACT,
    }
    return render(request, "journey/declined.html", context)


@own
def offers(request: HttpRequest, application: ApplicationView) -> HttpResponse:
    """Show the offers side by side, the cheapest in all first; or why there is none."""
    case = _case(application)
    if case.state not in ("open", "offered"):
        return redirect(url("place", application))
    live = [offer for offer in case.offers if offer.state == "indicative"]
    context: dict[str, Any] = {"application": application, "case": case, "offers": live, "contact": settings.CONTACT}
    if not live:
        context["reasons"] = wording.exclusions(case.exclusions, _language())
    return render(request, "journey/offers.html", context)


@own
@require_POST
def again(_request: HttpRequest, application: ApplicationView) -> HttpResponse:
    """Look for offers anew."""
    cases.match_again(application_id=application.id, now=moment(application))
    return redirect(url("offers", application))


@own
@get_or_post
def share(request: HttpRequest, application: ApplicationView, offer_id: UUID) -> HttpResponse:
    """Show one offer in full and ask for the consent to share with its lender; POST accepts it."""
    offer = _offer(_case(application), offer_id)
    form = forms.ShareForm(sent(request), lender=offer.institution_name, initial={"name": application.draft.name})
    if form.is_valid():
        accept = partial(
            cases.accept_offer, application_id=application.id, offer_id=offer_id, name=form.cleaned_data["name"],
            language=_language(), now=moment(application),
        )  # fmt: skip
        if accepted(form, accept):
            return redirect(url("place", application))
    context = {"offer": offer, "terms": offer.terms, "text": texts.template(texts.SHARING)}
    return _asking(request, application, form, "journey/share.html", context, back="offers")


@own
def lender(request: HttpRequest, application: ApplicationView) -> HttpResponse:
    """Tell what the lender is doing, or did."""
    case = _case(application)
    if case.referral is None or _PLACES[case.referral.state] != "lender":
        return redirect(url("place", application))
    context = {"application": application, "case": case, "referral": case.referral, "terms": case.referral.terms}
    if case.referral.state in ("signed", "funded"):
        context["contract"] = cases.contract_of(application_id=application.id)
    return render(request, f"journey/lender_{_LENDER_PAGES[case.referral.state]}.html", context)


_LENDER_PAGES = {
    "created": "waiting", "asked": "asked", "signed": "signed", "funded": "funded", "declined": "declined",
    "expired": "expired",
}  # fmt: skip


@own
@get_or_post
def counter(request: HttpRequest, application: ApplicationView) -> HttpResponse:
    """Show the lender's other terms beside those accepted; POST takes them or turns them down."""
    case = _case(application)
    if case.referral is None or case.referral.state != "countered" or case.referral.counter is None:
        return redirect(url("place", application))
    if request.method == "POST":
        if request.POST.get("referral") != str(case.referral.id):  # a tab that shows another lender's terms
            raise Blocked(Blocked.NOT_NOW)
        act = {"accept": cases.accept_counter, "decline": cases.decline_counter}.get(request.POST.get("answer", ""))
        if act is None:
            raise Blocked(Blocked.NOT_NOW)
        act(application_id=application.id, now=moment(application))
        return redirect(url("place", application))
    context = {"application": application, "referral": case.referral, "counter": case.referral.counter}
    return render(request, "journey/counter.html", context)


@own
@get_or_post
def contract(request: HttpRequest, application: ApplicationView) -> HttpResponse:
    """Show the final terms and the cost sheet; POST signs them."""
    case = _case(application)
    if case.referral is None or case.referral.state != "approved":
        return redirect(url("place", application))
    form = forms.SignForm(sent(request))
    if form.is_valid():
        sign = partial(cases.sign, application_id=application.id, now=moment(application), **form.cleaned_data)
        if accepted(form, sign):
            return redirect(url("place", application))
    shown = cases.show_contract(application_id=application.id, now=moment(application))
    form.initial["terms_hash"] = shown.terms_hash
    context = {"contract": shown, "terms": shown.terms, "name": application.draft.name}
    return _asking(request, application, form, "journey/contract.html", context)


def _question(act: Callable[..., None], template: str) -> Callable[..., HttpResponse]:
    """Make a page that asks whether to go through with something that cannot be undone."""

    @own
    @get_or_post
    def page(request: HttpRequest, application: ApplicationView) -> HttpResponse:
        case = _case(application)
        if request.method == "POST":
            act(application_id=application.id, now=moment(application))
            return redirect(url("place", application))
        return render(request, template, {"application": application, "case": case, "back": url("place", application)})

    return page


take_back = _question(cases.take_back, "journey/take_back.html")
withdraw = _question(cases.withdraw, "journey/withdraw.html")


@own
def closed(request: HttpRequest, application: ApplicationView) -> HttpResponse:
    """Tell that the application has ended."""
    if _case(application).state != "closed":
        return redirect(url("place", application))
    return render(request, "journey/closed.html", {"application": application})


def _asking(
    request: HttpRequest,
    application: ApplicationView,
    form: forms.StepForm,
    template: str,
    more: dict[str, Any],
    back: str = "",
) -> HttpResponse:
    context = {"application": application, "form": form, "title": form.title, **more}
    if back:
        context["back"] = url(back, application)
    return render(request, template, context, status=UNFIT if form.errors else 200)


def _case(application: ApplicationView) -> CaseView:
    if application.state != "matched":
        raise NotFound("This application has no offers.")
    return cases.case_of(application_id=application.id)


def _offer(case: CaseView, offer_id: UUID) -> OfferView:
    found = next((offer for offer in case.offers if offer.id == offer_id), None)
    if found is None:
        raise NotFound("There is no such offer.")
    return found


def _language() -> str:
    return get_language() or "en"
