"""What a challenger would change: every live policy over the last applications, counted against plain arithmetic."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pytest_django import Settings

from hub import audit, events
from hub.clock import now
from hub.errors import Invalid
from hub.leases import Busy
from hub.models import OutboxEvent
from hub.tenancy import platform_scope
from partners.institutions.queries import InstitutionView
from partners.referrals import replaying, subscribers
from partners.referrals.models import PolicyReplay
from risk.scoring import bands, gates, registry
from risk.scoring import subscribers as scoring_subscribers
from risk.scoring.facade import ScoredApplication
from risk.scoring.models import ModelLine, ModelVersion, PolicyShift
from tests.factories import make_institution
from tests.partners.product_factory import make_live
from tests.partners.referral_factory import decision, make_case
from tests.risk.monitored import applicants, decide
from tests.risk.registry_factory import OSCAR, RITA, make_champion, make_line, make_version

pytestmark = pytest.mark.django_db
ACTOR = audit.system_actor("tests")
GRID = {"A": "4", "B": "8", "C": "12.5", "D": "21"}
GRADES: dict[str, Any] = {"fact": "grade", "op": "in", "value": list(GRID), "code": "grades"}
RULES: list[dict[str, Any]] = [GRADES, {"fact": "pd_12m", "op": "<=", "value": 0.13, "code": "pd_cap"}]
Row = dict[str, Any]


@pytest.fixture(autouse=True)
def _no_shadow_wanted(settings: Settings) -> None:
    settings.SHADOW_DECISIONS = 0


def apply(world: InstitutionView, rows: Sequence[Row]) -> None:
    """Let borrowers with these features apply in a world."""
    for scored in decide(rows, moment=now()):
        make_case(world, scored=_view(scored))


def _view(scored: ScoredApplication) -> Any:
    return decision(id=scored.decision_id, pd=scored.pd, grade=scored.grade, action=scored.action)


def ask(version_id: UUID) -> PolicyReplay:
    """Let the event of a registration reach its subscriber."""
    with platform_scope():
        told = OutboxEvent.objects.get(type="model.registered", subject_id=version_id)
        subscribers.replay_policies(events.read(told.type, told.payload), now=now())  # type: ignore[arg-type]
        return PolicyReplay.objects.get(version_id=version_id, finished_at=None)


def carry_out(replay: PolicyReplay) -> PolicyReplay:
    return replaying.replay_policies(replay_id=replay.id, scope=platform_scope, clock=now, actor=ACTOR)


def hand_over() -> None:
    """Let what a replay told reach the registry, the last part first."""
    with platform_scope():
        for told in OutboxEvent.objects.filter(type="policies.replayed").order_by("-id"):
            scoring_subscribers.note_policy_shift(events.PoliciesReplayed.read(told.payload), now=now())


def expected(version: ModelVersion, rows: Sequence[Row]) -> list[tuple[Decimal, Decimal]]:
    """PD and rate of whom the lender of GRID and RULES would be shown, by nothing but the score."""
    found = []
    for row in rows:
        score = version.scorer().row(row, version.calibration)
        band = bands.band_of(score.pd)
        if band.action != "decline" and band.grade in GRID and Decimal(score.pd_12m) <= Decimal("0.13"):
            found.append((Decimal(score.pd_12m), Decimal(GRID[band.grade])))
    return found


def make_world(rows: Sequence[Row]) -> tuple[ModelLine, ModelVersion, InstitutionView]:
    line = make_line()
    champion = make_champion(line)
    world = make_institution()
    make_live(world.id, rules=RULES, grid=GRID)
    make_live(world.id, rules=[GRADES], grid=GRID, amount_min="60000")  # never fits
    apply(world, rows)
    return line, champion, world


def test_shifts_are_those_of_plain_arithmetic() -> None:
    rows = applicants(40)
    line, champion, world = make_world(rows)
    with platform_scope():
        challenger = ModelVersion.objects.get(id=make_version(line, seed=2))
    before, after = expected(champion, rows), expected(challenger, rows)
    assert before != after
    replay = carry_out(ask(challenger.id))
    assert (replay.applications, replay.failure) == (40, "")
    hand_over()
    with platform_scope():
        [shift] = PolicyShift.newest(challenger.id, champion_id=champion.id)
        assert OutboxEvent.objects.filter(type="policies.replayed", institution_id=None).count() == 1
    assert (shift.lender_id, shift.currency, shift.policies, shift.total) == (world.id, "HKD", 2, 1)
    assert (shift.approved_before, shift.approved_after) == (len(before), len(after))
    assert shift.expected_loss_before == sum(50000 * pd for pd, _ in before)
    assert shift.expected_loss_after == sum(50000 * pd for pd, _ in after)
    assert shift.rate_after == round(sum(rate for _, rate in after) / len(after), 4)
    alone = sum(
        bool(expected(champion, [row])) != bool(expected(challenger, [row])) for row in rows
    )  # fmt: skip
    assert shift.changed == alone > 0


def test_nobody_approves_before_the_policies_were_replayed() -> None:
    line, _, _ = make_world(applicants(3))
    version_id = make_version(line, seed=2)
    with platform_scope():
        with pytest.raises(Invalid, match="have not been replayed against the champion"):
            registry.approve_version(version_id=version_id, user_id=RITA, now=now())
        reason = "The policies cannot be replayed today, and the champion is broken."
        registry.approve_version(version_id=version_id, user_id=RITA, waiver=reason, now=now())
    carry_out(ask(version_id))
    hand_over()
    with platform_scope():
        approved = registry.approve_version(version_id=version_id, user_id=OSCAR, now=now())
        assert approved.approvals.get(user_id=OSCAR).waiver == ""


def test_a_line_without_applications_needs_none() -> None:
    line = make_line()
    make_champion(line)
    version_id = make_version(line, seed=2)
    with platform_scope():
        version = ModelVersion.objects.get(id=version_id)
        assert [(one["met"], one["figure"]) for one in gates.gates(version, now=now())] == [(True, "none")] * 2
    assert carry_out(ask(version_id)).applications == 0
    hand_over()
    with platform_scope():
        [told] = PolicyShift.newest(version_id)
        assert (told.lender_id, told.applications) == (None, 0)


def test_a_replay_against_a_former_champion_does_not_count() -> None:
    line, _, _ = make_world(applicants(2))
    version_id, rival = make_version(line, seed=2), make_version(line, seed=3)
    carry_out(ask(version_id))
    carry_out(ask(rival))
    hand_over()
    with platform_scope():
        for user_id in (RITA, OSCAR):
            registry.approve_version(version_id=rival, user_id=user_id, now=now())
        [told] = OutboxEvent.objects.filter(type="model.announced")
        assert told.payload["shifts"][0]["applications"] == 2
        assert registry.promote_due(actor=ACTOR, now=now() + timedelta(days=7)) == [rival]
        assert [one["name"] for one in gates.unmet(ModelVersion.objects.get(id=version_id), now=now())] == ["replayed"]
        registry.request_replay(version_id=version_id, actor=ACTOR, now=now())
        assert OutboxEvent.objects.get(type="model.replay_requested").subject_id == version_id


def test_it_is_safe_to_run_twice_and_one_is_at_it_at_a_time() -> None:
    line, _, _ = make_world(applicants(2))
    version_id = make_version(line, seed=2)
    replay = ask(version_id)
    assert ask(version_id).id == replay.id
    with platform_scope():
        PolicyReplay.locked(replay.id).claim(until=now() + timedelta(minutes=1), now=now())
        assert replaying.sweep_replays(now=now()) == []
    with pytest.raises(Busy):
        carry_out(replay)
    with platform_scope():
        assert replaying.sweep_replays(now=now() + timedelta(minutes=2)) == [replay.id]
    ended = carry_out(replay)
    assert carry_out(replay).finished_at == ended.finished_at
    hand_over()
    hand_over()
    with platform_scope():
        assert OutboxEvent.objects.filter(type="policies.replayed").count() == 1
        assert PolicyShift.objects.count() == 1


def test_a_replay_whose_workers_fall_is_given_up() -> None:
    line, _, _ = make_world(applicants(1))
    replay = ask(make_version(line, seed=2))
    with platform_scope():
        PolicyReplay.objects.filter(id=replay.id).update(attempts=replaying.ATTEMPTS_MAX)
    assert "given up" in carry_out(replay).failure
    with platform_scope():
        assert not OutboxEvent.objects.filter(type="policies.replayed").exists()
