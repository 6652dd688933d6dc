"""A raw book is understood from its texts alone; what cannot be used is named with the reason."""

import gzip
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from risk.learning.rawbook import RawBook, RawBookError, read_book, texts
from risk.learning.rawbook.columns import Known, LeftOut, read_column


@pytest.mark.parametrize(
    ("text", "value"),
    [("12.5", 12.5), ("1e3", 1000.0), ("83.70%", 83.7), ("$60,000.00 ", 60000.0), ("(250)", -250.0), ("-3", -3.0),
     ("1,234,567", 1234567.0), ("1,2", None), ("1_000", None), ("36 months", None), ("A11", None), ("", None)],
)  # fmt: skip
def test_numbers(text: str, value: float | None) -> None:
    assert texts.number(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("36 months", 36.0), (" 60 months", 60.0), ("10+ years", 120.0), ("< 1 year", 6.0), ("3 years", 36.0),
     ("1yrs 11mon", 23.0), ("0yrs 0mon", 0.0), ("2 weeks", 168 / 365.25), ("36", None), ("my 3 years", None)],
)  # fmt: skip
def test_spans_in_months(text: str, value: float | None) -> None:
    assert texts.months(text) == value


@pytest.mark.parametrize(
    ("text", "day_first", "found"),
    [("2004-12-01", False, date(2004, 12, 1)), ("2004/2/3", False, date(2004, 2, 3)),
     ("Dec-2015", False, date(2015, 12, 1)), ("28-Feb-97", False, date(1997, 2, 28)),
     ("3/4/2005", False, date(2005, 3, 4)), ("3/4/2005", True, date(2005, 4, 3)),
     ("2004-12-01 10:11:12", False, date(2004, 12, 1)), ("2004-12", False, date(2004, 12, 1)),
     ("31.12.2004", True, date(2004, 12, 31)), ("2004-13-01", False, None),
     ("may be", False, None), ("17", False, None)],
)  # fmt: skip
def test_dates(text: str, day_first: bool, found: date | None) -> None:
    assert texts.day_reader(day_first=day_first)(text) == (found and float(found.toordinal()))


def kind_of(name: str, cells: list[str]) -> str:
    found = read_column(name, cells)
    return found.kind if isinstance(found, Known) else found.why


def test_what_a_column_is() -> None:
    rows = range(3000)
    some = [str(row % 7) for row in rows]
    assert kind_of("grade", [f"A{cell}" for cell in some]) == "category"
    assert kind_of("age", some) == "number"
    assert kind_of("rate", [f"{cell}.5%" for cell in some]) == "number"
    assert kind_of("opened", [f"{cell}/1/2003" for cell in some if cell != "0"]) == "day"
    assert kind_of("x", ["1"] * 3000) == kind_of("x", ["yes"] * 3000) == "constant"
    assert kind_of("x", ["", "NA", "nan", "null", "?"] * 600) == "empty"
    assert kind_of("x", ["1", ""] * 1500) == "number"
    assert kind_of("x", [str(10**9 + 7 * row) for row in rows]) == "id-like: a number of its own for each row"
    assert kind_of("Member Id", [str(10**6 + 37 * (row % 2900)) for row in rows]).startswith("id-like")
    assert kind_of("name", [f"person {row}" for row in rows]) == "id-like: a text of its own for each row"
    assert kind_of("city", [f"city {row % 1100}" for row in rows]) == "high-cardinality text: 1100 different values"
    assert kind_of("amount", [f"{row / 7:.3f}" for row in rows]) == "number"


def test_many_categories_are_grouped_and_few_unreadable_numbers_forgiven() -> None:
    cells = [f"zip {row % 100}" for row in range(3000)] + ["zip 7"] * 50 + [""]
    found = read_column("zip", cells)
    assert isinstance(found, Known)
    assert found.note == "40 rarer of 100 values grouped"
    assert len(set(found.values.tolist())) == 62
    assert found.values[-1] is None
    found = read_column("income", [*(str(row % 50) for row in range(200)), "high"])
    assert isinstance(found, Known)
    assert (found.kind, found.note) == ("number", "1 unreadable values taken as missing")
    assert np.isnan(found.values[-1])


def test_a_number_that_follows_time_is_left_out_only_where_there_is_time() -> None:
    time = np.arange(500.0)
    years = [str(2000 + row // 100) for row in range(500)]
    assert read_column("year", years, time) == LeftOut("follows the time column")
    assert isinstance(read_column("year", years), Known)


def write(folder: Path, text: str | bytes, name: str = "book.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def lines(header: str, rows: list[str]) -> str:
    return "\n".join([header, *rows, ""])


def small(folder: Path, labels: list[str], name: str = "book.csv") -> RawBook:
    return read_book(
        write(folder, lines("x,y", [f"{at % 5},{label}" for at, label in enumerate(labels)]), name), label="y"
    )


@pytest.mark.parametrize(
    ("good", "bad"),
    [("0", "1"), ("1", "2"), ("-1", "1"), ("0.0", "1.0"), ("good", "bad"), ("No", "Yes"), ("N", "Y"),
     ("Fully Paid", "Charged Off"), ("P I F", "CHGOFF"), ("False", "True"), ("+", "-"), ("frequent", "seldom")],
)  # fmt: skip
def test_which_label_is_bad(tmp_path: Path, good: str, bad: str) -> None:
    labels = [bad, good, good] * 10
    book = small(tmp_path, labels)
    assert book.bad_value == bad
    assert book.labels.tolist() == [int(label == bad) for label in labels]


def test_rows_without_a_label_are_left_out_and_told(tmp_path: Path) -> None:
    book = small(tmp_path, ["1", "0", "", "NA"] * 5)
    assert (book.frame.rows, book.notes) == (10, {"y": "10 rows without a label left out"})


def test_semicolons_decimal_commas_gzip_bom_and_latin_letters(tmp_path: Path) -> None:
    text = lines("größe;;x;x;y", [f"{at},5;b{at % 3};1;{at % 2};{at % 2}" for at in range(60)])
    for content in (text.encode("utf-8-sig"), text.encode("cp1252"), gzip.compress(text.encode())):
        book = read_book(write(tmp_path, content), label="y")
        assert [feature.name for feature in book.frame.features] == ["größe", "column_2", "x_2"]
        assert book.frame.columns["größe"].tolist()[:3] == [0.5, 1.5, 2.5]
        assert book.left_out == {"x": "constant"}


def test_dates_count_back_from_the_time_column(tmp_path: Path) -> None:
    rows = [f"2004-01-{at % 28 + 1:02d},2003-12-{at % 20 + 1:02d},{at % 2}" for at in range(200)]
    book = read_book(write(tmp_path, lines("day,born,y", rows)), label="y", time="day", cutoff="2004-01-15")
    assert book.time is not None
    assert book.cutoff == date(2004, 1, 15).toordinal()
    assert book.frame.columns["born"].tolist()[:2] == [31.0, 31.0]
    assert [feature.name for feature in book.frame.features] == ["born"]


@pytest.mark.parametrize(
    ("content", "options", "told"),
    [
        ("", {}, "empty"),
        ("a,y\n", {}, "empty"),
        ("a,y\n1,0\n2,1,9\n", {}, "Line 3 has 3 cells, the header has 2"),
        ("a,y\n1,0\n2,1\n", {"label": "z"}, "--label: there is no column 'z'; the columns are a, y"),
        ("alpha,y\n1,0\n2,1\n", {"drop": ["alpah"]}, "--drop: there is no column 'alpah'; did you mean 'alpha'"),
        ("a,y\n1,0\n2,1\n", {"time": "t", "cutoff": "1"}, "--time: there is no column 't'"),
        ("a,y\n1,0\n2,1\n3,2\n", {}, "the label column 'y' has 3 different values ('0', '1', '2')"),
        ("a,y\n1,0\n2,0\n", {}, "has 1 different values ('0')"),
        ("a,y\n1,0\n1,1\n", {}, "No column is left"),
        ("a,y\n1,0\n2,1\n", {"drop": ["y"]}, "neither may be dropped"),
        ("a,d,y\n1,red,0\n2,blue,1\n", {"time": "d", "cutoff": "2004-12-01"}, "'d' holds neither dates"),
        ("a,d,y\n1,2004-01-01,0\n2,2005-01-01,1\n", {"time": "d", "cutoff": "soon"}, "--cutoff 'soon' does not fit"),
        ("a,d,y\n1,7,0\n2,8,1\n", {"time": "d", "cutoff": "2004-12-01"}, "give a number"),
    ],
)
def test_errors_name_the_place_and_the_remedy(
    tmp_path: Path, content: str, options: dict[str, str | list[str]], told: str
) -> None:
    given: dict[str, object] = {"label": "y", **options}
    with pytest.raises(RawBookError) as caught:
        read_book(write(tmp_path, content), **given)  # type: ignore[arg-type]  # options of several types
    assert told.lower() in str(caught.value).lower()


def test_a_file_that_is_no_book_is_told(tmp_path: Path) -> None:
    packed = gzip.compress(b"a,y\n1,0\n2,1\n" * 100)
    for content, name, told in (
        (b"a,y\n1,0\n", "book.csv.gz", "not gzip"),
        (packed[:-9], "book.csv.gz", "damaged gzip"),
        (packed[:30] + b"\xff" + packed[31:], "book.csv.gz", "damaged gzip"),
        (b'a,y\n"1\x00,0\n', "book.csv", "Line 2 has 1 cells"),
    ):
        with pytest.raises(RawBookError, match=told):
            read_book(write(tmp_path, content, name), label="y")
    with pytest.raises(RawBookError, match="cannot be read: No such file"):
        read_book(tmp_path / "nowhere.csv", label="y")
    with pytest.raises(RawBookError, match="cannot be read: Is a directory"):
        read_book(tmp_path, label="y")
