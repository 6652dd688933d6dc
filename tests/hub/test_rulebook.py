"""Which entry of the rulebook holds where and when; what nobody has read cannot go live."""

from datetime import date

import pytest

from hub.rulebook import ANYWHERE, REASON_REFERENCES, BestValue, Entry, NearCutOff, NoReviewedEntry, in_force

TODAY = date(2026, 11, 24)


def entry(jurisdiction: str, since: date, rule: str, read_on: date | None = TODAY) -> Entry[str]:
    return Entry(jurisdiction, since, rule, "made for a test", read_on)


def holds(*entries: Entry[str], jurisdiction: str = "US", on: date = TODAY) -> str:
    return in_force(entries, jurisdiction=jurisdiction, on=on).rule


def test_the_newest_entry_of_the_jurisdiction_that_holds_on_the_day() -> None:
    old, new = entry("US", date(2020, 1, 1), "old"), entry("US", date(2026, 1, 1), "new")
    everywhere = entry(ANYWHERE, date(2026, 6, 1), "everywhere")
    assert holds(new, everywhere, old) == "new"
    assert holds(new, everywhere, old, on=date(2026, 1, 1)) == "new"
    assert holds(new, everywhere, old, on=date(2025, 12, 31)) == "old"
    assert holds(new, everywhere, old, jurisdiction="HK") == "everywhere"


def test_what_nobody_has_read_holds_nowhere_and_nothing_stands_in_for_it() -> None:
    draft = entry("US", date(2026, 1, 1), "draft", read_on=None)
    assert holds(draft, entry("US", date(2020, 1, 1), "read")) == "read"
    for entries in ((draft, entry(ANYWHERE, date(2020, 1, 1), "everywhere")), (), (entry("HK", TODAY, "elsewhere"),)):
        with pytest.raises(NoReviewedEntry, match="no reviewed entry for US on 2026-11-24"):
            holds(*entries)


def test_reasons_compare_with_narrow_passes_in_the_us_and_with_best_values_elsewhere() -> None:
    rules = {place: in_force(REASON_REFERENCES, jurisdiction=place, on=TODAY).rule for place in ("US", "HK", "PL")}
    assert isinstance(rules["US"], NearCutOff)
    assert rules["HK"] == rules["PL"] == BestValue(min_share=0.01)
    for one in REASON_REFERENCES:
        assert one.source
        assert one.read_on is not None
