"""Data sources, pure: the local provider's answers and handles, time-outs, a budget, and sources that misbehave."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Event
from time import perf_counter

import pytest

from risk.features.sources import (
    KINDS,
    SANCTIONS_HIT,
    Answer,
    LocalSource,
    Question,
    Settled,
    SourceDown,
    SourceKind,
    Subject,
    Terms,
    ask_together,
    local_sources,
)
from risk.features.sources import asking as asking_module
from risk.features.sources.local import RANGES

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def subject(handle: str = "1234", key: str = "k-1") -> Subject:
    return Subject(key, f"+8525550{handle}")


def outcomes(handle: str) -> dict[str, str]:
    sources = local_sources()
    found = ask_together([Question(source, subject(handle)) for source in sources], now=NOW)
    return {source.kind: settled.outcome for source, settled in zip(sources, found, strict=True)}


@dataclass(frozen=True)
class Odd:
    """A source that does what it is told to."""

    act: Callable[[], Answer]
    name: str = "odd"
    changes: dict[str, float] = field(default_factory=dict)

    @property
    def terms(self) -> Terms:
        return replace(LocalSource("income").terms, name=self.name, **self.changes)  # type: ignore[arg-type]  # by name

    def covers(self, subject: Subject) -> bool:
        return True

    def ask(self, subject: Subject, *, timeout_s: float, now: datetime) -> Answer:
        return self.act()


def asked(act: Callable[[], Answer], **changes: float) -> Settled:
    return ask_together([Question(Odd(act, changes=changes), subject())], now=NOW)[0]


def test_the_local_provider_answers_what_its_terms_name_from_seed_and_key_alone() -> None:
    for source in local_sources():
        first = source.ask(subject(), timeout_s=1, now=NOW)
        assert set(first.values) == source.terms.supplies
        assert source.ask(subject("9876"), timeout_s=1, now=NOW) == first
        for name, (low, high, step) in RANGES[source.kind].items():
            drawn = [source.ask(subject(key=str(at)), timeout_s=1, now=NOW).values[name] for at in range(200)]
            assert set(drawn) <= set(range(low, high + 1, step))
            assert len(set(drawn)) > 2
        other = LocalSource(source.kind, "another seed").ask(subject(), timeout_s=1, now=NOW)
        assert other.reference != first.reference
    assert {source.terms.kind for source in local_sources()} == set(KINDS)


def test_the_local_provider_knows_its_block_of_numbers_alone() -> None:
    source = LocalSource("bureau")
    assert source.covers(subject("0000"))
    assert not source.covers(Subject("k-1", "+85255500"))
    assert not source.covers(Subject("k-1", "+85291234567"))


@pytest.mark.parametrize(
    ("handle", "kinds", "outcome"),
    [
        ("1234", KINDS, "answered"),
        ("0001", KINDS, "no_record"),
        ("0003", ("bureau",), "unavailable"),
        ("0004", KINDS, "answered"),
        ("0005", KINDS, "unavailable"),
    ],
)
def test_handles_stand_for_what_may_go_wrong(handle: str, kinds: Sequence[SourceKind], outcome: str) -> None:
    assert outcomes(handle) == {kind: outcome if kind in kinds else "answered" for kind in KINDS}


def test_a_clean_and_a_poor_record_are_the_same_for_everybody() -> None:
    found = {
        handle: [source.ask(subject(handle, key), timeout_s=1, now=NOW).values for source in local_sources()]
        for handle in ("0004", "0006", "0007")
        for key in ("k-1", "k-2")
    }
    assert found["0004"] == found["0006"]
    assert found["0006"][2] == {"monthly_income": 60_000}
    assert found["0007"][1:3] == [{"essential_spending": 18_000}, {"monthly_income": 12_000}]
    assert (found["0006"][0]["delinquencies_24m"], found["0007"][0]["delinquencies_24m"]) == (0, 2)


def test_only_the_handle_of_a_hit_is_on_a_sanctions_list() -> None:
    for handle, facts in (("0004", (SANCTIONS_HIT,)), ("1234", ())):
        found = [source.ask(subject(handle), timeout_s=1, now=NOW).facts for source in local_sources()]
        assert found == [(), (), (), facts]


def test_a_slow_source_costs_its_own_time_and_the_others_answer() -> None:
    begun = perf_counter()
    assert outcomes("0002") == {kind: "timed_out" if kind == "bureau" else "answered" for kind in KINDS}
    assert 0.9 < perf_counter() - begun < 1.7


def test_no_source_takes_longer_than_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking_module, "BUDGET_S", 0.05)
    over = Event()
    begun = perf_counter()

    def late() -> Answer:
        over.wait(5)
        return answer()

    found = asked(late, timeout_s=60)
    assert (found.outcome, found.answer) == ("timed_out", None)
    assert perf_counter() - begun < 1
    over.set()


def answer(**changes: object) -> Answer:
    made = Answer({"monthly_income": 20_000}, NOW, "r-1")
    return replace(made, **changes)  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize(
    "changes",
    [
        {"values": {"sex": "F"}},
        {"values": {"monthly_income": float("nan")}},
        {"values": {"monthly_income": True}},
        {"values": {"monthly_income": [1]}},
        {"values": {"monthly_income": "x" * 201}},
        {"facts": ("is rude",)},
        {"as_of": NOW + timedelta(minutes=6)},
        {"as_of": NOW.replace(tzinfo=None)},
    ],
)
def test_an_answer_that_is_not_well_formed_is_not_used(changes: dict[str, object]) -> None:
    assert asked(lambda: answer(**changes)).outcome == "unusable"
    assert asked(answer).answer == answer()


def broken() -> Answer:
    raise ZeroDivisionError


def down() -> Answer:
    raise SourceDown


@pytest.mark.parametrize(("act", "outcome"), [(broken, "unusable"), (down, "unavailable")])
def test_whatever_a_source_raises_costs_its_answer_alone(act: Callable[[], Answer], outcome: str) -> None:
    found = ask_together([Question(Odd(act), subject()), Question(LocalSource("income"), subject())], now=NOW)
    assert [one.outcome for one in found] == [outcome, "answered"]


def test_a_source_that_hangs_holds_a_few_threads_and_no_more() -> None:
    over, asked_for = Event(), []

    def hang() -> Answer:
        asked_for.append(1)
        over.wait(5)
        return answer()

    source = Odd(hang, name="hangs", changes={"timeout_s": 0.05})
    found = ask_together([Question(source, subject())] * 20, now=NOW)
    assert [one.outcome for one in found] == ["timed_out"] * 8 + ["unavailable"] * 12
    assert len(asked_for) == 8
    over.set()
