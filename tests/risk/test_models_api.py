"""The versions in use and their passports: everybody reads the platform's and his own, on his own book."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client

from hub.tenancy import platform_scope
from partners.institutions.queries import ClientView
from risk.monitoring.models import Figure, MonitoringRun
from tests.factories import bearer, make_client
from tests.risk.monitored import DAY, applicants, champion, decide, watch
from tests.risk.registry_factory import make_line, make_version

pytestmark = pytest.mark.django_db
MODELS = "/api/v1/models"


@pytest.fixture
def bank() -> ClientView:
    return make_client()


def get(bank: ClientView, path: str) -> Any:
    return Client().get(path, **bearer(bank))


def test_the_platforms_and_the_own_champions_are_listed(bank: ClientView) -> None:
    shared, own = champion(), champion("own", institution_id=bank.institution_id)
    champion("theirs", institution_id=uuid4())
    make_version(make_line("waiting", bank.institution_id))
    items = get(bank, MODELS).json()["items"]
    assert [(one["id"], one["model_line"], one["owner"]) for one in items] == [
        (str(shared.id), "consumer", "platform"), (str(own.id), "own", "institution"),
    ]  # fmt: skip
    assert items[0]["validation"]["auc"] == "0.700000"
    assert items[0]["validation"]["brier"] is None
    assert items[0]["since"] is not None


def test_the_list_has_pages(bank: ClientView) -> None:
    for name in ("a", "b", "c"):
        champion(name)
    first = get(bank, f"{MODELS}?limit=2").json()
    second = get(bank, first["next"]).json()
    assert [one["model_line"] for one in first["items"] + second["items"]] == ["a", "b", "c"]
    assert second["next"] is None


def test_a_passport_tells_how_a_version_does_on_the_own_book_alone(bank: ClientView) -> None:
    version = champion()
    path = f"{MODELS}/{version.id}/passport"
    assert get(bank, path).json()["own_book"] is None
    decide(applicants(40))
    run = watch(version.line)
    assert run is not None
    with platform_scope():
        Figure.append([figure_of(run, bank.institution_id), figure_of(run, uuid4())])
    told = get(bank, path).json()
    assert (told["model_line"], told["state"], told["measures"]) == (
        "consumer", "champion", {"auc": "0.700000", "ks": "0.300000"},
    )  # fmt: skip
    assert [one["name"] for one in told["features"]] == ["income", "utilisation", "housing"]
    assert [one["kind"] for one in told["features"]] == ["number", "number", "category"]
    assert told["own_book"]["day"] == DAY.isoformat()
    [figure] = told["own_book"]["figures"]
    assert (figure["metric"], figure["value"], figure["lower"], figure["rows"]) == ("auc", "0.712300", "0.650000", 500)
    assert get(make_client(), path).json()["own_book"]["figures"] == []


def figure_of(run: MonitoringRun, institution_id: UUID) -> Figure:
    return Figure(
        run=run, institution_id=institution_id, metric="auc", source="outcomes", value=0.7123, lower=0.65, upper=0.77,
        rows=500, bads=50,
    )  # fmt: skip


def test_others_and_unapproved_versions_have_no_passport(bank: ClientView) -> None:
    theirs = champion("theirs", institution_id=uuid4())
    waiting = make_version(make_line("own", bank.institution_id))
    for version_id in (theirs.id, waiting, uuid4()):
        assert get(bank, f"{MODELS}/{version_id}/passport").status_code == 404


def test_a_retired_version_keeps_its_passport(bank: ClientView) -> None:
    old, new = champion(), champion()
    told = get(bank, f"{MODELS}/{old.id}/passport").json()
    assert (told["state"], get(bank, f"{MODELS}/{new.id}/passport").json()["state"]) == ("retired", "champion")
    assert [one["number"] for one in get(bank, MODELS).json()["items"]] == [2]
