"""Decisions with affordability: the matrix decides, inputs are sealed, and all of it replays to the same values."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hub import erasure
from hub.clock import now
from hub.models import OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from risk.scoring import bands, matrices, queries, services
from risk.scoring.affordability import CURRENT, CURRENT_SHIPPED, SHIPPED, AffordabilityView, Means
from risk.scoring.facade import read_application, replay_application
from risk.scoring.models import Decision, PolicyMatrix
from tests.risk.borrowers import borrower, consented
from tests.risk.borrowers import score as score_borrower
from tests.risk.matrix_factory import set_live
from tests.risk.registry_factory import ACTOR, make_champion, make_line

D = Decimal
BANK = uuid4()
GOOD: dict[str, Any] = {"income": 60000.0, "utilisation": 5.0, "housing": "own"}
MEANS = Means("HKD", D(60000), "stated", D(15000), D(3000), D(200000), 24)
pytestmark = pytest.mark.django_db


def score(means: Means | None = MEANS, *, person: str = "p-1", features: Any = GOOD) -> services.Scored:
    reference = services.ConsentReference(f"c-{person}", "2026-01", now() - timedelta(days=1))
    with tenant_scope(BANK):
        return services.score_person(
            institution_id=BANK, line_name="consumer", person_reference=person, consent_reference=reference,
            features=features, actor=ACTOR, now=now(), means=means,
        )  # fmt: skip


def replay(scored: services.Scored, **changes: Any) -> str:
    services._scorers.clear()
    with tenant_scope(BANK):
        decision = queries.decision_by_id(decision_id=scored.decision.id)
        for name, value in changes.items():
            setattr(decision, name, value)
        return services.replay(decision=decision).result


def asking(amount: int, **changes: Any) -> Means:
    return msgspec.structs.replace(MEANS, amount=D(amount), **changes)


def test_the_matrix_decides_and_versions_are_kept() -> None:
    make_champion(make_line())
    scored = score()
    row, ability = scored.decision, scored.sealed.affordability
    assert ability is not None
    assert (ability.assessment.band, row.grade, row.action) == ("comfortable", "C", "approve")
    assert (row.parameters_version, row.matrix_sha256) == (CURRENT, matrices.shipped().sha256)
    assert ability.matrix == CURRENT_SHIPPED
    short = score(asking(800_000), person="p-2")
    assert (short.decision.grade, short.decision.action) == ("C", "review")
    unknown = score(asking(5_000, income=None), person="p-3").decision
    assert (unknown.grade, unknown.action) == ("C", "review")
    assert [replay(one) for one in (scored, short)] == ["identical", "identical"]


def test_without_means_all_is_as_it_was_and_no_statement_more() -> None:
    make_champion(make_line())
    set_live(make_line())
    score(None, person="p-0")
    with CaptureQueriesContext(connection) as plain:
        scored = score(None, person="p-1")
    with CaptureQueriesContext(connection) as asked:
        score(person="p-2")
    assert len(plain) == len(asked)
    row = scored.decision
    assert (row.parameters_version, row.matrix_sha256, scored.sealed.affordability) == (None, None, None)
    band = bands.band_of(float(row.pd_12m))
    assert (row.grade, row.action) == (band.grade, band.action)
    assert replay(scored) == "identical"


def test_a_line_of_its_own_has_a_matrix_of_its_own_and_replays_after_the_next_one() -> None:
    make_champion(make_line())
    platforms = set_live(make_line())
    first = score(asking(400_000))
    assert (first.decision.grade, first.decision.matrix_sha256) == ("D", platforms.sha256)
    make_champion(make_line(institution_id=BANK))
    assert score(asking(400_000), person="p-2").decision.matrix_sha256 == matrices.shipped().sha256
    own = set_live(make_line(institution_id=BANK))
    third = score(asking(400_000), person="p-3")
    assert (third.decision.grade, third.decision.matrix_sha256) == ("D", own.sha256)
    set_live(make_line(), SHIPPED[CURRENT_SHIPPED])
    set_live(make_line(institution_id=BANK), SHIPPED[CURRENT_SHIPPED])
    assert [replay(first), replay(third)] == ["identical", "identical"]


def test_what_was_changed_replays_as_different() -> None:
    make_champion(make_line())
    live = set_live(make_line())
    scored = score(asking(400_000))
    assert replay(scored) == "identical"
    assert replay(scored, matrix_sha256="0" * 64) == "different"
    assert replay(scored, matrix_sha256=matrices.shipped().sha256) == "different"
    assert replay(scored, action="decline") == "different"
    with platform_scope():
        PolicyMatrix.objects.filter(id=live.id).update(document=b"{}")
    assert replay(scored) == "different"


def test_inputs_are_sealed_and_told_nobody_and_erased_with_the_person() -> None:
    make_champion(make_line())
    scored = score(asking(123_450, income=D("61234.50")))
    with platform_scope():
        assert b"61234" not in bytes(scored.decision.sealed)
        assert "61234" not in str(list(OutboxEvent.objects.values_list("payload", flat=True)))
        erasure.erase_person(person_id=scored.decision.person_id, actor=ACTOR, now=now())
    assert replay(scored) == "erased"


def test_a_borrower_of_the_platform_is_told_why_and_reads_the_same_again() -> None:
    make_champion(make_line())
    person = borrower()
    given = consented(person)
    poor = score_borrower(person, consent_id=given, features=GOOD, means=asking(50_000, income=D(9000)))
    assert poor.action == "decline"
    assert isinstance(poor.affordability, AffordabilityView)
    assert (poor.affordability.band, poor.affordability.declined_for) == ("overstretched", "affordability")
    assert (poor.affordability.limit, poor.affordability.residual_income) == (D("0.00"), D("-10800.00"))
    with platform_scope():
        assert read_application(decision_id=poor.decision_id) == poor
        assert replay_application(decision_id=poor.decision_id) == "identical"
        assert Decision.objects.get().matrix_sha256 == matrices.shipped().sha256
    plain = score_borrower(borrower("b-2"), features=GOOD)
    assert replace(plain, affordability=None) == plain
