"""A line gives typed values, or a list of what is wrong with it: column, code, remedy, never the value."""

from datetime import date

import pytest

from risk.features.facade import HeaderError, Row, RowReader, read_mapping
from tests.risk.factories import HEADER, MAPPING

GOOD = "A1,2022-03-15,12000,35.5%,rent,17,F,D1,anything,charged_off"


def reader(mapping: bytes = MAPPING, header: str = HEADER) -> RowReader:
    return RowReader(read_mapping(mapping), header.split(","))


def codes(raw: bytes) -> list[tuple[str, str]]:
    found = reader().read(raw)
    assert isinstance(found, list)
    return [(problem.column, problem.code) for problem in found]


def changed(old: str, new: str) -> bytes:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new).encode()


def test_a_good_line_gives_typed_values() -> None:
    expected = Row(True, (12000.0, 35.5, "rent", 17.0, "F", "D1"), date(2022, 3, 15), "A1")
    assert reader().read(GOOD.encode()) == expected


def test_the_order_of_the_file_does_not_matter() -> None:
    header = ",".join(reversed(HEADER.split(",")))
    line = ",".join(reversed(GOOD.split(",")))
    assert reader(header=header).read(line.encode()) == reader().read(GOOD.encode())


def test_missing_values_are_none() -> None:
    found = reader().read(changed("12000,35.5%,rent", ",,"))
    assert isinstance(found, Row)
    assert found.values[:3] == (None, None, None)


@pytest.mark.parametrize("text", ["12,000", "nan", "inf", "1_000", "１２", "12000 HKD", "--1", "1e999"])
def test_what_is_no_plain_number_is_refused(text: str) -> None:
    found = codes(changed("12000", f'"{text}"'))
    assert found == [("income", "not_a_number")]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (changed("12000", "-1"), [("income", "out_of_range")]),
        (changed("35.5%", "35,5%"), [("", "ragged")]),
        (changed("charged_off", "late"), [("outcome", "unknown_label")]),
        (changed("charged_off", ""), [("outcome", "missing_label")]),
        (changed("2022-03-15", "2022-02-30"), [("opened", "bad_date")]),
        (changed("2022-03-15", ""), [("opened", "missing_date")]),
        (changed("A1,", ","), [("account", "bad_reference")]),
        (changed("rent", "r" * 201), [("housing", "text_too_long")]),
        (changed("rent", '"rent'), [("", "bad_quotes")]),
        (GOOD.encode() + b",x", [("", "ragged")]),
        (changed("rent", "re\0nt"), [("", "nul")]),
        (GOOD.encode() + b"\xff", [("", "not_utf8")]),
        (b"A1,x,x,x%,rent,x,F,D1,,x", [
            ("outcome", "unknown_label"), ("opened", "bad_date"), ("income", "not_a_number"), ("used", "not_a_number"),
            ("balance_later", "not_a_number"),
        ]),
    ],
)  # fmt: skip
def test_everything_wrong_with_a_line_is_named(raw: bytes, expected: list[tuple[str, str]]) -> None:
    assert codes(raw) == expected


def test_a_problem_never_repeats_the_value() -> None:
    found = reader().read(changed("12000", "Chan Tai Man"))
    assert isinstance(found, list)
    assert "Chan" not in repr(found)


def test_months_years_prefixes_and_codes_for_missing() -> None:
    text = b"""
format: luopan.mapping/1
book: b
purpose: consumer
jurisdiction: HK
currency: HKD
source: test
label: {definition: final, version: 1}
missing: ["", n/a]
columns:
  term: {role: feature, type: months, known: at_scoring}
  job: {role: feature, type: years, known: at_scoring}
  sector: {role: feature, type: category, prefix: 2, known: at_scoring}
  late: {role: feature, type: number, unit: count, known: at_scoring, missing: ["98"]}
  bad: {role: label, bad: ["1"], good: ["0"]}
"""
    read = RowReader(read_mapping(text), ["term", "job", "sector", "late", "bad"]).read

    def values(line: str) -> object:
        found = read(line.encode())
        assert isinstance(found, Row), found
        return found.values

    assert values("36 months,10+ years,561730,98,0") == (36.0, 10.0, "56", None)
    assert values("60,< 1 year,n/a,3,1") == (60.0, 0.0, None, 3.0)
    found = read(b"soon,long,x,,0")
    assert isinstance(found, list)
    assert [(problem.column, problem.code) for problem in found] == [
        ("term", "not_months"), ("job", "not_years"), ("late", "not_a_number"),
    ]  # fmt: skip


def test_a_header_that_differs_says_what_to_do() -> None:
    with pytest.raises(HeaderError) as caught:
        reader(header=HEADER.replace("income", "wage") + ",sex")
    missing, unmapped, twice = caught.value.sentences()
    assert "income" in missing
    assert "mapping but not in the file" in missing
    assert "wage" in unmapped
    assert "`ignored`" in unmapped
    assert "sex" in twice
    assert "more than once" in twice
