"""Files of people are scored as one person at a time would be; what is wrong with a line is told, never its value."""

import json
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from pytest_django import Settings

from hub import consent, erasure, invariants, outbox
from hub.clock import now
from hub.crypto import DataKey
from hub.errors import Conflict, Invalid, NotFound, TooLarge
from hub.models import AuditRow, ConsentEntry, OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from risk.scoring import batch_scoring, batches, queries, services
from risk.scoring.batch_models import ScoreBatch
from risk.scoring.models import Decision
from tests.risk.batch_factory import ACTOR, BANK, as_csv, hand_in, line, ndjson, results, scored
from tests.risk.registry_factory import make_champion, make_line

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _files(settings: Settings, tmp_path: Path) -> None:
    settings.UPLOAD_ROOT = tmp_path


def files(tmp_path: Path) -> list[str]:
    return [path.name for path in tmp_path.rglob("*") if path.is_file()]


def opened(batch: ScoreBatch) -> dict[int, services.Scored]:
    """The decision of each line that has one."""
    with tenant_scope(batch.institution_id):
        return {
            one.line_no: services.open_decision(queries.decision_by_id(decision_id=one.decision_id))
            for one in results(batch)
            if one.decision_id
        }


def problems(batch: ScoreBatch) -> dict[int, list[str]]:
    """Pointer and code of what is wrong with each other line."""
    return {
        one.line_no: [f"{fault['pointer']} {fault['code']}" for fault in json.loads(bytes(one.problems))]
        for one in results(batch)
        if one.problems
    }


def alone(given: dict[str, Any]) -> services.Scored:
    """The same person scored by itself."""
    said = given["consent"]
    reference = services.ConsentReference(said["reference"], said["text_version"], now().replace(2026, 1, 5))
    with tenant_scope(BANK):
        return services.score_person(
            institution_id=BANK, line_name="consumer", person_reference=given["person_reference"],
            consent_reference=reference, features=given["features"], actor=ACTOR, now=now(),
        )  # fmt: skip


def replay(one: services.Scored) -> str:
    """What a replay finds."""
    with tenant_scope(BANK):
        return services.replay(decision=queries.decision_by_id(decision_id=one.decision.id)).result


def figures(one: services.Scored) -> tuple[Any, ...]:
    row = one.decision
    return row.logit_micro, str(row.pd_12m), row.grade, row.action, row.sha256, row.bands_version, one.sealed.reasons


@pytest.mark.parametrize("format_", ["ndjson", "csv"])
def test_each_line_is_scored_as_it_would_be_by_itself(format_: str, tmp_path: Path) -> None:
    make_champion(make_line())
    people = [line(number) for number in range(40)]
    people[3]["features"] = {"income": 12_345.5}
    people[4]["consent"]["expires_at"] = "2199-01-01T00:00:00Z"
    batch = scored(as_csv(people) if format_ == "csv" else ndjson(people), format_)
    assert (batch.state, batch.scored, batch.problems, batch.percent) == ("done", 40, 0, 100)
    found = opened(batch)
    first = 2 if format_ == "csv" else 1
    assert list(found) == list(range(first, first + 40))
    for one, given in zip(found.values(), people, strict=True):
        again = alone(given)
        assert figures(one) == figures(again)
        assert (one.decision.person_id, one.decision.consent_id) == (
            again.decision.person_id,
            again.decision.consent_id,
        )
        assert {name: value for name, value in one.sealed.features.items() if value is not None} == given["features"]
        assert replay(one) == "identical"
    assert files(tmp_path) == []


def test_what_is_wrong_with_a_line_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    make_champion(make_line())
    lines: list[Any] = [
        line(1),
        "{",
        line(2, features={"income": "much", "shoe": 43.0}),
        line(3, features={}),
        "",
        line(4, consent={"reference": "c-4", "text_version": "1", "given_at": "2026-01-05T09:00:00"}),
        line(5, consent={"reference": "c-5", "text_version": "1", "given_at": "2199-01-05T09:00:00Z"}),
        line(6, consent=line(1)["consent"]),
        line(7, more=1),
        line(8, person_reference=""),
        {**line(9), "features": {"income": "x" * 100_000}},
        line(10),
    ]
    batch = scored(ndjson(lines) + json.dumps(line(11)).encode())
    assert problems(batch) == {
        2: [" malformed_request"],
        3: ["/features/shoe unknown_feature"],
        4: ["/features no_features"],
        6: ["/consent/given_at out_of_range"],
        7: ["/consent/given_at in_the_future"],
        8: [" conflict"],
        9: ["/more unknown_field"],
        10: ["/person_reference out_of_range"],
        11: [" too_long"],
        13: [" cut_off"],
    }
    assert (batch.state, batch.scored, batch.problems) == ("done", 2, 10)
    with tenant_scope(BANK):
        assert Decision.objects.count() == DataKey.objects.count() == ConsentEntry.objects.count() == 2
    told = b"".join(bytes(one.problems or b"") for one in results(batch))
    assert b"much" not in told
    assert b"p-2" not in told
    assert files(tmp_path) == []


def test_bad_cells_of_a_csv() -> None:
    make_champion(make_line())
    head, good, *more = as_csv([line(1), line(2), line(3), line(4), line(5)]).splitlines(keepends=True)
    bad = [
        more[0].replace(b"\n", b",1\n"),
        more[1].replace(b"5300.0", b"5_300"),
        more[2].replace(b"2026-01,", b"\xff,"),
        more[3].replace(b"5500.0", b"nan").replace(b"p-5", b'"p-5'),
        good.replace(b"5100.0", b" 1e3 ").replace(b"p-1", b"p-6").replace(b"c-1", b"c-6"),
    ]
    batch = scored(b"\xef\xbb\xbf" + head + good + b"".join(bad), "csv")
    assert problems(batch) == {
        3: [" wrong_count"],
        4: ["/features/income wrong_type"],
        5: [" unreadable"],
        6: [" unreadable"],
    }
    assert [one.sealed.features["income"] for one in opened(batch).values()] == [5100.0, 1000.0]


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"person_reference,features.income\n", "bad_header"),
        (b"person_reference,consent.reference,consent.text_version,consent.given_at\n", "bad_header"),
        (b"person_reference,consent.reference,consent.text_version,consent.given_at,income\n", "unknown_column"),
        (b"\xff\n", "bad_header"),
    ],
)
def test_a_header_that_means_nothing_is_refused_whole(head: bytes, code: str, tmp_path: Path) -> None:
    make_champion(make_line())
    with pytest.raises(Invalid) as caught:
        hand_in(head + b"1,2,3,4,5\n", "csv")
    assert [fault.code for fault in caught.value.errors] == [code]
    assert files(tmp_path) == []


def test_control_totals_and_limits(settings: Settings, tmp_path: Path) -> None:
    make_champion(make_line())
    content = ndjson([line(1)])
    for totals in ({"count": 2}, {"sha256": "0" * 64}):
        with pytest.raises(Invalid):
            hand_in(content, **totals)
    with pytest.raises(Invalid):
        hand_in(b"")
    settings.SCORE_BATCH_BYTES_MAX = 10
    with pytest.raises(TooLarge):
        hand_in(content)
    with pytest.raises(NotFound):
        hand_in(content, line_name="nowhere")
    assert files(tmp_path) == []
    with tenant_scope(BANK):
        assert not ScoreBatch.objects.exists()


def test_the_same_file_again_is_the_same_batch_until_the_champion_changes(tmp_path: Path) -> None:
    model_line = make_line()
    make_champion(model_line)
    content = ndjson([line(1), line(1), line(2)])
    first = scored(content)
    assert hand_in(content, count=3).id == first.id
    assert files(tmp_path) == []
    make_champion(model_line, seed=2)
    second = scored(content)
    assert second.id != first.id
    with tenant_scope(BANK):
        assert (Decision.objects.count(), DataKey.objects.count(), ConsentEntry.objects.count()) == (6, 2, 2)


def test_an_erased_person_and_a_withdrawn_consent_stop_their_lines() -> None:
    make_champion(make_line())
    first = opened(scored(ndjson([line(1), line(2), line(3)])))
    with platform_scope():
        erasure.erase_person(person_id=first[1].decision.person_id, actor=ACTOR, now=now())
        consent.withdraw(consent_id=first[2].decision.consent_id, actor=ACTOR, now=now())
    assert replay(first[1]) == "erased"
    again = scored(ndjson([line(number) for number in (3, 2, 1)]))
    assert problems(again) == {2: [" conflict"], 3: [" erased"]}
    assert (again.scored, again.problems) == (1, 2)


def test_others_see_nothing_of_it() -> None:
    make_champion(make_line())
    batch = scored(ndjson([line(1)]))
    with tenant_scope(uuid4()):
        assert not ScoreBatch.objects.exists()
        with pytest.raises(ScoreBatch.DoesNotExist):
            ScoreBatch.locked(batch.id)
    other = scored(ndjson([line(1)]), bank=uuid4())
    assert other.id != batch.id
    with platform_scope():
        assert DataKey.objects.count() == ConsentEntry.objects.count() == 2


def test_what_is_told_of_it_holds_no_value_and_the_invariants_stand() -> None:
    make_champion(make_line())
    batch = scored(ndjson([line(number) for number in range(7)] + ["{"]))
    with platform_scope():
        events = OutboxEvent.objects.filter(subject_id=batch.id).order_by("id")
        assert [event.type for event in events] == [
            "score_batch.received", "score_batch.advanced", "score_batch.finished",
        ]  # fmt: skip
        told = events[1].payload
        assert (told["scored"], told["problems"], told["consents"]) == (7, 1, 7)
        assert AuditRow.objects.filter(subject_id=str(batch.id)).count() == 3
        everything = " ".join(str(row.payload) for row in events)
        assert "p-1" not in everything
        outbox.relay(now=now())
        for check in invariants.declared():
            if check.code in ("I3", "I6", "I8"):
                assert check.find().wrong == 0, check.says


def test_it_goes_on_where_it_was_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    make_champion(make_line())
    monkeypatch.setattr(batch_scoring, "PART_LINES", 10)
    batch = hand_in(as_csv([line(number) for number in range(35)]), "csv")
    calls = count(1)

    def falling_clock() -> datetime:
        if next(calls) == 5:  # two for the lease, and one for each part: in the middle of the third one
            raise KeyboardInterrupt
        return now()

    with pytest.raises(KeyboardInterrupt):
        batch_scoring.score_batch(institution_id=BANK, batch_id=batch.id, clock=falling_clock)
    assert len(results(batch)) == 20
    with pytest.raises(Conflict, match="Another worker"):
        batch_scoring.score_batch(institution_id=BANK, batch_id=batch.id, clock=now)

    def later() -> datetime:
        return now() + batch_scoring.LEASE * 2

    with platform_scope():
        assert batches.sweep(now=now()) == []
        assert batches.sweep(now=later()) == [(BANK, batch.id)]
    done = batch_scoring.score_batch(institution_id=BANK, batch_id=batch.id, clock=later)
    assert (done.state, done.scored, done.lines_done) == ("done", 35, 36)
    assert [one.line_no for one in results(batch)] == list(range(2, 37))
    with tenant_scope(BANK):
        assert Decision.objects.count() == 35
    assert files(tmp_path) == []


def test_a_batch_whose_workers_fall_again_and_again_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    make_champion(make_line())
    batch = hand_in(ndjson([line(1)]))
    for _ in range(batch_scoring.ATTEMPTS_MAX):
        with tenant_scope(BANK):
            ScoreBatch.locked(batch.id).claim(until=now(), now=now())
    ended = batch_scoring.score_batch(institution_id=BANK, batch_id=batch.id, clock=now)
    assert (ended.state, ended.scored) == ("failed", 0)
    assert hand_in(ndjson([line(1)])).id != batch.id


def test_files_that_nobody_waits_for_are_removed(tmp_path: Path) -> None:
    make_champion(make_line())
    batch = hand_in(ndjson([line(1)]))
    batch_scoring.FILES.path_of(UUID(int=1)).write_bytes(b"left over")
    with platform_scope():
        assert batches.tidy_uploads(now=now()) == 0
        assert batches.tidy_uploads(now=now() + timedelta(hours=25)) == 1
    assert files(tmp_path) == [str(batch.id)]
