"""A person is scored under a consent; the record replays to the same bits, whatever came after (I6)."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from hub import audit, consent, erasure
from hub.clock import now
from hub.crypto import DataKey
from hub.errors import Conflict, Erased, Invalid, NotFound
from hub.models import AuditRow, ConsentEntry, OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from risk.scoring import bands, queries, registry, services
from risk.scoring.models import Decision
from tests.risk.registry_factory import ACTOR, make_champion, make_line

BANK = uuid4()
CLIENT = audit.client_actor("bank-1")
FEATURES: dict[str, Any] = {"income": 9000.0, "utilisation": 95.0, "housing": "rent"}
pytestmark = pytest.mark.django_db


def score(features: dict[str, Any] | None = None, *, line: str = "consumer", person: str = "p-1") -> services.Scored:
    reference = services.ConsentReference(f"c-{person}", "2026-01", now() - timedelta(days=1))
    with tenant_scope(BANK):
        return services.score_person(
            institution_id=BANK, line_name=line, person_reference=person, consent_reference=reference,
            features=FEATURES if features is None else features, actor=CLIENT, now=now(),
        )  # fmt: skip


def replay(scored: services.Scored) -> services.Replay:
    services._scorers.clear()
    with tenant_scope(BANK):
        return services.replay(decision=queries.decision_by_id(decision_id=scored.decision.id))


def test_a_score_has_grade_reasons_and_versions() -> None:
    version = make_champion(make_line())
    scored = score()
    assert scored.decision.sha256 == version.sha256
    assert scored.decision.grade == bands.band_of(float(scored.decision.pd_12m)).grade
    assert {reason.feature for reason in scored.sealed.reasons} <= set(FEATURES)
    assert len(scored.sealed.reasons) >= 2
    losses = [reason.lost_micro for reason in scored.sealed.reasons]
    assert losses == sorted(losses, reverse=True)


def test_following_the_first_reason_moves_the_score_by_what_it_says() -> None:
    make_champion(make_line())
    before = score()
    first = before.sealed.reasons[0]
    after = score({**FEATURES, first.feature: first.best_value}, person="p-2")
    assert before.decision.logit_micro - after.decision.logit_micro == first.lost_micro


def test_inputs_and_reasons_are_sealed() -> None:
    make_champion(make_line())
    decision = score().decision
    assert b"rent" not in bytes(decision.sealed)
    assert b"income" not in bytes(decision.sealed)
    with platform_scope():
        for row in AuditRow.objects.values_list("details", flat=True):
            assert "9000" not in str(row)
        for payload in OutboxEvent.objects.values_list("payload", flat=True):
            assert "9000" not in str(payload)
            assert "p-1" not in str(payload)


def test_it_replays_after_another_version_was_promoted() -> None:
    line = make_line()
    make_champion(line)
    scored = score()
    make_champion(line, seed=2)
    assert score(person="p-2").decision.sha256 != scored.decision.sha256
    result = replay(scored)
    assert result.result == "identical"
    assert result.recorded == result.replayed == (scored.decision.logit_micro, str(scored.decision.pd_12m))


def test_it_replays_after_a_roll_back() -> None:
    line = make_line()
    make_champion(line)
    make_champion(line, seed=2)
    scored = score()
    with platform_scope():
        registry.roll_back(line_id=line.id, actor=ACTOR, now=now())
    assert replay(scored).result == "identical"


def test_a_tampered_record_replays_as_different() -> None:
    make_champion(make_line())
    scored = score()
    scored.decision.logit_micro += 1
    with tenant_scope(BANK):
        decision = queries.decision_by_id(decision_id=scored.decision.id)
        decision.logit_micro += 1
        assert services.replay(decision=decision).result == "different"


def test_after_erasure_it_answers_erased() -> None:
    make_champion(make_line())
    scored = score()
    with platform_scope():
        erasure.erase_person(person_id=scored.decision.person_id, actor=ACTOR, now=now())
    assert replay(scored).result == "erased"
    with tenant_scope(BANK), pytest.raises(Erased):
        services.open_decision(queries.decision_by_id(decision_id=scored.decision.id))
    with pytest.raises(Erased):
        score()


@pytest.mark.parametrize(
    ("features", "pointer", "code"),
    [
        ({"incme": 1.0}, "/features/incme", "unknown_feature"),
        ({"a/b~c": 1.0, "income": 1.0}, "/features/a~1b~0c", "unknown_feature"),
        ({"income": "many"}, "/features/income", "wrong_type"),
        ({"housing": 3.0}, "/features/housing", "wrong_type"),
        ({}, "/features", "no_features"),
        ({"income": None}, "/features", "no_features"),
    ],
)
def test_wrong_features_are_named_and_nothing_is_kept(features: dict[str, Any], pointer: str, code: str) -> None:
    make_champion(make_line())
    with pytest.raises(Invalid) as caught:
        score(features)
    assert [(fault.pointer, fault.code) for fault in caught.value.errors] == [(pointer, code)]
    with platform_scope():
        assert not Decision.objects.exists()
        assert not ConsentEntry.objects.exists()
        assert not DataKey.objects.exists()


def test_a_missing_feature_is_scored_as_missing() -> None:
    make_champion(make_line())
    absent, null = score({"income": 9000.0}), score({"income": 9000.0, "housing": None}, person="p-2")
    assert absent.decision.logit_micro == null.decision.logit_micro


def test_no_score_without_a_champion() -> None:
    make_line()
    with pytest.raises(Conflict, match="no champion"):
        score()
    with pytest.raises(NotFound):
        score(line="nowhere")


def test_the_institutions_own_line_comes_first() -> None:
    make_champion(make_line())
    own = make_champion(make_line(institution_id=BANK), seed=2)
    assert score().decision.version_id == own.id


def test_a_withdrawn_consent_stops_the_next_score() -> None:
    make_champion(make_line())
    scored = score()
    with platform_scope():
        consent.withdraw(consent_id=scored.decision.consent_id, actor=CLIENT, now=now())
    with pytest.raises(Conflict, match="withdrawn"):
        score()
    with platform_scope():
        assert Decision.objects.count() == 1


def test_another_institutions_decision_is_unknown() -> None:
    make_champion(make_line())
    scored = score()
    with tenant_scope(uuid4()), pytest.raises(NotFound):
        queries.decision_by_id(decision_id=scored.decision.id)


def test_sealed_parts_read_back_as_written() -> None:
    make_champion(make_line())
    scored = score({"income": 0.1 + 0.2, "housing": "自置"})
    with tenant_scope(BANK):
        again = services.open_decision(queries.decision_by_id(decision_id=scored.decision.id))
    assert msgspec.to_builtins(again.sealed) == msgspec.to_builtins(scored.sealed)
    assert again.sealed.features["income"] == 0.1 + 0.2


@pytest.mark.parametrize(
    ("pd", "grade", "action"),
    [
        (0.0, "A", "approve"),
        (0.019999, "A", "approve"),
        (0.02, "B", "approve"),
        (0.1, "D", "review"),
        (1.0, "E", "decline"),
    ],
)
def test_bands(pd: float, grade: str, action: str) -> None:
    band = bands.band_of(pd)
    assert (band.grade, band.action) == (grade, action)
