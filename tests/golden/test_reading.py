"""The readers of golden cases refuse what they do not understand, and see a wrong figure."""

from typing import Any

import pytest

from tests.golden.groups import READERS
from tests.golden.reading import read

PMT: dict[str, Any] = {
    "id": "x", "method": "pmt", "input": {"rate_per_period": "0.01", "periods": 12, "present_value": "1000"},
    "expected": {"payment": "-88.8488"},
}  # fmt: skip


def run(row: dict[str, Any], group: str = "irr") -> None:
    case = read(group, row)
    case.check(READERS[group](case))


def test_a_right_case_passes() -> None:
    run(PMT)


@pytest.mark.parametrize(
    "change",
    [
        {"method": "npv"},
        {"input": PMT["input"] | {"balloon": "1"}},
        {"expected": PMT["expected"] | {"total": "1"}},
        {"expected": {"payment": "-88.8489"}},
        {"expected": {"payment": "-88.8489"}, "tolerance": {"payment": "0.00001"}},
        {"computed": {"payment": "-88.846"}},
        {"wanted": {}},
    ],
)
def test_what_is_not_understood_or_wrong_fails(change: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        run(PMT | change)


@pytest.mark.parametrize(
    "change",
    [
        {"method": "balloon"},
        {"input": {"rounding": "half_up, 2 dp, first instalment takes the remainder"}},
        {"input": {"rounding": "half_odd, 2 dp"}},
        {"input": {"convention": "30/361"}},
        {"input": {"convention": "30/360 fortnightly"}},
    ],
)
def test_unknown_terms_of_a_schedule_fail(change: dict[str, Any]) -> None:
    given = {
        "principal": "100.00",
        "annual_rate_percent": "0",
        "convention": "30/360",
        "periods": 2,
        "rounding": "half_up",
    }
    row: dict[str, Any] = {
        "id": "x",
        "method": "equal_principal",
        "input": given,
        "expected": {"total_interest": "0.00"},
    }
    run(row, "schedules")
    with pytest.raises((AssertionError, KeyError, ValueError)):
        run(row | change | {"input": given | change.get("input", {})}, "schedules")
