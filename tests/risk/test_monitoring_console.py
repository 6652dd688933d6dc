"""The console draws what was measured, and its numbers are those that were kept."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from pytest_django import Settings

from hub.accounts.policies import Role
from hub.clock import now
from hub.tenancy import platform_scope
from risk.monitoring.facade import gauges
from risk.monitoring.models import Alert, Figure
from risk.scoring.models import ModelVersion
from tests import people
from tests.risk.monitored import DAY, applicants, champion, decide, figures, lend, watch
from tests.risk.registry_factory import make_line

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer(settings: Settings) -> Client:
    people.quick_passwords(settings)
    return people.signed_in(people.make("rita@luopan.example", [Role.RISK_OFFICER]))


def page_of(officer: Client, version: ModelVersion) -> str:
    return officer.get(f"/console/scoring/modelline/{version.line_id}/change/").content.decode()


def test_the_page_of_a_line_tells_its_numbers(officer: Client) -> None:
    version = champion()
    assert "Nothing has been measured yet" in page_of(officer, version)
    scored = decide(applicants(60), moment=datetime(2024, 5, 1, tzinfo=UTC))
    lend(scored, [at % 3 == 0 for at in range(60)])
    decide([{**row, "housing": "boat"} for row in applicants(210)])
    run = watch(version.line)
    assert run is not None
    with platform_scope():
        group = Figure(
            run=run, metric="impact_ratio", segment_kind="group", segment="sex: F / M at 10%", source="new book",
            basis="voluntary", value=0.7123, lower=0.61, upper=0.83, rows=77, limit_low=0.8, beyond=True,
        )  # fmt: skip
        Figure.append([group])
    page = page_of(officer, version)
    [auc] = figures(metric="auc", segment_kind="")
    [psi] = figures(metric="psi", segment_kind="")
    [housing] = figures(metric="csi", segment="housing")
    for told in (
        f"{auc.value:.3f}", f"{auc.lower:.3f} to {auc.upper:.3f}", f"{psi.value:.3f}", f"{housing.value:.3f}",
        "AUC by month of opening", "2024-05", "Reliability: loans that turned out", "sex: F / M at 10%", "0.712",
        "voluntary", f"as of the end of {DAY.isoformat()}", "CSI of a feature housing",
        "<figcaption>PSI of the score; limits are dashed.", "<figcaption>AUC by month of opening</figcaption>",
    ):  # fmt: skip
        assert told in page, told
    assert page.count("<svg") >= 6


def test_alerts_are_listed_counted_and_shown_first(officer: Client) -> None:
    version = champion()
    assert "No figure is beyond its limit" in officer.get("/console/").content.decode()
    decide([{**row, "housing": "boat"} for row in applicants(210)])
    watch(version.line)
    with platform_scope():
        alert = Alert.objects.select_related("opened_by").get(metric="csi")
        counted = {one.labels.get("metric"): one.value for one in gauges() if one.name == "model_alerts"}
    assert counted["csi"] == 1
    assert counted["auc"] == 0
    assert "CSI of a feature housing" in officer.get("/console/").content.decode()
    assert "CSI of a feature housing" in officer.get("/console/monitoring/alert/").content.decode()
    opened = officer.get(f"/console/monitoring/alert/{alert.id}/change/").content.decode()
    assert f"{alert.opened_by.value:.3f}" in opened
    listed = officer.get("/console/monitoring/monitoringrun/").content.decode()
    assert "consumer 1" in listed
    night = officer.get(f"/console/monitoring/monitoringrun/{alert.opened_by.run_id}/change/").content.decode()
    assert "at most 0.25" in night


def test_a_line_that_nobody_watches_is_noticed() -> None:
    version = champion()
    make_line("without-champion")
    assert behind() == 0, "its first night is still to come"
    decide(applicants(1))
    watch(version.line, now().date() - timedelta(days=4))
    assert behind() == 3
    watch(version.line, now().date() - timedelta(days=1))
    assert behind() == 0


def behind() -> float:
    with platform_scope():
        [found] = [one.value for one in gauges() if one.name == "model_unwatched_days"]
    return found
