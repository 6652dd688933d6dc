"""Inquiries at data sources: recorded on a consent, made once, used again while fresh, and in the decision's record."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from django.conf import LazySettings
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction

from hub import consent, erasure
from hub.clock import now
from hub.errors import Conflict, Erased
from hub.models import AuditRow, OutboxEvent
from hub.tenancy import ScopeError, platform_scope
from risk.features.sources import Answer, InquiryType, LocalSource, NoRecord, SourceDown, Subject, Terms
from risk.scoring import sources
from risk.scoring.evidence import Evidence
from risk.scoring.facade import (
    About,
    Known,
    begin_inquiries,
    decided_features,
    known_of,
    make_inquiries,
    read_application,
    replay_application,
    source_gauges,
)
from risk.scoring.inquiring import Asking
from risk.scoring.source_models import Inquiry
from tests.risk.borrowers import ACTOR, FEATURES, borrower, consented, score
from tests.risk.registry_factory import make_champion, make_line

pytestmark = pytest.mark.django_db
INCOME = {"income": 30_000}


@dataclass(frozen=True)
class Registry:
    """A source of incomes for tests: `said` is what it does next; it counts how often it was asked."""

    said: ClassVar[Callable[[], dict[str, Any]]]
    asked: ClassVar[list[Subject]] = []
    inquiry: ClassVar[InquiryType] = "soft"

    @property
    def terms(self) -> Terms:
        plain = LocalSource("income").terms
        return replace(plain, name="registry", inquiry=self.inquiry, supplies=frozenset(INCOME), timeout_s=0.2)

    def covers(self, subject: Subject) -> bool:
        return True

    def ask(self, subject: Subject, *, timeout_s: float, now: datetime) -> Answer:
        self.asked.append(subject)
        return Answer(Registry.said(), now, "r-1")


def hard() -> Registry:
    return HardRegistry()


class HardRegistry(Registry):
    inquiry: ClassVar[InquiryType] = "hard"


def refuses() -> dict[str, Any]:
    raise SourceDown


def knows_nobody() -> dict[str, Any]:
    raise NoRecord


def breaks() -> dict[str, Any]:
    raise ZeroDivisionError


@pytest.fixture(autouse=True)
def _registry(settings: LazySettings) -> None:
    settings.SOURCES = ["tests.risk.test_inquiries.Registry"]
    Registry.said, Registry.asked = (lambda: INCOME), []


def about(person_id: UUID, *, phone: str = "+85291234567", sandbox: bool = False) -> About:
    return About(person_id, phone, sandbox)


def begin(whom: About, *, at: datetime | None = None, **changed: Any) -> Asking:
    consent_id = changed.pop("consent_id", None) or consented(whom.person_id)
    with platform_scope():
        return begin_inquiries(about=whom, consent_id=consent_id, actor=ACTOR, now=at or now(), **changed)


def make(asking: Asking, *, at: datetime | None = None) -> None:
    make_inquiries(asking, scope=platform_scope, clock=lambda: at or now(), actor=ACTOR)


def inquire(whom: About, **changed: Any) -> Asking:
    asking = begin(whom, **changed)
    make(asking, at=changed.get("at"))
    return asking


def known(whom: About, *, at: datetime | None = None, consented: bool = True) -> Known:
    with platform_scope():
        return known_of(about=whom, consented=consented, now=at or now())


def rows() -> list[Inquiry]:
    with platform_scope():
        return list(Inquiry.objects.order_by("id"))


def test_an_inquiry_is_recorded_before_it_is_made_and_settled_after() -> None:
    whom = about(borrower())
    given = consented(whom.person_id)
    asking = begin(whom, consent_id=given)
    [row] = rows()
    assert (row.state, row.source, row.kind, row.purpose, row.inquiry_type, row.consent_id, row.sandbox) == (
        "asked", "registry", "income", "credit_assessment", "soft", given, False,
    )  # fmt: skip
    assert Registry.asked == []
    make(asking)
    [row] = rows()
    assert (row.state, row.cost_minor, row.currency) == ("answered", 500, "HKD")
    assert row.holds_until == row.asked_at + timedelta(days=30)
    assert known(whom).values == INCOME
    [subject] = Registry.asked
    assert str(whom.person_id) not in subject.key
    with platform_scope():
        events = list(OutboxEvent.objects.filter(subject_id=row.id).order_by("id").values_list("type", "payload"))
        assert AuditRow.objects.filter(subject_id=str(row.id)).count() == 2
    assert [kind for kind, _ in events] == ["inquiry.begun", "inquiry.settled"]
    assert "30000" not in str(events)
    assert str(whom.person_id) not in str(events)


def test_a_fresh_answer_is_used_again_and_an_old_one_bought_anew() -> None:
    whom, begun = about(borrower()), now()
    assert inquire(whom, at=begun)
    assert not inquire(whom, at=begun + timedelta(days=29))
    later = begun + timedelta(days=30)
    assert known(whom, at=later).evidence.without[0].why == "not_asked"
    assert inquire(whom, at=later)
    assert len(Registry.asked) == 2
    assert [(row.state, row.in_force) for row in rows()] == [("answered", False), ("answered", True)]


@pytest.mark.parametrize(
    ("said", "why", "again_after"),
    [
        (refuses, "unavailable", timedelta(minutes=5)),
        (breaks, "unusable", timedelta(minutes=5)),
        (knows_nobody, "no_record", timedelta(days=30)),
    ],
)
def test_a_source_without_an_answer_is_named_and_asked_again_later(
    said: Callable[[], dict[str, Any]], why: str, again_after: timedelta
) -> None:
    Registry.said = said
    whom, begun = about(borrower()), now()
    inquire(whom, at=begun)
    assert [(one.source, one.why) for one in known(whom).evidence.without] == [("registry", why)]
    assert not begin(whom, at=begun + again_after - timedelta(seconds=1))
    assert begin(whom, at=begun + again_after)
    assert rows()[0].cost_minor == (0 if why == "unavailable" else 500)


def test_while_one_tab_asks_another_waits_and_asks_nobody() -> None:
    whom = about(borrower())
    first = begin(whom)
    second = begin(whom)
    assert second.elsewhere
    make(second)
    assert Registry.asked == []
    make(first)
    assert not begin(whom)
    assert len(Registry.asked) == 1


def test_two_that_are_asked_at_once_are_one_by_the_database_too() -> None:
    whom = about(borrower())
    begin(whom)
    [row] = rows()
    row.pk = uuid4()
    with platform_scope(), pytest.raises(IntegrityError, match="scoring_inquiry_one_in_force"), transaction.atomic():
        row.save(force_insert=True)


def test_who_fell_while_asking_leaves_an_inquiry_that_is_given_up() -> None:
    whom, begun = about(borrower()), now()
    begin(whom, at=begun)
    assert known(whom).evidence.without[0].why == "timed_out"
    assert begin(whom, at=begun + timedelta(seconds=1)).elsewhere
    assert not begin(whom, at=begun + timedelta(minutes=4))
    assert [row.state for row in rows()] == ["timed_out"]
    assert begin(whom, at=begun + timedelta(minutes=10))


def hard_consent(person_id: UUID) -> UUID:
    with platform_scope():
        return consent.give(
            person_id=person_id, purpose=consent.HARD_INQUIRY, recipient=consent.PLATFORM, text_version="hard-1",
            reference=f"hard|{person_id}", actor=ACTOR, now=now(),
        )  # fmt: skip


def test_a_hard_inquiry_needs_a_consent_of_its_own(settings: LazySettings) -> None:
    settings.SOURCES = ["tests.risk.test_inquiries.hard"]
    whom = about(borrower())
    scoring = consented(whom.person_id)
    assert not inquire(whom, consent_id=scoring)
    assert known(whom).evidence.without[0].why == "not_permitted"
    with pytest.raises(Conflict):
        begin(whom, consent_id=scoring, hard_consent_id=scoring)
    with pytest.raises(Conflict):
        begin(whom, consent_id=scoring, hard_consent_id=hard_consent(borrower("b-2")))
    given = hard_consent(whom.person_id)
    inquire(whom, consent_id=scoring, hard_consent_id=given)
    assert [(row.inquiry_type, row.state, row.consent_id) for row in rows()] == [("hard", "answered", given)]


@pytest.mark.parametrize(("fate", "again"), [("fell", False), ("broke", False), ("refused", True)])
def test_a_hard_inquiry_that_may_have_been_made_is_not_made_again(
    settings: LazySettings, fate: str, again: bool
) -> None:
    settings.SOURCES = ["tests.risk.test_inquiries.hard"]
    whom, begun = about(borrower()), now()
    given = hard_consent(whom.person_id)
    asking = begin(whom, at=begun, hard_consent_id=given)
    Registry.said = refuses if fate == "refused" else breaks
    if fate != "fell":
        make(asking, at=begun)
    for later in (timedelta(minutes=10), timedelta(days=29)):
        found = begin(whom, at=begun + later, hard_consent_id=given)
        assert bool(found.questions) is again
        again = False
    assert bool(begin(whom, at=begun + timedelta(days=31), hard_consent_id=given).questions)


def test_nothing_is_asked_without_a_consent_that_holds_or_about_nobody() -> None:
    person = borrower()
    given = consented(person)
    with platform_scope():
        consent.withdraw(consent_id=given, actor=ACTOR, now=now())
    with pytest.raises(Conflict):
        begin(about(person), consent_id=given)
    other = consented(borrower("b-2"))
    with pytest.raises(Conflict):
        begin(about(uuid4()), consent_id=other)
    with platform_scope():
        erasure.erase_person(person_id=borrower("b-2"), actor=ACTOR, now=now())
    with pytest.raises(Erased):
        begin(about(borrower("b-2")), consent_id=other)
    assert rows() == []
    assert Registry.asked == []


def test_sources_are_never_asked_within_a_transaction() -> None:
    asking = begin(about(borrower()))
    with platform_scope(), pytest.raises(ScopeError):
        make(asking)
    assert Registry.asked == []


def test_erasure_kills_what_sources_answered() -> None:
    whom = about(borrower())
    inquire(whom)
    with platform_scope():
        erasure.erase_person(person_id=whom.person_id, actor=ACTOR, now=now())
        with pytest.raises(Erased):
            Inquiry.objects.get().kept()


def test_an_answer_about_somebody_who_was_erased_meanwhile_is_not_kept() -> None:
    whom = about(borrower())
    asking = begin(whom)
    with platform_scope():
        erasure.erase_person(person_id=whom.person_id, actor=ACTOR, now=now())
    make(asking)
    assert [(row.state, row.sealed) for row in rows()] == [("unusable", None)]


def test_a_sandbox_has_the_local_provider_for_its_numbers_alone() -> None:
    whom = about(borrower(), phone="+85255501234", sandbox=True)
    assert [one.source.terms.kind for one in begin(whom).questions] == ["bureau", "open_banking", "income", "sanctions"]
    other = about(borrower("b-2"), sandbox=True)
    assert not begin(other)
    assert known(other) == Known()


def test_a_decision_says_what_it_rests_on_and_what_it_did_without_and_replays() -> None:
    make_champion(make_line())
    whom = about(borrower())
    given = consented(whom.person_id)
    inquire(whom, consent_id=given)
    found = known(whom)
    features = {**FEATURES, "income": 30_000.0}
    scored = score(whom.person_id, consent_id=given, features=features, evidence=found.evidence)
    [row] = rows()
    with platform_scope():
        assert read_application(decision_id=scored.decision_id) == scored
        assert decided_features(decision_id=scored.decision_id).values == features
        assert replay_application(decision_id=scored.decision_id) == "identical"
    assert scored.evidence is not None
    [used] = scored.evidence.used
    assert (used.source, used.inquiry_id, used.as_of, used.values) == ("registry", row.id, row.as_of, ("income",))
    bare = score(borrower("b-2"), features=features)
    assert (scored.pd, scored.grade, bare.evidence) == (bare.pd, bare.grade, None)


def test_who_may_be_on_a_sanctions_list_is_not_approved_by_a_score() -> None:
    make_champion(make_line())
    good = {"income": 60_000.0, "utilisation": 2.0, "housing": "own"}
    assert score(borrower("b-2"), features=good).action == "approve"
    hit = score(features=good, evidence=Evidence(facts=("sanctions_hit",)))
    assert hit.action == "review"
    bad = {"income": 1_000.0, "utilisation": 99.0, "housing": "rent"}
    declined = score(borrower("b-3"), features=bad, evidence=Evidence(facts=("sanctions_hit",)))
    assert declined.action == score(borrower("b-4"), features=bad).action != "approve"
    with platform_scope():
        for one in (hit, declined):
            assert replay_application(decision_id=one.decision_id) == "identical"
            assert read_application(decision_id=one.decision_id).evidence == Evidence(facts=("sanctions_hit",))


def test_the_metrics_count_live_inquiries_of_late() -> None:
    inquire(about(borrower()))
    inquire(about(borrower("b-2"), phone="+85255500005", sandbox=True))
    inquire(about(borrower("b-3")), at=now() - timedelta(hours=1))
    with platform_scope():
        gauges = source_gauges()
    counted = {(one.labels["kind"], one.labels["outcome"]): one.value for one in gauges if "outcome" in one.labels}
    assert {key: value for key, value in counted.items() if value} == {("income", "answered"): 1}
    assert len(counted) == 24


def test_no_two_sources_know_a_person_by_the_same_key() -> None:
    whom = about(borrower(), phone="+85255501234", sandbox=True)
    keys = {subject.key for _, subject in sources._covering(whom)}
    assert len(keys) == 4


class Nameless(Registry):
    @property
    def terms(self) -> Terms:
        return replace(super().terms, name="No Name")


@pytest.mark.parametrize(
    "named",
    [
        ["tests.risk.nowhere.Source"],
        ["tests.risk.test_inquiries.consented"],
        ["tests.risk.test_inquiries.Nameless"],
        ["tests.risk.test_inquiries.Registry", "tests.risk.test_inquiries.Registry"],
    ],
)
def test_a_setting_that_names_no_source_stops_the_start(settings: LazySettings, named: list[str]) -> None:
    settings.SOURCES = named
    with pytest.raises(ImproperlyConfigured, match="LUOPAN_SOURCES"):
        sources.check_sources()


class Confused(Registry):
    def covers(self, subject: Subject) -> bool:
        raise ZeroDivisionError


def test_a_source_that_cannot_tell_whom_it_knows_stops_nobody(settings: LazySettings) -> None:
    settings.SOURCES = ["tests.risk.test_inquiries.Confused"]
    whom = about(borrower())
    assert not begin(whom)
    assert known(whom) == Known()


def test_a_function_may_make_several_sources(settings: LazySettings) -> None:
    settings.SOURCES = ["risk.features.sources.local_sources", "tests.risk.test_inquiries.Registry"]
    assert len(sources.sources_of(sandbox=False)) == 5
    sources._named.cache_clear()
    settings.PRODUCTION = True
    with pytest.raises(ImproperlyConfigured, match="made up"):
        sources.check_sources()
