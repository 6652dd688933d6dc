"""The validation report and the model card: what is stored, on a page and as PDF, for whoever may read the version."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from pytest_django import Settings

from hub.accounts.policies import Role
from hub.clock import now
from hub.events import PoliciesReplayed
from hub.tenancy import platform_scope
from partners.institutions.queries import ClientView
from risk.learning.fit.recipe import Recipe
from risk.scoring import reports
from risk.scoring.models import ModelVersion, PolicyShift
from tests import console_world, people
from tests.factories import bearer, make_client
from tests.risk.monitored import champion
from tests.risk.registry_factory import QUICK, make_line, make_version

CARD = Recipe(learner="scorecard", bags=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def bank() -> ClientView:
    return make_client()


def get(bank: ClientView, version_id: UUID, paper: str) -> Any:
    return Client().get(f"/api/v1/models/{version_id}/{paper}", **bearer(bank))


def shift(version: ModelVersion, lender_id: UUID, lender: str, total: int) -> PoliciesReplayed:
    return PoliciesReplayed(
        version.id, None, replay_id=UUID(int=5), champion_id=None, applications=40, total=total, lender_id=lender_id,
        lender=lender, currency="HKD", policies=2, approved_before=20, approved_after=24, changed=6,
        expected_loss_before="30100.5000", expected_loss_after="29000.0000", rate_before="9.1000", rate_after=None,
    )  # fmt: skip


def test_an_institution_reads_report_and_card_with_its_own_shift_alone(bank: ClientView) -> None:
    version = champion()
    with platform_scope():
        for lender_id, name in ((bank.institution_id, "Mine"), (uuid4(), "Theirs")):
            PolicyShift.keep(shift(version, lender_id, name, 2), now=now())
    answer = get(bank, version.id, "report")
    page = answer.content.decode()
    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (200, "text/html", "no-store")
    for told in (version.sha256, "Validation report: consumer 1", "20 → 24", "15.0 %", "30,100 → 29,000 HKD", "Mine"):
        assert told in page, told
    assert "Theirs" not in page
    assert page.count(f"{version.sha256[:12]}…") == 2  # those of two approvals
    card = get(bank, version.id, "card").content.decode()
    assert "Model card: consumer 1" in card
    assert "utilisation" in card
    for paper in ("report.pdf", "card.pdf"):
        made = get(bank, version.id, paper)
        assert made["Content-Type"] == "application/pdf"
        assert made.content.startswith(b"%PDF-")


def test_nobody_reads_of_anothers_version_or_of_a_challenger(bank: ClientView) -> None:
    theirs, waiting = champion("theirs", institution_id=uuid4()), make_version(make_line())
    for version_id in (theirs.id, waiting, uuid4()):
        for paper in ("report", "report.pdf", "card", "card.pdf"):
            assert get(bank, version_id, paper).status_code == 404


def test_a_scorecard_is_told_as_one_with_its_points() -> None:
    versions = [make_version(make_line(name), recipe=recipe) for name, recipe in (("card", CARD), ("box", QUICK))]
    with platform_scope():
        found = ModelVersion.objects.in_bulk(versions)
        card, box = (str(reports.validation_report(found[one], now=now())) for one in versions)
    assert "A scorecard: each feature in a few classes" in card
    assert "In points: " in card
    assert "Boosted trees" not in card
    assert "Boosted trees of at most two features" in box
    assert "In points: " not in box


def test_a_real_training_is_told_whole(settings: Settings) -> None:
    world = console_world.make()
    people.quick_passwords(settings)
    officer = people.signed_in(people.make("rita@luopan.example", [Role.RISK_OFFICER]))
    address = f"/console/scoring/modelversion/{world.version_id}"
    page = officer.get(f"{address}/change/").content.decode()
    for paper in ("report", "report.pdf", "card", "card.pdf"):
        assert f'href="{address}/{paper}"' in page
    with platform_scope():
        version = ModelVersion.objects.get(id=world.version_id)
    report = officer.get(f"{address}/report").content.decode()
    for one in version.report["criteria"]:
        assert one["figure"] in report
    for told in (version.report["books"][0]["file_sha256"], f"{version.report['calibrated']['auc']:.4f}", "12 months"):
        assert told in report
    assert report.count("<svg") == 3
    assert "style=" not in report
    assert officer.get(f"{address}/report.pdf").content.startswith(b"%PDF-")
    assert officer.get(f"{address}/report.doc").status_code == 404
    assert Client().get(f"{address}/report").status_code == 302


def test_percent_of_what_changed() -> None:
    assert PolicyShift(changed=1, applications=8).changed_percent == 12.5
    assert PolicyShift(changed=0, applications=0, at=now() - timedelta(1), rate_after=Decimal(1)).changed_percent == 0
