"""The pages of a refusal that its applicant does not accept: asking for a person, and what came of it."""

from functools import partial

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.views.decorators.http import require_POST

from acquisition.journey import contests, forms
from acquisition.journey.pages import UNFIT, accepted, get_or_post, moment, sent, url
from acquisition.journey.queries import ApplicationView
from acquisition.journey.visits import own
from risk.scoring.facade import ReviewView


@own
@get_or_post
def contest(request: HttpRequest, application: ApplicationView) -> HttpResponse:
    """Ask why the applicant disagrees; POST opens the review. Where there is one, tell how it stands."""
    review = contests.review_of(application)
    if review is not None:
        return _standing(request, application, review)
    if not contests.may_contest(application):
        return redirect(url("place", application))
    form = forms.ContestForm(sent(request))
    if form.is_valid():
        ask = partial(
            contests.ask, application_id=application.id, statement=form.cleaned_data["statement"],
            language=get_language() or settings.LANGUAGE_CODE, now=moment(application),
        )  # fmt: skip
        if accepted(form, ask):
            return redirect(url("contest", application))
    context = {"application": application, "back": url("place", application), "form": form, "title": form.title}
    return render(request, "journey/contest.html", context, status=UNFIT if form.errors else 200)


def _standing(request: HttpRequest, application: ApplicationView, review: ReviewView) -> HttpResponse:
    if request.method == "POST":  # sent again, or from another tab
        return redirect(url("contest", application))
    context = {
        "application": application, "back": url("place", application), "contact": settings.CONTACT, "review": review,
        "goes_on": contests.may_contest(application),
        "late": review.ended_at is None and review.due_at < moment(application),
    }  # fmt: skip
    return render(request, "journey/reviewed.html", context)


@own
@require_POST
def end(_request: HttpRequest, application: ApplicationView) -> HttpResponse:
    """Take the review back."""
    contests.take_back(application_id=application.id, now=moment(application))
    return redirect(url("contest", application))


@own
@require_POST
def go_on(_request: HttpRequest, application: ApplicationView) -> HttpResponse:
    """Go on to lenders after a refusal was overturned."""
    contests.go_on(application_id=application.id, now=moment(application))
    return redirect(url("place", application))
