"""The page that takes a decision apart before the person it is about."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language

from acquisition.journey import cases, contests, proof, wording
from acquisition.journey.pages import url
from acquisition.journey.queries import ApplicationView
from acquisition.journey.visits import own
from risk.scoring.facade import POINTS_TO_DOUBLE


@own
def decision(request: HttpRequest, application: ApplicationView) -> HttpResponse:
    """Show what the decision rests on: grade, reasons, points, affordability; and that it comes out the same again."""
    if application.decision_id is None:
        return redirect(url("place", application))
    found = contests.proof_of(decision_id=application.decision_id)
    reasons = cases.principal_reasons(decision_id=application.decision_id)
    rows = proof.lines(found)
    context = {
        "application": application, "back": url("place", application), "proof": found, "lines": rows,
        "start": proof.start(found), "total": proof.total(found), "figure": proof.drawn(found, rows),
        "risk": float(found.decided.pd) * 100, "doubling": POINTS_TO_DOUBLE,
        "reasons": wording.reasons(reasons, get_language() or "en"), "known": found.decided.affordability,
        "helps": wording.helps(found.helps, get_language() or "en"),
        "review": contests.review_of(application), "contestable": contests.may_contest(application),
    }  # fmt: skip
    return render(request, "journey/decision.html", context)
