"""The console shows what the platform decided on its own borrowers, computes it again, and counts their outcomes."""

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import Settings

from hub.accounts.policies import Role
from hub.clock import now
from hub.tenancy import platform_scope
from risk.learning.facade import record_outcome
from risk.scoring import services
from risk.scoring.facade import ScoredApplication
from risk.scoring.models import ModelLine
from tests import people
from tests.risk.borrowers import borrower, consented, inquired, score
from tests.risk.registry_factory import make_champion, make_line

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(settings: Settings) -> Client:
    people.quick_passwords(settings)
    return people.signed_in(people.make("olga@luopan.example", [Role.OPERATOR]))


@pytest.fixture
def scored() -> ScoredApplication:
    make_champion(make_line())
    return score(moment=datetime(2024, 1, 1, tzinfo=UTC))


def test_a_decision_of_the_platform_is_shown_as_its_own(operator: Client, scored: ScoredApplication) -> None:
    listed = operator.get("/console/scoring/decision/?institution_id__isempty=1").content.decode()
    assert str(scored.decision_id) in listed
    assert "the platform" in listed
    assert (
        str(scored.decision_id)
        not in operator.get("/console/scoring/decision/?institution_id__isempty=0").content.decode()
    )
    page = operator.get(f"/console/scoring/decision/{scored.decision_id}/change/").content.decode()
    assert "the platform" in page
    assert "utilisation = 95" in page


def test_it_says_which_sources_it_rests_on_and_each_inquiry_has_its_page(operator: Client) -> None:
    make_champion(make_line())
    person = borrower()
    given = consented(person)
    found = inquired(person, consent_id=given, handle="0003")
    scored = score(person, consent_id=given, evidence=found.evidence)
    page = operator.get(f"/console/scoring/decision/{scored.decision_id}/change/").content.decode()
    assert "done without: unavailable" in page
    assert "<td>monthly_income</td>" in page
    listed = operator.get("/console/scoring/inquiry/?state=answered").content.decode()
    assert "local-income" in listed
    assert "local-bureau" not in listed
    [income] = [one.inquiry_id for one in found.evidence.used if one.kind == "income"]
    shown = operator.get(f"/console/scoring/inquiry/{income}/change/").content.decode()
    assert "HKD 5.00" in shown
    assert "credit_assessment" in shown


def test_it_is_computed_again_at_a_button(operator: Client, scored: ScoredApplication) -> None:
    services._scorers.clear()
    page = operator.post(f"/console/scoring/decision/{scored.decision_id}/do/replay/", follow=True).content.decode()
    assert "inputs and versions: identical." in page


def test_outcomes_are_counted_on_the_page_of_their_line(operator: Client, scored: ScoredApplication) -> None:
    for label in ("good", "bad", "bad"):
        with platform_scope():
            record_outcome(
                sandbox=False, loan_id=uuid4(), decision_id=scored.decision_id, label=label,
                definition_version=1, window_months=12, opened_on=date(2024, 1, 2), observed_on=date(2025, 1, 2),
                now=now(),
            )  # fmt: skip
    with platform_scope():
        line_id = ModelLine.objects.get().id
    page = operator.get(f"/console/scoring/modelline/{line_id}/change/").content.decode()
    assert "<li>2 bad</li><li>1 good</li>" in page
