"""The console's pages of reviews, of files of people, and of who asks too much: what is shown, and to whom."""

from pathlib import Path
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django import Settings

from hub import erasure
from hub.accounts.policies import Role
from hub.clock import now
from hub.models import AuditRow
from hub.tenancy import platform_scope
from risk.scoring.models import Decision, DecisionReview, ModelLine, QueryAlert, QueryBudget
from tests import people
from tests.factories import make_client
from tests.risk.batch_factory import line, ndjson
from tests.risk.borrowers import ACTOR, score
from tests.risk.registry_factory import make_champion, make_line
from tests.risk.test_score_batches_api import post, work

pytestmark = pytest.mark.django_db
SAID = "我上個月已還清債務。"


@pytest.fixture
def officer(settings: Settings, tmp_path: Path) -> Client:
    settings.UPLOAD_ROOT = tmp_path
    people.quick_passwords(settings)
    make_champion(make_line())
    return people.signed_in(people.make("rita@luopan.example", [Role.RISK_OFFICER]))


def test_a_review_is_taken_and_decided_and_each_look_is_in_the_audit(officer: Client) -> None:
    decision_id = score().decision_id
    with platform_scope():
        decision = Decision.objects.select_related("person").get(id=decision_id)
        asked = DecisionReview.ask(
            decision=decision, application_id=uuid4(), sandbox_id=None, language="zh-hant", statement=SAID, now=now()
        )  # fmt: skip
    place = f"/console/scoring/decisionreview/{asked.id}"
    page = officer.get(f"{place}/change/").content.decode()
    assert SAID in page
    assert "do/take-review" in page
    assert "do/overturn" not in page
    assert officer.post(f"{place}/do/uphold/", {"reason": "It was counted already."}).status_code == 404
    assert str(asked.id) in officer.get("/console/").content.decode()
    officer.post(f"{place}/do/take-review/")
    operator = people.signed_in(people.make("olga@luopan.example", [Role.OPERATOR]))
    assert operator.post(f"{place}/do/uphold/", {"reason": "It was counted already."}).status_code == 403
    assert officer.post(f"{place}/do/uphold/", {"reason": "It was counted already."}).status_code == 302
    with platform_scope():
        assert DecisionReview.objects.get().state == "upheld"
        assert AuditRow.objects.filter(action="review.viewed").count() == 1
        erasure.erase_person(person_id=decision.person_id, actor=ACTOR, now=now())
    gone = officer.get(f"{place}/change/").content.decode()
    assert SAID not in gone
    assert "It was counted already." not in gone
    assert "review upheld" in officer.get(f"/console/scoring/decision/{decision_id}/change/").content.decode()


def test_a_file_shows_its_progress_and_problems_and_never_a_line(officer: Client) -> None:
    client = make_client()
    taken = post(client, ndjson([line(1), line(2, model="x"), line(3)])).json()
    waiting = officer.get("/console/scoring/scorebatch/").content.decode()
    assert "0 of 100" in waiting
    work(client, taken["id"])
    page = officer.get(f"/console/scoring/scorebatch/{taken['id']}/change/").content.decode()
    assert "Lines 2." in page
    assert "<td>unknown_field</td>" in page
    assert "p-2" not in page


def test_budgets_are_set_and_alerts_settled(officer: Client) -> None:
    bank = uuid4()
    operator = people.signed_in(people.make("olga@luopan.example", [Role.OPERATOR]))
    fields = {"institution_id": str(bank), "scores_per_day": "5000"}
    assert officer.post("/console/scoring/querybudget/do/set-query-budget/", fields).status_code == 403
    assert operator.post("/console/scoring/querybudget/do/set-query-budget/", fields).status_code == 302
    operator.post(f"/console/scoring/querybudget/{bank}/do/change-query-budget/", {"scores_per_day": "70"})
    with platform_scope():
        assert QueryBudget.objects.get().scores_per_day == 70
        alert = QueryAlert.objects.create(
            institution_id=bank,
            line_id=ModelLine.objects.get().id,
            kind="spent",
            looked_at=70,
            found=70,
            opened_at=now(),
        )
    place = f"/console/scoring/queryalert/{alert.id}"
    assert "No score today" in officer.get(f"{place}/change/").content.decode()
    officer.post(f"{place}/do/settle/", {"note": "A migration of theirs, announced in March."})
    with platform_scope():
        assert QueryAlert.objects.get().state == "settled"
