"""A mapping says of every column what it is; whatever is wrong with it is named with its place and the remedy."""

from pathlib import Path

import msgspec
import pytest

from risk.features.facade import MappingError, read_mapping, stored_mapping
from risk.learning import shipped
from tests.risk.factories import MAPPING


def faults(text: bytes) -> list[str]:
    with pytest.raises(MappingError) as caught:
        read_mapping(text, source="map.yaml")
    assert str(caught.value).startswith("map.yaml: ")
    return [str(fault) for fault in caught.value.faults]


def changed(old: str, new: str) -> bytes:
    assert MAPPING.decode().count(old) == 1
    return MAPPING.decode().replace(old, new).encode()


def test_only_what_is_known_at_scoring_and_neither_protected_nor_a_proxy_trains() -> None:
    mapping = read_mapping(MAPPING)
    assert [feature.name for feature in mapping.training_features] == ["income", "used", "housing"]
    assert [feature.direction for feature in mapping.training_features] == [-1, 1, 0]
    assert [feature.unit for feature in mapping.training_features] == ["HKD", "%", ""]
    kept = [column.feature_name for column in mapping.kept_columns]
    assert kept == ["income", "used", "housing", "balance_later", "sex", "district"]


def test_json_is_read_like_yaml_and_what_is_kept_reads_back() -> None:
    mapping = read_mapping(MAPPING)
    stored = msgspec.json.decode(mapping.canonical())
    assert stored_mapping(stored) == mapping
    columns = {column.pop("column"): column for column in stored["columns"]}
    again = read_mapping(msgspec.json.encode({**stored, "columns": columns}))
    assert again == mapping
    assert again.sha256 == mapping.sha256


@pytest.mark.parametrize("name", shipped.names())
def test_every_shipped_mapping_reads(name: str) -> None:
    mapping = read_mapping(shipped.mapping_text(name), source=name)
    assert mapping.training_features


def test_what_the_outcome_leaks_into_is_later_in_the_small_business_book() -> None:
    mapping = read_mapping(shipped.mapping_text("sba_smallbiz"))
    later = {"ChgOffDate", "ChgOffPrinGr", "Term", "DisbursementDate", "DisbursementGross", "GrAppv", "SBA_Appv"}
    assert not later & {feature.name for feature in mapping.training_features}
    assert later <= {column.feature_name for column in mapping.kept_columns}


def test_an_unknown_mapping_names_the_shipped_ones(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="taiwan_cards"):
        shipped.mapping_text(str(tmp_path / "none.yaml"))


@pytest.mark.parametrize(
    ("old", "new", "place", "remedy"),
    [
        ("role: ignored", "role: nothing", "columns.remark.role: ", "proxy or ignored"),
        ("role: ignored", "role: ignored, colour: red", "columns.remark.colour: ", "Take it out"),
        ("type: percent, direction: 1", "type: percent, direction: 3", "columns.used.direction: ", "Write 1 where"),
        ("unit: HKD, direction: -1", "direction: -1", "columns.income.unit: ", "such as HKD"),
        ("known: at_scoring, min: 0", "min: 0", "columns.income.known: ", "at_scoring"),
        ("type: percent", "type: per cent", "columns.used.type: ", "number, percent"),
        ("{role: feature, type: category, known: at_scoring}", "feature", "columns.housing: ", "role"),
        ("bad: [charged_off]", "bad: []", "columns.outcome.bad: ", "mean a bad loan"),
        ("good: [repaid]", "good: [charged_off]", "columns.outcome: ", "one list only"),
        ("version: 2", "version: two", "label.version: ", "whole number"),
        ("purpose: consumer", "purpose: consumption", "purpose: ", "small_business"),
        ("currency: HKD", "currency: dollars", "currency: ", "ISO 4217"),
        ("currency: HKD\n", "", "currency: ", "ISO 4217"),
        ("currency: HKD\n", "currency: HKD\ncolour: red\n", "colour: ", "Use only"),
        ("{role: time}", "{role: time, format: \"%Y-%m\"}", "columns.opened.format: ", "%Y-%m-%d"),
        ("{role: reference}", "{role: time}", "columns: ", "at most one"),
        ("as_of: 2024-06-30", "as_of: yesterday", "as_of: ", "YYYY-MM-DD"),
        ("type: number, unit: HKD, known: later", "type: number, unit: HKD, known: later, name: used",
         "columns.used.name: ", "another"),
        ("type: number, unit: HKD, known: later", "type: number, unit: HKD, known: later, prefix: 2",
         "columns.balance_later.prefix: ", "Take it out"),
        ("min: 0}", "min: 5, max: 2}", "columns.income.min: ", "Exchange"),
        ("{role: label, bad: [charged_off], good: [repaid]}", "{role: ignored}", "columns: ", "exactly one"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_place_and_the_remedy(old: str, new: str, place: str, remedy: str) -> None:
    found = faults(changed(old, new))
    assert any(fault.startswith(place) and remedy.lower() in fault.lower() for fault in found), found


def test_all_faults_are_named_at_once() -> None:
    text = changed("role: ignored", "role: nothing").replace(b"purpose: consumer", b"purpose: x")
    assert [fault.split(":")[0] for fault in faults(text)] == ["columns.remark.role", "purpose"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"- a\n- b\n", "no table"),
        (b"a: [1, 2", "line"),
        (b"\xff\xfe", "UTF-8"),
        (b"a: 1\na: 2\n", "line 2"),
        (b"a: &x 1\nb: *x\n", "alias"),
        (b"a: !!python/object/apply:os.system [x]\n", "line 1"),
        (b"[" * 20_000, "cannot be read"),
        (b"a: " + b"x" * 600_000, "bytes"),
    ],
)
def test_what_is_no_mapping_is_refused_with_its_place(text: bytes, word: str) -> None:
    assert word in faults(text)[0]


def test_group_columns_say_on_what_basis_their_values_stand() -> None:
    text = MAPPING.decode().replace("sex: {role: protected,", "sex: {role: protected, basis: voluntary,")
    mapping = read_mapping(text.encode())
    assert [(column.feature_name, column.basis) for column in mapping.group_columns] == [
        ("sex", "voluntary"), ("district", "collected"),
    ]  # fmt: skip
    assert b"basis" not in read_mapping(MAPPING).canonical()  # the digest of a mapping that says nothing stays
    with pytest.raises(MappingError, match="Write collected, voluntary or estimated"):
        read_mapping(text.replace("voluntary", "guessed").encode())
