"""Challengers score beside the champion: afterwards, from what is stored, each decision once, deciding nothing."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from pytest_django import Settings
from scipy.stats import spearmanr

from hub import erasure
from hub.clock import now
from hub.errors import Invalid
from hub.leases import Busy
from hub.tenancy import platform_scope, tenant_scope
from risk.monitoring.maths.agreement import rank_correlation
from risk.monitoring.shadows import agreement
from risk.scoring import registry, services, shadowing
from risk.scoring.models import Decision, ModelLine, ModelVersion, Shadow, ShadowScore
from tests.factories import everything
from tests.risk.borrowers import borrower, consented, score
from tests.risk.monitored import applicants, decide, lend
from tests.risk.registry_factory import ACTOR, OSCAR, RITA, WAIVER, make_champion, make_line, make_version

LATER = timedelta(minutes=10)


@pytest.fixture
def line() -> ModelLine:
    made = make_line()
    make_champion(made)
    return made


def beside(version_id: UUID) -> Shadow:
    return shadowing.score_beside(version_id=version_id, scope=platform_scope, clock=lambda: now() + LATER)


def version_of(version_id: UUID) -> ModelVersion:
    with platform_scope():
        return ModelVersion.objects.get(id=version_id)


def test_rank_correlation_is_that_of_scipy() -> None:
    rng = np.random.default_rng(3)
    first = rng.integers(0, 9, 200)
    second = first + rng.integers(0, 4, 200)
    assert rank_correlation(first, second) == pytest.approx(spearmanr(first, second).statistic)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert rank_correlation([1, 2, 3], [5, 5, 5]) is None


@pytest.mark.django_db
def test_it_scores_what_was_decided_since_and_changes_no_decision(line: ModelLine) -> None:
    decide(applicants(2, seed=1), moment=now())  # before it was there
    make_champion(make_line("other"))
    version_id = make_version(line, seed=2)
    rows = applicants(5)
    scored = decide(rows, moment=now())
    bank = uuid4()
    with tenant_scope(bank):
        services.score_person(
            institution_id=bank, line_name="consumer", person_reference="p", features=rows[0], actor=ACTOR, now=now(),
            consent_reference=services.ConsentReference("c", "2026-01", now() - timedelta(days=1)),
        )  # fmt: skip
    score(borrower("of another line"), line_name="other", features=rows[0])
    before = everything()
    assert (beside(version_id).scored, beside(version_id).scored) == (6, 6)
    after = everything()
    assert {name for name in after if after[name] != before[name]} == {"scoring_shadow", "scoring_shadowscore"}
    version = version_of(version_id)
    with platform_scope():
        said = dict(ShadowScore.objects.values_list("decision_id", "logit_micro"))
    for one, row in zip(scored, rows, strict=True):
        assert said[one.decision_id] == version.scorer().row(row, version.calibration).logit_micro


@pytest.mark.django_db
def test_what_is_too_fresh_waits_and_who_is_erased_is_left_out(line: ModelLine) -> None:
    version_id = make_version(line, seed=2)
    person = borrower("erased")
    score(person, consent_id=consented(person), features=applicants(1)[0])
    decide(applicants(1), moment=now())
    fresh = shadowing.score_beside(version_id=version_id, scope=platform_scope, clock=now)
    assert (fresh.scored, fresh.lease_token) == (0, None)
    with platform_scope():
        erasure.erase_person(person_id=person, actor=ACTOR, now=now())
    assert beside(version_id).scored == 1


@pytest.mark.django_db
def test_one_worker_at_a_time(line: ModelLine) -> None:
    version_id = make_version(line, seed=2)
    with platform_scope():
        Shadow.locked(version_id).claim(until=now() + 2 * LATER, now=now())
    with pytest.raises(Busy):
        beside(version_id)


@pytest.mark.django_db
def test_the_first_version_and_old_ones_have_none(line: ModelLine) -> None:
    ids = [make_version(line, seed=2) for _ in range(3)]
    with platform_scope():
        assert sorted(shadowing.open_shadows()) == sorted(ids[1:])
        assert not Shadow.objects.filter(version__number=1).exists()
        for user_id in (RITA, OSCAR):
            registry.approve_version(version_id=ids[2], user_id=user_id, now=now(), waiver=WAIVER)
    assert beside(ids[2]).ended_at is not None
    with platform_scope():
        assert shadowing.open_shadows() == [ids[1]]


@pytest.mark.django_db
def test_nobody_approves_before_it_has_scored_enough(line: ModelLine, settings: Settings) -> None:
    settings.SHADOW_DECISIONS = 3
    version_id = make_version(line, seed=2)
    bank = uuid4()
    for number in range(3):
        with tenant_scope(bank):
            services.score_person(
                institution_id=bank, line_name="consumer", person_reference=f"p{number}", actor=ACTOR, now=now(),
                features=applicants(1)[0],
                consent_reference=services.ConsentReference(f"c{number}", "2026-01", now() - timedelta(days=1)),
            )  # fmt: skip
        with platform_scope(), pytest.raises(Invalid, match=rf"it scored {0 if number < 1 else number} decisions"):
            registry.approve_version(version_id=version_id, user_id=RITA, now=now())
        beside(version_id)
    with platform_scope():
        assert registry.approve_version(version_id=version_id, user_id=RITA, now=now()).approvals.get().waiver == ""


@pytest.mark.django_db
def test_agreement_and_who_was_right(line: ModelLine) -> None:
    version_id = make_version(line, seed=2)
    rows = applicants(40)
    scored = decide(rows, moment=now())
    with platform_scope():
        assert agreement(version_id=version_id, line_id=line.id, now=now()) == {"count": 0}
    beside(version_id)
    lend(scored, [at % 5 == 0 for at in range(40)], opened=now().date() + timedelta(days=1))
    with platform_scope():
        told: dict[str, Any] = agreement(version_id=version_id, line_id=line.id, now=now() + LATER)
        pds = dict(Decision.objects.values_list("id", "pd_12m"))
        said = dict(ShadowScore.objects.values_list("decision_id", "pd_12m"))
    both = [(float(pds[one]), float(said[one])) for one in said]
    assert (told["count"], told["outcomes"]) == (40, 40)
    assert told["correlation"] == pytest.approx(spearmanr(*zip(*both, strict=True)).statistic)
    assert 0 < told["psi"] < 5
    assert 0 < told["auc"] < 1
    assert 0 < told["auc_shadow"] < 1
    assert told["auc"] != told["auc_shadow"]
