"""The platform scores its own borrowers: under their consent, for no institution, replayable to the same bits (I6)."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import ProgrammingError

from hub import consent, erasure
from hub.clock import now
from hub.errors import Conflict, Erased, Invalid, NotFound
from hub.models import AuditRow, OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from risk.scoring import queries, services
from risk.scoring.facade import (
    ScoredApplication,
    decided_features,
    decisions_of,
    read_application,
    replay_application,
)
from risk.scoring.models import Decision
from tests.risk.borrowers import ACTOR, FEATURES, borrower, consented, score
from tests.risk.registry_factory import make_champion, make_line

pytestmark = pytest.mark.django_db


def replay(scored: ScoredApplication) -> str:
    services._scorers.clear()
    with platform_scope():
        return replay_application(decision_id=scored.decision_id)


def test_a_borrower_gets_grade_action_and_reasons_in_order() -> None:
    version = make_champion(make_line())
    scored = score()
    assert (scored.version_id, len(scored.pd), scored.pd[:2]) == (version.id, 8, "0.")
    assert (scored.grade, scored.action) in {("A", "approve"), ("B", "approve"), ("C", "approve"), ("D", "review"),
                                             ("E", "decline")}  # fmt: skip
    losses = [float(reason.lost_logit) for reason in scored.reasons]
    assert losses == sorted(losses, reverse=True)
    assert {reason.feature: reason.value for reason in scored.reasons}.items() <= FEATURES.items()
    with platform_scope():
        assert read_application(decision_id=scored.decision_id) == scored
        assert decided_features(decision_id=scored.decision_id).values == FEATURES
        assert Decision.objects.get().institution_id is None


def test_the_reasons_can_be_checked_by_following_the_first() -> None:
    make_champion(make_line())
    before = score()
    first = before.reasons[0]
    after = score(borrower("b-2"), features={**FEATURES, first.feature: first.best_value})
    with platform_scope():
        rows = {row.id: row.logit_micro for row in Decision.objects.all()}
    lost = rows[before.decision_id] - rows[after.decision_id]
    assert f"{lost / 1_000_000:.6f}" == first.lost_logit


def test_the_platforms_champion_scores_never_an_institutions_own() -> None:
    platforms = make_champion(make_line())
    make_champion(make_line(institution_id=uuid4()), seed=2)
    assert score().version_id == platforms.id
    make_champion(make_line("private", institution_id=uuid4()), seed=2)
    with pytest.raises(NotFound):
        score(borrower("b-2"), line_name="private")
    make_line("empty")
    with pytest.raises(Conflict, match="no champion"):
        score(borrower("b-3"), line_name="empty")


def test_it_replays_after_another_version_was_promoted_and_answers_erased_after_erasure() -> None:
    line = make_line()
    make_champion(line)
    scored = score()
    make_champion(line, seed=2)
    assert replay(scored) == "identical"
    with platform_scope():
        person_id = Decision.objects.get().person_id
        assert decisions_of(person_id=person_id) == [scored.decision_id]
        erasure.erase_person(person_id=person_id, actor=ACTOR, now=now())
    assert replay(scored) == "erased"
    with platform_scope(), pytest.raises(Erased):
        read_application(decision_id=scored.decision_id)


@pytest.mark.parametrize("what", ["unknown", "anothers", "withdrawn", "expired", "for sharing", "nobody", "erased"])
def test_without_a_consent_that_holds_nothing_is_kept(what: str) -> None:
    make_champion(make_line())
    person, other, lender = borrower(), borrower("b-2"), uuid4()
    changed: dict[str, dict[str, Any]] = {
        "expired": {"expires_at": now() - timedelta(seconds=1)},
        "for sharing": {"purpose": consent.SHARE_WITH_LENDER, "recipient": str(lender)},
    }
    whose = other if what == "anothers" else person
    given = uuid4() if what == "unknown" else consented(whose, **changed.get(what, {}))
    with platform_scope():
        if what == "withdrawn":
            consent.withdraw(consent_id=given, actor=ACTOR, now=now())
        if what == "erased":
            erasure.erase_person(person_id=person, actor=ACTOR, now=now())
    error = {"nobody": NotFound, "erased": Erased}.get(what, Conflict)
    with pytest.raises(error):
        score(uuid4() if what == "nobody" else person, consent_id=given)
    with platform_scope():
        assert not Decision.objects.exists()
        assert not OutboxEvent.objects.filter(type="decision.scored").exists()


def test_an_institutions_customer_is_no_borrower_of_the_platform() -> None:
    make_champion(make_line())
    given = consented(borrower())
    with pytest.raises(NotFound):
        score(borrower("c-1", institution_id=uuid4()), consent_id=given)


def test_wrong_features_are_named_and_nothing_is_kept() -> None:
    make_champion(make_line())
    with pytest.raises(Invalid) as caught:
        score(features={"incme": 1.0})
    assert [fault.pointer for fault in caught.value.errors] == ["/features/incme"]
    with platform_scope():
        assert not Decision.objects.exists()


def test_no_institution_sees_or_writes_a_decision_of_the_platform() -> None:
    make_champion(make_line())
    scored = score()
    with tenant_scope(uuid4()):
        assert not Decision.objects.exists()
        with pytest.raises(NotFound):
            queries.decision_by_id(decision_id=scored.decision_id)
    with platform_scope():
        row = Decision.objects.get()
    row.pk = uuid4()
    with pytest.raises(ProgrammingError, match="row-level security"), tenant_scope(uuid4()):
        row.save(force_insert=True)


def test_a_decision_of_an_institution_is_none_of_the_platforms() -> None:
    make_champion(make_line())
    bank = uuid4()
    with tenant_scope(bank):
        own = services.score_person(
            institution_id=bank, line_name="consumer", person_reference="p-1",
            consent_reference=services.ConsentReference("c-1", "2026-01", now()), features=FEATURES, actor=ACTOR,
            now=now(),
        )  # fmt: skip
    with platform_scope(), pytest.raises(NotFound):
        read_application(decision_id=own.decision.id)


def test_events_and_audit_rows_tell_nothing_of_the_person() -> None:
    make_champion(make_line())
    score()
    with platform_scope():
        event = OutboxEvent.objects.get(type="decision.scored")
        assert (event.institution_id, set(event.payload)) == (
            None, {"subject_id", "institution_id", "version_id", "grade"},
        )  # fmt: skip
        details = str(list(AuditRow.objects.values_list("details", flat=True)))
    assert "9000" not in details
    assert "rent" not in details
