"""Bins: every cut parts neighbours of the book as wanted, and is a number that can be said."""

import numpy as np
import pytest

from risk.features.facade import Feature
from risk.learning.fit.frame import Frame, checked_labels
from risk.learning.fit.grid import category_groups, encode, make_grid, number_cuts


def counts_of(column: np.ndarray, cuts: list[float]) -> list[int]:
    return [int(count) for count in np.bincount(np.searchsorted(cuts, column, side="right"), minlength=len(cuts) + 1)]


def test_few_values_get_a_bin_each() -> None:
    column = np.array([0.0, 1, 1, 2, 2, 2, 7, np.nan, np.inf])
    assert number_cuts(column, 64) == [1.0, 2.0, 5.0]
    assert number_cuts(np.array([0.1, 0.2, 0.4]), 64) == [0.15, 0.3]


def test_many_values_fall_into_bins_of_about_equal_count() -> None:
    column = np.random.default_rng(1).lognormal(0, 2, 64_000)
    counts = counts_of(column, number_cuts(column, 64))
    assert len(counts) == 64
    assert 900 < min(counts) <= max(counts) < 1100


def test_a_value_that_fills_half_the_book_does_not_starve_the_others() -> None:
    rng = np.random.default_rng(1)
    column = np.where(rng.random(20_000) < 0.5, 0.0, rng.normal(0, 1, 20_000))
    counts = counts_of(column, number_cuts(column, 64))
    assert len(counts) == 64
    assert sorted(counts)[-1] > 9_500
    assert sorted(counts)[-2] < 350


def test_cuts_of_whole_numbers_are_whole() -> None:
    column = np.random.default_rng(1).integers(0, 10**6, 5000).astype(np.float64)
    assert all(cut.is_integer() for cut in number_cuts(column, 64))


@pytest.mark.parametrize(
    "values",
    [[1.0, np.nextafter(1.0, 2)], [-1.7e308, 1.7e308], [5e-324, 1e-323], [-0.0, 5e-324], [1e15, 1e15 + 0.125]],
)
def test_extreme_neighbours_are_still_parted(values: list[float]) -> None:
    (cut,) = number_cuts(np.array(values), 64)
    assert values[0] < cut <= values[1]


def test_no_value_or_one_gives_no_cut() -> None:
    assert number_cuts(np.array([np.nan, np.nan]), 64) == []
    assert number_cuts(np.array([3.0, 3.0, np.nan]), 64) == []


def test_categories_stand_in_order_of_smoothed_bad_rate_and_rare_ones_are_left_out() -> None:
    column = np.array(["good"] * 100 + ["bad"] * 100 + ["rare"] * 9 + ["ten"] * 10 + [None] * 5, dtype=object)
    labels = np.array([0] * 100 + [1] * 100 + [1] * 9 + [1] * 10 + [0] * 5, dtype=np.int8)
    # Ten bad rows say less than a hundred: "ten" stays nearer to the middle.
    assert category_groups(column, labels, 64) == [["good"], ["ten"], ["bad"]]


def test_many_categories_are_grouped_with_the_most_frequent_first() -> None:
    rng = np.random.default_rng(1)
    column = rng.choice(np.array([f"v{number}" for number in range(300)], dtype=object), 30_000)
    labels = (rng.random(30_000) < 0.3).astype(np.int8)
    groups = category_groups(column, labels, 20)
    assert len(groups) <= 20
    assert sorted(value for group in groups for value in group) == sorted(set(column.tolist()))
    rows = {value: int((column == value).sum()) for value in groups[0]}
    assert groups[0][0] == max(rows, key=lambda value: rows[value])


def test_codes_are_zero_for_missing_and_unseen_only() -> None:
    frame = Frame(
        (Feature("n", "number"), Feature("c", "category")),
        {"n": np.array([1.0, 2, 3] * 20), "c": np.array(["a", "b", "b"] * 20, dtype=object)},
    )
    grid = make_grid(frame, np.array([0, 1, 1] * 20, dtype=np.int8), bins=64)
    asked = Frame(
        frame.features,
        {"n": np.array([np.nan, -9.0, 1.6, 1e9]), "c": np.array([None, "new", "a", "b"], dtype=object)},
    )
    assert encode(grid, asked).tolist() == [[0, 0], [1, 0], [1, 1], [3, 2]]


def test_a_frame_that_does_not_fit_is_refused() -> None:
    number = np.array([1.0, 2.0])
    with pytest.raises(ValueError, match="exactly one column"):
        Frame((Feature("a", "number"),), {"b": number})
    with pytest.raises(ValueError, match="length"):
        Frame((Feature("a", "number"), Feature("b", "number")), {"a": number, "b": number[:1]})
    with pytest.raises(ValueError, match="'a' is not stored as a category"):
        Frame((Feature("a", "category"),), {"a": number})
    frame = Frame((Feature("a", "number"),), {"a": number})
    for labels in ([0], [0, 2], [1, 1]):
        with pytest.raises(ValueError, match=r"labels|Labels"):
            checked_labels(frame, np.array(labels))
