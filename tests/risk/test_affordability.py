"""Affordability and the matrix, pure: a table written by hand, and what holds for everybody."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hub.money import DIGITS
from risk.scoring import bands
from risk.scoring.affordability import (
    BANDS,
    CURRENT,
    CURRENT_SHIPPED,
    GRADES,
    PARAMETERS,
    SHIPPED,
    Assessment,
    Matrix,
    Means,
    assess,
    combine,
    digest_of,
    document_of,
    faults,
    read_matrix,
)

D = Decimal
CASES: list[list[Any]] = yaml.safe_load((Path(__file__).parent / "affordability_cases.yaml").read_text())["cases"]
MATRIX = SHIPPED[CURRENT_SHIPPED]
ACTIONS = ("approve", "review", "decline")
cents = st.decimals("0", "200000", places=2)
means = st.builds(
    Means,
    currency=st.just("HKD"), income=cents, basis=st.sampled_from(["verified", "estimated", "stated"]),
    spending=st.none() | cents, instalments=cents, amount=st.decimals("1", "900000", places=2),
    months=st.integers(1, 120), rate_percent=st.none() | st.decimals("0", "60", places=2),
    method=st.sampled_from(["equal_instalment", "equal_principal"]),
)  # fmt: skip


def number(value: Any) -> Decimal | None:
    return None if value is None else D(str(value))


def case(row: list[Any]) -> Means:
    income, basis, spending, paid, amount, months, rate = row[:7]
    method: Any = row[12] if len(row) > 12 else "equal_instalment"
    return Means(
        "HKD", number(income), basis, number(spending), number(paid), D(amount), months, number(rate), method
    )  # fmt: skip


@pytest.mark.parametrize("row", CASES, ids=lambda row: " ".join(map(str, row)))
def test_the_table_written_by_hand(row: list[Any]) -> None:
    grade, band, instalment, limit, action = row[7:12]
    found = assess(case(row))
    outcome = combine(MATRIX, grade, found, currency="HKD")
    assert (found.band, found.largest_instalment, outcome.limit, outcome.action) == (
        band, number(instalment), number(limit), action,
    )  # fmt: skip
    assert outcome.grade == grade
    assert outcome.cause == (None if action != "decline" else "score" if grade == "E" else "affordability")


def test_the_table_is_long_and_meets_every_cell_that_matters() -> None:
    assert len(CASES) >= 60
    assert {(row[7], row[8]) for row in CASES} >= {(g, b) for g in "AD" for b in BANDS} - {("A", "tight")}
    assert {row[8] for row in CASES} == set(BANDS)


def test_every_figure_of_one_case() -> None:
    found = assess(Means("HKD", D(20000), "stated", D(6000), D(4000), D(60000), 24, D(15)))
    assert found == Assessment(
        band="comfortable", counted_income=D("16000.00"), counted_spending=D("6000.00"), residual=D("6000.00"),
        instalment=D("2909.20"), stressed_instalment=D("2966.54"), ratio=D("0.4944"),
        largest_instalment=D("4500.00"), largest_amount=D("91015.24"),
    )  # fmt: skip


def test_without_an_instalment_that_is_known_the_rest_is_told_all_the_same() -> None:
    found = assess(Means("JPY", D(300_000), "verified", None, None, D(1_000_000), 24))
    assert (found.band, found.residual, found.largest_amount, found.ratio) == ("unknown", None, None, None)
    assert (found.counted_spending, found.stressed_instalment) == (D(80000), D(49443))


@given(means, st.decimals("0", "50000", places=2))
def test_more_income_never_lowers_the_limit_nor_worsens_the_band(one: Means, more: Decimal) -> None:
    assert one.income is not None
    ordered(assess(one), assess(msgspec.structs.replace(one, income=one.income + more)))


@given(means, st.decimals("0", "50000", places=2), st.sampled_from(["spending", "instalments"]))
def test_more_burden_never_helps(one: Means, more: Decimal, name: str) -> None:
    burdened = msgspec.structs.replace(one, **{name: (getattr(one, name) or D(0)) + more})
    ordered(assess(burdened), assess(one))


@given(means, st.decimals("0", "50000", places=2))
def test_asking_for_more_never_betters_the_band_and_leaves_the_limit(one: Means, more: Decimal) -> None:
    small, large = assess(one), assess(msgspec.structs.replace(one, amount=one.amount + more))
    assert BANDS.index(small.band) <= BANDS.index(large.band)
    assert small.largest_amount == large.largest_amount


@given(means)
def test_a_higher_rate_never_raises_the_limit(one: Means) -> None:
    dear = msgspec.structs.replace(one, rate_percent=(one.rate_percent or D(15)) + 5)
    ordered(assess(dear), assess(msgspec.structs.replace(one, rate_percent=one.rate_percent or D(15))))


@given(means)
def test_a_better_basis_never_lowers_the_limit(one: Means) -> None:
    found = [assess(msgspec.structs.replace(one, basis=basis)) for basis in ("stated", "estimated", "verified")]
    ordered(found[0], found[1])
    ordered(found[1], found[2])


@given(means)
def test_what_is_within_the_limit_is_not_short_and_what_is_beyond_is(one: Means) -> None:
    found = assess(one)
    assert found.largest_amount is not None
    assert (found.band in ("comfortable", "tight")) == (one.amount <= found.largest_amount)


def ordered(worse: Assessment, better: Assessment) -> None:
    assert BANDS.index(better.band) <= BANDS.index(worse.band)
    for name in ("largest_instalment", "largest_amount"):
        assert getattr(worse, name) <= getattr(better, name)


@given(means, st.sampled_from(GRADES), st.sampled_from(GRADES))
def test_a_worse_grade_never_gets_a_better_action_or_limit(one: Means, first: str, second: str) -> None:
    good, bad = sorted((first, second))
    found = assess(one)
    better, worse = (combine(MATRIX, grade, found, currency="HKD") for grade in (good, bad))
    assert ACTIONS.index(better.action) <= ACTIONS.index(worse.action)
    assert better.limit is not None
    assert worse.limit is not None
    assert better.limit >= worse.limit


def test_every_currency_has_a_least_spending_in_every_version() -> None:
    for parameters in PARAMETERS.values():
        assert parameters.spending_min.keys() == DIGITS.keys()
        assert parameters.comfortable_percent < parameters.bindable_percent < 100
    assert CURRENT in PARAMETERS


def test_the_shipped_matrices_are_sound_and_say_without_affordability_what_the_bands_say() -> None:
    for matrix in SHIPPED.values():
        assert faults(matrix) == []
        assert read_matrix(document_of(matrix)) == matrix
    known = {band.grade: band.action for band in bands.BANDS[bands.CURRENT]}
    assert {grade: row["comfortable"].action for grade, row in MATRIX.cells.items()} == known
    shipped_sha256 = "20b024efddb021d3894d8683357e6ebc53f342e79af74fe94a74c08840ab6da8"
    assert digest_of(MATRIX) == shipped_sha256


def changed(row: str, column: str, **changes: Any) -> Matrix:
    cells = msgspec.to_builtins(MATRIX)
    cells["cells"][row][column].update(changes)
    return msgspec.convert(cells, Matrix)


@pytest.mark.parametrize(
    ("grade", "band", "changes", "codes"),
    [
        ("A", "short", {"action": "approve"}, {"not_affordable", "not_monotone"}),
        ("A", "overstretched", {"action": "approve"}, {"not_affordable", "not_monotone"}),
        ("B", "tight", {"grade": "A"}, {"better_grade", "not_monotone"}),
        ("B", "comfortable", {"grade": "A"}, {"better_grade"}),
        ("B", "comfortable", {"action": "review"}, {"not_monotone"}),
        ("E", "comfortable", {"action": "review", "limit_percent": 90}, {"not_monotone"}),
        ("A", "tight", {"limit_percent": 99}, {"not_monotone"}),
        ("D", "comfortable", {"action": "decline"}, {"not_monotone", "limit_of_a_decline"}),
        ("E", "short", {"limit_percent": 5}, {"limit_of_a_decline", "not_monotone"}),
        ("A", "comfortable", {"grade": "B"}, {"not_monotone"}),
    ],
)
def test_a_matrix_that_is_unsound_is_refused_with_the_cell(
    grade: str, band: str, changes: dict[str, Any], codes: set[str]
) -> None:
    assert {fault.code for fault in faults(changed(grade, band, **changes))} == codes


def test_a_matrix_covers_every_cell_and_no_other() -> None:
    cells = msgspec.to_builtins(MATRIX)["cells"]
    del cells["C"]["unknown"], cells["E"]
    cells["F"] = {}
    cells["A"]["rich"] = cells["A"]["tight"]
    found = {(fault.pointer, fault.code) for fault in faults(msgspec.convert({"cells": cells}, Matrix))}
    assert found == {
        ("/cells/F", "unknown_grade"),
        ("/cells/A/rich", "unknown_band"),
        ("/cells/C/unknown", "missing"),
    } | {(f"/cells/E/{band}", "missing") for band in BANDS}


def test_a_decline_for_every_band_is_the_risks_and_not_the_purses() -> None:
    cells = msgspec.to_builtins(MATRIX)["cells"]
    cells["D"] = cells["E"]
    matrix = msgspec.convert({"cells": cells}, Matrix)
    assert faults(matrix) == []
    short = assess(Means("HKD", D(9000), "verified", D(6000), D(0), D(500_000), 12))
    assert combine(matrix, "D", short, currency="HKD").cause == "score"
    assert combine(MATRIX, "D", short, currency="HKD").cause == "affordability"
