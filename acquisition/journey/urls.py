"""The borrower's pages, below /apply/."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from acquisition.journey import case_pages, contest_pages, decision_pages, pages
from acquisition.journey.answers import STEPS

app_name = "journey"


class StepConverter(StringConverter):
    """The name of a step with questions."""

    regex = "|".join(STEPS)


register_converter(StepConverter, "step")
urlpatterns = [
    path("", pages.start, name="start"),
    path("sandbox/<uuid:sandbox_id>/", pages.start, name="sandbox"),
    path("resume/<str:token>/", pages.resume, name="resume"),
    path("<uuid:application_id>/", case_pages.place, name="place"),
    path("<uuid:application_id>/consent/", pages.consent, name="consent"),
    path("<uuid:application_id>/phone/", pages.phone, name="phone"),
    path("<uuid:application_id>/code/", pages.code, name="code"),
    path("<uuid:application_id>/review/", pages.review, name="review"),
    path("<uuid:application_id>/save/", pages.save, name="save"),
    path("<uuid:application_id>/declined/", case_pages.declined, name="declined"),
    path("<uuid:application_id>/decision/", decision_pages.decision, name="decision"),
    path("<uuid:application_id>/contest/", contest_pages.contest, name="contest"),
    path("<uuid:application_id>/contest/end/", contest_pages.end, name="contest-end"),
    path("<uuid:application_id>/contest/go-on/", contest_pages.go_on, name="contest-go-on"),
    path("<uuid:application_id>/offers/", case_pages.offers, name="offers"),
    path("<uuid:application_id>/offers/again/", case_pages.again, name="again"),
    path("<uuid:application_id>/offers/<uuid:offer_id>/", case_pages.share, name="share"),
    path("<uuid:application_id>/lender/", case_pages.lender, name="lender"),
    path("<uuid:application_id>/counter/", case_pages.counter, name="counter"),
    path("<uuid:application_id>/contract/", case_pages.contract, name="contract"),
    path("<uuid:application_id>/take-back/", case_pages.take_back, name="take-back"),
    path("<uuid:application_id>/withdraw/", case_pages.withdraw, name="withdraw"),
    path("<uuid:application_id>/closed/", case_pages.closed, name="closed"),
    path("<uuid:application_id>/<step:name>/", pages.step, name="step"),
]
