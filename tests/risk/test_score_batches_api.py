"""POST /score-batches and what is read of it, as a bank sees it."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Http
from pytest_django import Settings

from hub import erasure, outbox
from hub.clock import now
from hub.tenancy import platform_scope
from partners.institutions.queries import ClientView
from risk.scoring import tasks
from risk.scoring.models import Decision
from tests.factories import ACTOR, bearer, make_client
from tests.risk.batch_factory import as_csv, line, ndjson
from tests.risk.registry_factory import make_champion, make_line

PATH = "/api/v1/score-batches"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _world(settings: Settings, tmp_path: Path) -> None:
    settings.UPLOAD_ROOT = tmp_path
    make_champion(make_line())


def post(client: ClientView, content: bytes, *, key: str = "", **parts: Any) -> Any:
    given = {"file": SimpleUploadedFile("people", content), "model_line": "consumer", "format": "ndjson", **parts}
    return Http().post(PATH, given, headers={"Idempotency-Key": key or str(uuid4())}, **bearer(client))


def get(client: ClientView, path: str) -> Any:
    return Http().get(path, **bearer(client))


def work(client: ClientView, batch_id: str) -> None:
    tasks.score_batch.run(str(client.institution_id), batch_id)


def rows(answer: Any) -> list[Any]:
    assert answer["Content-Type"] == "application/x-ndjson"
    return [json.loads(text) for text in answer.content.splitlines()]


@pytest.mark.parametrize("format_", ["ndjson", "csv"])
def test_from_the_file_to_the_results(format_: str) -> None:
    client = make_client()
    people = [line(number) for number in range(5)]
    content = as_csv(people) if format_ == "csv" else ndjson(people)
    taken = post(client, content, format=format_, count=content.count(b"\n"))
    assert taken.status_code == 202, taken.content
    batch = taken.json()
    assert (batch["state"], batch["percent"], batch["lines_done"]) == ("received", 0, 0)
    assert taken["Location"] == f"{PATH}/{batch['id']}"
    assert rows(get(client, batch["results"])) == []
    work(client, batch["id"])
    work(client, batch["id"])  # delivered twice
    read = get(client, taken["Location"]).json()
    assert (read["state"], read["percent"], read["scored"], read["problems"]) == ("done", 100, 5, 0)
    first = rows(one := get(client, batch["results"] + "?limit=3"))
    following = one["Link"].partition(">")[0].removeprefix("<").partition("/api/")[2]
    rest = rows(last := get(client, "/api/" + following))
    assert "Link" not in last
    assert [one["line"] for one in first + rest] == [number + (format_ == "csv") for number in range(1, 6)]
    for one in first + rest:
        score = get(client, f"/api/v1/scores/{one['decision_id']}").json()
        told = {name: score[name] for name in ("pd_12m", "grade", "recommended_action", "reasons")}
        assert {name: one[name] for name in told} == told
    with platform_scope():
        assert Decision.objects.count() == 5


def test_a_repeat_of_the_request_and_of_the_file() -> None:
    client, content = make_client(), ndjson([line(1)])
    first, again = post(client, content, key="k"), post(client, content, key="k")
    assert again["Idempotent-Replayed"] == "true"
    assert first.json() == again.json()
    assert post(client, content).json()["id"] == first.json()["id"]
    assert post(client, ndjson([line(2)]), key="k").status_code == 422


def test_problems_and_an_erased_person_in_the_results() -> None:
    client = make_client()
    batch = post(client, ndjson([line(1), line(2), line(3, features={"income": "a lot"})])).json()
    work(client, batch["id"])
    found = rows(get(client, batch["results"]))
    with platform_scope():
        person_id = Decision.objects.get(id=found[0]["decision_id"]).person_id
        erasure.erase_person(person_id=person_id, actor=ACTOR, now=now())
    erased, kept, refused = rows(get(client, batch["results"]))
    assert [fault["code"] for fault in erased["problems"]] == ["erased"]
    assert kept == found[1]
    assert [(fault["pointer"], fault["code"]) for fault in refused["problems"]] == [("/features/income", "wrong_type")]
    assert "a lot" not in json.dumps(refused)


def test_another_institution_finds_nothing() -> None:
    owner, other = make_client(), make_client()
    batch = post(owner, ndjson([line(1)])).json()
    for path in (f"{PATH}/{batch['id']}", batch["results"]):
        theirs, nobodys = get(other, path), get(other, path.replace(batch["id"], str(uuid4())))
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.json()["detail"] == nobodys.json()["detail"]


def test_results_are_to_be_had_as_ndjson_or_anything() -> None:
    client = make_client()
    batch = post(client, ndjson([line(1)])).json()
    for accept, status in (("application/x-ndjson", 200), ("*/*", 200), ("text/html", 406)):
        assert Http().get(batch["results"], headers={"Accept": accept}, **bearer(client)).status_code == status
    assert (
        Http().get(PATH + "/" + batch["id"], headers={"Accept": "application/x-ndjson"}, **bearer(client)).status_code
        == 406
    )


def test_the_event_of_a_file_sends_its_task(django_capture_on_commit_callbacks: Any) -> None:
    client = make_client()
    batch = post(client, ndjson([line(1)])).json()
    with platform_scope():
        outbox.relay(now=now())
    with django_capture_on_commit_callbacks() as callbacks, platform_scope():
        while outbox.hand_over_one(now=now()):
            pass
    assert len([one for one in callbacks if batch["id"] in str(one)]) == 1
    tasks.sweep_batches.run()
    tasks.tidy_batches.run()
    work(client, batch["id"])
    assert get(client, f"{PATH}/{UUID(batch['id'])}").json()["state"] == "done"
