"""Institutions are told before a version takes over, may hold on to the one before for a while, and not for longer."""

from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from pytest_django import Settings

from hub.clock import now
from hub.errors import Conflict, Invalid, NotFound
from hub.events import PoliciesReplayed
from hub.models import OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from partners.institutions.queries import ClientView
from risk.scoring import batches, notices, pins, registry, services
from risk.scoring.models import ModelLine, ModelVersion, PolicyShift, VersionPin
from tests.factories import bearer, make_client
from tests.risk.registry_factory import ACTOR, OSCAR, RITA, make_champion, make_line, make_version

pytestmark = pytest.mark.django_db
FEATURES: dict[str, Any] = {"income": 9000.0, "utilisation": 95.0, "housing": "rent"}
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _no_shadow_wanted(settings: Settings) -> None:
    settings.SHADOW_DECISIONS = 0


@pytest.fixture
def line() -> ModelLine:
    made = make_line()
    make_champion(made)
    return made


@pytest.fixture
def bank() -> ClientView:
    return make_client()


def scored_by(institution_id: UUID, *, moment: datetime | None = None) -> int:
    """Score a person of the institution; return the number of the version that did it."""
    moment = moment or now()
    reference = services.ConsentReference(f"c-{uuid4()}", "2026-01", moment - DAY)
    with tenant_scope(institution_id):
        scored = services.score_person(
            institution_id=institution_id, line_name="consumer", person_reference=f"p-{uuid4()}",
            consent_reference=reference, features=FEATURES, actor=ACTOR, now=moment,
        )  # fmt: skip
        found = batches.champion_for(line_name="consumer", institution_id=institution_id, now=moment)
    assert found.number == scored.number
    return scored.number


def approved(line: ModelLine, *, seed: int = 2, moment: datetime | None = None) -> ModelVersion:
    """A version that two people approved."""
    version_id = make_version(line, seed=seed)
    with platform_scope():
        for user_id in (RITA, OSCAR):
            registry.approve_version(version_id=version_id, user_id=user_id, now=moment or now())
        return ModelVersion.objects.get(id=version_id)


def wait(days: int) -> None:
    """Let days pass for the task that keeps dates."""
    with platform_scope():
        registry.promote_due(actor=ACTOR, now=now() + days * DAY)
        pins.keep_dates(actor=ACTOR, now=now() + days * DAY)


def told(institution_id: UUID) -> list[str]:
    with platform_scope():
        rows = OutboxEvent.objects.filter(institution_id=institution_id, type__startswith="model.").order_by("id")
        return list(rows.values_list("type", flat=True))


def first_of(line: ModelLine) -> UUID:
    with platform_scope():
        return ModelVersion.objects.get(line=line, number=1).id


def pin(bank: ClientView, version_id: UUID, *, days: float = 30) -> VersionPin:
    with tenant_scope(bank.institution_id):
        return pins.pin(
            institution_id=bank.institution_id, version_id=version_id, until=now() + days * DAY, actor=ACTOR, now=now()
        )


def test_a_successor_is_announced_and_takes_over_on_its_day(line: ModelLine, bank: ClientView) -> None:
    scored_by(bank.institution_id)
    version_id = make_version(line, seed=2)
    with platform_scope():
        shift = PoliciesReplayed(
            version_id, None, replay_id=uuid4(), champion_id=None, applications=9, total=1,
            lender_id=bank.institution_id, lender="Bank", currency="HKD", policies=1, approved_before=4,
            approved_after=5, changed=1, expected_loss_before="10.0000", expected_loss_after="9.0000",
            rate_before="8.0000", rate_after=None,
        )  # fmt: skip
        PolicyShift.keep(shift, now=now())
        for user_id in (RITA, OSCAR):
            version = registry.approve_version(version_id=version_id, user_id=user_id, now=now())
        assert version.state == "challenger"
        event = OutboxEvent.objects.get(type="model.announced")
    assert event.institution_id == bank.institution_id
    [own] = event.payload["shifts"]
    assert (own["approved_before"], own["approved_after"], own["rate_after"]) == (4, 5, None)
    assert event.payload["card"].endswith(f"/api/v1/models/{version_id}/card")
    assert Client().get(f"/api/v1/models/{version_id}/card", **bearer(bank)).status_code == 200
    wait(6)
    assert scored_by(bank.institution_id) == 1
    wait(7)
    assert scored_by(bank.institution_id) == 2
    wait(7)
    assert told(bank.institution_id) == ["model.announced", "model.promoted"]


@pytest.mark.parametrize(("name", "days"), [("sandbox", 7), ("consumer", 0)])
def test_no_notice_where_none_is_due(settings: Settings, bank: ClientView, name: str, days: int) -> None:
    settings.MODEL_NOTICE_DAYS = days
    line = make_line(name, bank.institution_id)
    assert approved(line, seed=1).state == "champion"
    assert approved(line).state == "champion"
    assert "model.announced" not in told(bank.institution_id)


def test_one_is_announced_at_a_time_and_may_be_withdrawn(line: ModelLine, bank: ClientView) -> None:
    scored_by(bank.institution_id)
    waiting, rival = approved(line), make_version(line, seed=3)
    with platform_scope():
        for version_id in (waiting.id, rival):
            with pytest.raises(Conflict, match="is announced for"):
                registry.approve_version(version_id=version_id, user_id=uuid4(), now=now())
        row = waiting.announcements.get()
        notices.withdraw(announcement_id=row.id, actor=ACTOR, now=now())
        with pytest.raises(Conflict, match="is over"):
            notices.withdraw(announcement_id=row.id, actor=ACTOR, now=now())
        registry.approve_version(version_id=rival, user_id=RITA, now=now())
    wait(30)
    assert scored_by(bank.institution_id) == 1
    assert told(bank.institution_id) == ["model.announced", "model.announcement_withdrawn"]


def test_a_pin_holds_for_its_own_calls_until_its_end(line: ModelLine, bank: ClientView) -> None:
    other = make_client()
    made = pin(bank, first_of(line))
    make_champion(line, seed=2)
    assert (scored_by(bank.institution_id), scored_by(other.institution_id)) == (1, 2)
    assert scored_by(bank.institution_id, moment=made.until) == 2  # whether or not anybody ended it
    wait(22)
    assert told(bank.institution_id)[-1] == "model.promoted"
    wait(23)
    wait(24)
    assert told(bank.institution_id)[-1] == "model.pin_reminded"
    wait(31)
    wait(32)
    assert told(bank.institution_id)[-2:] == ["model.pin_reminded", "model.unpinned"]
    assert scored_by(bank.institution_id) == 2


def test_by_rest(line: ModelLine, bank: ClientView) -> None:
    path, until = f"/api/v1/models/{first_of(line)}/pin", now() + 5 * DAY
    call: Any = {"content_type": "application/json", **bearer(bank)}

    def post(moment: datetime, key: str) -> Any:
        return Client().post(path, {"until": moment.isoformat()}, headers={"Idempotency-Key": key}, **call)

    assert Client().get(path, **bearer(bank)).status_code == 404
    made = post(until, "k1")
    assert made.status_code == 200, made.content
    assert (made.json()["number"], made.json()["state"]) == (1, "champion")
    assert Client().get(path, **bearer(bank)).json() == made.json()
    assert Client().get(path, **bearer(make_client())).status_code == 404
    moved = post(until + DAY, "k2").json()
    assert moved["id"] == made.json()["id"]
    assert datetime.fromisoformat(moved["until"]) == until + DAY
    assert Client().delete(path, **bearer(bank)).json() == moved
    assert Client().delete(path, **bearer(bank)).status_code == 404
    assert told(bank.institution_id) == ["model.pinned", "model.pinned", "model.unpinned"]


def test_what_cannot_be_pinned(line: ModelLine, bank: ClientView) -> None:
    first, theirs = first_of(line), make_champion(make_line("own", uuid4())).id
    for days in (-1, 0, 90.1):
        with pytest.raises(Invalid) as refusal:
            pin(bank, first, days=days)
        assert [(one.pointer, one.code) for one in refusal.value.errors] == [("/until", "out_of_range")]
    for version_id in (uuid4(), theirs, make_version(line, seed=4)):
        with pytest.raises(NotFound):
            pin(bank, version_id)
    with platform_scope():
        assert not VersionPin.objects.exists()
    pin(bank, first)
    second = make_champion(line, seed=2)
    with pytest.raises(Conflict, match="release it first"):
        pin(bank, second.id)


def test_the_ninety_days_count_from_the_successor(bank: ClientView) -> None:
    line = make_line()
    first, _ = (approved(line, seed=seed, moment=now() - ago * DAY) for seed, ago in ((1, 80), (2, 60)))
    with pytest.raises(Invalid):
        pin(bank, first.id, days=31)
    assert pin(bank, first.id, days=29).version_id == first.id
    assert scored_by(bank.institution_id) == 1


def test_the_database_bounds_a_pin_too(line: ModelLine, bank: ClientView) -> None:
    made = pin(bank, first_of(line))
    with tenant_scope(bank.institution_id), pytest.raises(IntegrityError, match="bounded"), transaction.atomic():
        made.hold(until=now() + 91 * DAY, now=now())


def test_a_roll_back_ends_pins_to_what_it_takes_back_and_tells_of_the_others(line: ModelLine, bank: ClientView) -> None:
    other = make_client()
    first, second = first_of(line), make_champion(line, seed=2)
    pin(bank, second.id)
    pin(other, first)
    said = StringIO()
    call_command("rollback", line="consumer", stdout=said)
    assert f"The institution {other.institution_id} stays pinned to version 1" in said.getvalue()
    assert str(bank.institution_id) not in said.getvalue()
    assert (scored_by(bank.institution_id), scored_by(other.institution_id)) == (1, 1)
    assert told(bank.institution_id) == ["model.pinned", "model.promoted", "model.unpinned"]
    assert told(other.institution_id) == ["model.pinned", "model.promoted"]
    with pytest.raises(Conflict, match="Only a champion"):
        pin(bank, second.id)


def test_what_does_not_load_on_its_day_never_takes_over(line: ModelLine, bank: ClientView) -> None:
    scored_by(bank.institution_id)
    waiting = approved(line)
    with platform_scope():
        ModelVersion.objects.filter(id=waiting.id).update(artefact=b"{}")
    wait(8)
    assert scored_by(bank.institution_id) == 1
    with platform_scope():
        assert waiting.announcements.get().ended_at is None
