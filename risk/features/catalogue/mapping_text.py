"""Reads a mapping from YAML or JSON. Strict: every fault names its place and what to do about it."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import yaml

from risk.features.catalogue.lines import protected_features
from risk.features.catalogue.mapping import (
    FORMAT,
    Column,
    FeatureColumn,
    LabelColumn,
    LabelDefinition,
    Mapping,
    ProtectedColumn,
    ProxyColumn,
    ReferenceColumn,
    TimeColumn,
    ValueColumn,
)

TEXT_BYTES_MAX = 512_000  # of a mapping
FAULTS_MAX = 50
DEPTH_MAX = 10  # of lists and mappings within each other
_ROLES = "feature, label, time, reference, protected, proxy or ignored"
_REMEDIES = {
    "format": f"Write `format: {FORMAT}`.",
    "book": "Give the book a name of at most 120 characters.",
    "purpose": "Write consumer, sole_trader or small_business.",
    "jurisdiction": "Write the country in two capital letters (ISO 3166-1), such as HK.",
    "currency": "Write the currency in three capital letters (ISO 4217), such as HKD.",
    "source": "Say in a sentence where the book and this mapping come from.",
    "label": "Write `label: {definition: …, version: 1, window_months: 12}`; no window_months: the outcome is final.",
    "definition": "Say in words what makes a loan bad.",
    "version": "Write the version of the definition as a whole number from 1.",
    "window_months": "Write whole months from 1 to 600, or leave it out where the outcome is final.",
    "columns": "List every column of the file: `COLUMN: {role: …}`.",
    "delimiter": "Write a comma, a semicolon, a tab or a bar, in quotes.",
    "as_of": "Write the day on which the outcomes were looked up as YYYY-MM-DD.",
    "role": f"Write one of {_ROLES}.",
    "type": "Write one of number, percent, months, years, category.",
    "known": "Write at_scoring if it is known when somebody is scored, else later.",
    "basis": "Write collected, voluntary or estimated: how the book came by the values.",
    "vouched": "Write in a sentence how it was made sure that it is known when somebody is scored.",
    "direction": "Write 1 where more of it means more risk, -1 where it means less, 0 to leave it free.",
    "origin": "Write one of application, bureau, open_banking, income, derived, behaviour, institution.",
    "can_act": "Write true where the person can change it, else leave it out.",
    "proxy_of": "Name the protected attribute that it stands in for, in a few words.",
    "unit": "Write the unit of the number, such as HKD, count, ratio.",
    "missing": "List the texts that mean there is no value, such as [\"\", NA].",
    "bad": "List the texts that mean a bad loan, such as [\"1\"].",
    "good": "List the texts that mean a good loan, such as [\"0\"].",
    "min": "Write a number, or leave it out.",
    "max": "Write a number, or leave it out.",
    "prefix": "Write how many first characters of a category count, 1 to 20.",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MappingFault:
    """One fault: the keys that lead to it, what is wrong, and the remedy."""

    path: tuple[str, ...]
    fault: str
    remedy: str

    def __str__(self) -> str:
        place = ".".join(self.path) or "the mapping"
        return f"{place}: {self.fault} {self.remedy}".strip()


class MappingError(ValueError):
    """The mapping cannot be used; `faults` lists why, at most fifty of them."""

    def __init__(self, source: str, faults: list[MappingFault]) -> None:
        super().__init__("\n".join(f"{source}: {fault}" for fault in faults[:FAULTS_MAX]))
        self.faults = tuple(faults[:FAULTS_MAX])


class _Loader(yaml.SafeLoader):
    """A safe loader that takes every scalar as text and refuses repeated keys, aliases and what lies too deep."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.MarkedYAMLError(problem="an alias (*name) stands here", problem_mark=self.get_mark())
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise yaml.MarkedYAMLError(problem="it lies too deep", problem_mark=self.get_mark())
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in seen:
                raise yaml.MarkedYAMLError(problem="a key stands twice or is no text", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def read_mapping(text: bytes, *, source: str = "mapping") -> Mapping:
    """The mapping of a YAML or JSON text. Raises MappingError, which names `source` and every fault found."""
    content = _parse(text, source)
    faults = list(_unknown_keys(content))
    facts = {key: value for key, value in content.items() if key in Mapping.__struct_fields__ and key != "columns"}
    columns = list(_columns(content.get("columns"), content.get("missing"), faults))
    mapping = _whole(facts, columns, faults)
    if mapping is not None:
        faults.extend(_contradictions(mapping))
    if mapping is None or faults:
        raise MappingError(source, faults)
    return mapping


def stored_mapping(content: object) -> Mapping:
    """The mapping that was kept as the JSON value of its canonical text."""
    return msgspec.convert(content, Mapping)


def _parse(text: bytes, source: str) -> dict[str, Any]:
    if len(text) > TEXT_BYTES_MAX:
        fault = f"it has {len(text)} bytes, the limit is {TEXT_BYTES_MAX}."
        raise MappingError(source, [MappingFault((), fault, "Shorten it.")])
    try:
        content = _Loader(text.decode("utf-8-sig")).get_single_data()
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise MappingError(source, [_unreadable(error)]) from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise MappingError(source, [MappingFault((), "it is no table of keys.", f"Begin with `format: {FORMAT}`.")])
    return content


def _unreadable(error: Exception) -> MappingFault:
    mark = getattr(error, "problem_mark", None)
    place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    problem = getattr(error, "problem", None) or "it is no UTF-8 text in YAML or JSON"
    return MappingFault((), f"it cannot be read{place}: {problem}.", "Correct it there.")


def _unknown_keys(content: dict[str, Any]) -> Iterator[MappingFault]:
    known = [*Mapping.__struct_fields__, "missing"]
    for key in content:
        if key not in known:
            yield MappingFault((key,), "this key is not known.", f"Use only {', '.join(known)}.")


def _columns(content: Any, missing: Any, faults: list[MappingFault]) -> Iterator[Column]:
    """Each column as far as it can be read; what cannot goes into `faults`. `missing` is the book's own list."""
    if not isinstance(content, dict):
        faults.append(MappingFault(("columns",), "it is no table of columns.", _REMEDIES["columns"]))
        return
    for name, spec in content.items():
        if not isinstance(spec, dict):
            faults.append(MappingFault(("columns", str(name)), "it is not described.", f"Write {{role: …}}: {_ROLES}."))
            continue
        whole = {**spec, "column": name}
        if missing is not None and "type" in spec:
            whole.setdefault("missing", missing)
        try:
            yield msgspec.convert(whole, Column, strict=False)
        except msgspec.ValidationError as error:
            faults.append(_fault(("columns", str(name)), str(error)))


def _whole(facts: dict[str, Any], columns: list[Column], faults: list[MappingFault]) -> Mapping | None:
    # Fact by fact, so that one fault does not hide the next.
    for key, value in facts.items():
        wanted = Mapping.__annotations__[key]
        try:
            msgspec.convert(value, wanted, strict=False)
        except msgspec.ValidationError as error:
            faults.append(_fault((key,), str(error)))
    required = ("format", "book", "purpose", "jurisdiction", "currency", "source", "label")
    faults.extend(MappingFault((key,), "it is missing.", _REMEDIES[key]) for key in required if key not in facts)
    if faults:
        return None
    try:
        label = msgspec.convert(facts.pop("label"), LabelDefinition, strict=False)
        whole = {**facts, "label": msgspec.to_builtins(label), "columns": msgspec.to_builtins(columns)}
        return msgspec.convert(whole, Mapping, strict=False)
    except msgspec.ValidationError as error:
        faults.append(_fault(("columns",), str(error)))
        return None


def _fault(path: tuple[str, ...], message: str) -> MappingFault:
    problem, _, where = message.partition(" - at ")
    named = re.search(r"field `(.+?)`", problem) or re.search(r"\$\.(\w+)", where)
    key = named.group(1) if named else path[-1]
    inner = (*path, key) if named else path
    if "unknown field" in problem:
        return MappingFault(inner, "this key does not belong here.", "Take it out, or correct its spelling.")
    fault = (
        "it is missing." if "missing required" in problem else f"{problem[:1].lower()}{problem[1:]}.".replace("`", "")
    )
    return MappingFault(inner, fault, _REMEDIES.get(key, "Correct it."))


def _contradictions(mapping: Mapping) -> Iterator[MappingFault]:
    """What no single column shows."""
    yield from _wrong_counts(mapping)
    yield from _protected_inputs(mapping)
    for column in mapping.kept_columns:
        yield from _value_faults(column)
    names = Counter(column.feature_name for column in mapping.kept_columns)
    for column in mapping.kept_columns:
        if names[column.feature_name] > 1:
            yield MappingFault(("columns", column.column, "name"), "another column has this name.", "Take another.")
    for label in mapping.columns:
        if isinstance(label, LabelColumn) and set(label.bad) & set(label.good):
            yield MappingFault(("columns", label.column), "a text means bad and good.", "Put it into one list only.")


def _wrong_counts(mapping: Mapping) -> Iterator[MappingFault]:
    for role, kind, least, most in (
        ("label", LabelColumn, 1, 1),
        ("time", TimeColumn, 0, 1),
        ("reference", ReferenceColumn, 0, 1),
    ):
        count = sum(isinstance(column, kind) for column in mapping.columns)
        if not least <= count <= most:
            yield MappingFault(
                ("columns",),
                f"{count} columns have the role {role}.",
                f"Give it to {'exactly' if least else 'at most'} one.",
            )
    if not mapping.training_columns:
        remedy = "Give at least one column `role: feature` with `known: at_scoring`."
        yield MappingFault(("columns",), "nothing is left to learn from.", remedy)
    for column in mapping.columns:
        if isinstance(column, TimeColumn) and not _is_date_format(column.format):
            yield MappingFault(
                ("columns", column.column, "format"), "it makes no full date.", "Write one like %Y-%m-%d."
            )


def _protected_inputs(mapping: Mapping) -> Iterator[MappingFault]:
    for column, standing in protected_features(mapping):
        yield MappingFault(
            ("columns", column.column, "role"),
            f"{standing.attribute} is protected in {mapping.jurisdiction} ({standing.ground}) and trains no model.",
            "Write `role: protected`: it is kept sealed to measure fairness.",
        )


def _value_faults(column: ValueColumn) -> Iterator[MappingFault]:
    path = ("columns", column.column)
    number = column.kind == "number"
    if number and not column.full_unit and not isinstance(column, ProtectedColumn | ProxyColumn):
        yield MappingFault((*path, "unit"), "it is missing.", _REMEDIES["unit"])
    if number and column.prefix:
        yield MappingFault((*path, "prefix"), "only a category has one.", "Take it out.")
    if not number and (column.min is not None or column.max is not None):
        yield MappingFault(path, "only a number has min and max.", "Take them out.")
    if not number and isinstance(column, FeatureColumn) and column.direction:
        yield MappingFault((*path, "direction"), "only a number has one.", "Take it out.")
    if column.min is not None and column.max is not None and column.min > column.max:
        yield MappingFault((*path, "min"), "it is above max.", "Exchange the two.")


def _is_date_format(text: str) -> bool:
    sample = datetime(2024, 12, 31, tzinfo=UTC)
    try:
        return datetime.strptime(sample.strftime(text), text).date() == sample.date()  # noqa: DTZ007 - a date only
    except ValueError:
        return False
