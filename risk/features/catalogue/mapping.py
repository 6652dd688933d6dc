"""The mapping of a loan book: what each of its columns is, and what holds for all of its lines."""

import hashlib
from datetime import date
from typing import Annotated, Literal

import msgspec

from risk.features.catalogue.feature import Direction, Feature, Kind

FORMAT = "luopan.mapping/1"
COLUMNS_MAX = 2_000

ValueType = Literal["number", "percent", "months", "years", "category"]
Known = Literal["at_scoring", "later"]
Basis = Literal["collected", "voluntary", "estimated"]
Source = Literal["application", "bureau", "open_banking", "income", "derived", "behaviour", "institution"]
Purpose = Literal["consumer", "sole_trader", "small_business"]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Unit = Annotated[str, msgspec.Meta(max_length=30)]
Tokens = tuple[Annotated[str, msgspec.Meta(max_length=100)], ...]
_UNITS = {"percent": "%", "months": "months", "years": "years"}


class ValueColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What columns with values have in common. `missing` are the texts that say there is no value.

    `prefix` keeps only the first characters of a category; `min` and `max` are what a number may be, both included.
    """

    column: Name
    type: ValueType
    name: Annotated[str, msgspec.Meta(max_length=120)] = ""
    unit: Unit = ""
    missing: Tokens = ("",)
    min: float | None = None
    max: float | None = None
    prefix: Annotated[int, msgspec.Meta(ge=0, le=20)] = 0
    note: Annotated[str, msgspec.Meta(max_length=300)] = ""

    @property
    def kind(self) -> Kind:
        """How learners see it."""
        return "category" if self.type == "category" else "number"

    @property
    def feature_name(self) -> str:
        """Its name in the model line: the same in every book of the line."""
        return self.name or self.column

    @property
    def full_unit(self) -> str:
        """The unit of its numbers."""
        return self.unit or _UNITS.get(self.type, "")


class FeatureColumn(ValueColumn, frozen=True, tag_field="role", tag="feature"):
    """A property of the loan or the person; `known` tells whether it is known when somebody is scored.

    `vouched`: how that was made sure of a column which behaves as if it told the outcome; else no training takes it.
    `origin`: where its values come from. `proxy_of`: the protected attribute that it stands in for; a training takes it
    under an approval only. `can_act`: whether the person can change it.
    """

    known: Known
    direction: Direction = 0
    vouched: Annotated[str, msgspec.Meta(max_length=300)] = ""
    origin: Source = "institution"
    can_act: bool = False
    proxy_of: Annotated[str, msgspec.Meta(max_length=60)] = ""


class GroupValues(ValueColumn, frozen=True):
    """Kept sealed to measure fairness, never an input. `basis`: collected, given voluntarily, or estimated."""

    basis: Basis = "collected"

    @property
    def is_protected(self) -> bool:
        """Whether it is a protected attribute itself, not a proxy of one."""
        return isinstance(self, ProtectedColumn)


class ProtectedColumn(GroupValues, frozen=True, tag_field="role", tag="protected"):
    """A protected attribute."""


class ProxyColumn(GroupValues, frozen=True, tag_field="role", tag="proxy"):
    """A stand-in for a protected attribute: treated as one."""


class LabelColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="role", tag="label"):
    """How the loan turned out: which texts mean bad, which good."""

    column: Name
    bad: Annotated[Tokens, msgspec.Meta(min_length=1)]
    good: Annotated[Tokens, msgspec.Meta(min_length=1)]


class TimeColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="role", tag="time"):
    """The day from which the label's window runs; `format` in the words of strptime."""

    column: Name
    format: Annotated[str, msgspec.Meta(min_length=2, max_length=40)] = "%Y-%m-%d"


class ReferenceColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="role", tag="reference"):
    """The institution's own number of the account: only a blind index of it is kept."""

    column: Name


class IgnoredColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="role", tag="ignored"):
    """Not read at all."""

    column: Name
    note: Annotated[str, msgspec.Meta(max_length=300)] = ""


Column = (
    FeatureColumn | ProtectedColumn | ProxyColumn | LabelColumn | TimeColumn | ReferenceColumn | IgnoredColumn
)  # fmt: skip


class LabelDefinition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the label means. Without `window_months` it is the outcome of the whole life of a finished loan."""

    definition: Annotated[str, msgspec.Meta(min_length=3, max_length=200)]
    version: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    window_months: Annotated[int, msgspec.Meta(ge=1, le=600)] | None = None


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """All of a mapping, in the order of its columns. `as_of`: the day on which the outcomes were looked up."""

    format: Literal["luopan.mapping/1"]
    book: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    purpose: Purpose
    jurisdiction: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")]
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    source: Annotated[str, msgspec.Meta(min_length=3, max_length=500)]
    label: LabelDefinition
    columns: Annotated[tuple[Column, ...], msgspec.Meta(min_length=2, max_length=COLUMNS_MAX)]
    delimiter: Literal[",", ";", "\t", "|"] = ","
    as_of: date | None = None

    def canonical(self) -> bytes:
        """The one JSON text of this content."""
        return msgspec.json.encode(self)

    @property
    def sha256(self) -> str:
        """SHA-256 of the canonical text, in hex."""
        return hashlib.sha256(self.canonical()).hexdigest()

    @property
    def kept_columns(self) -> tuple[ValueColumn, ...]:
        """The columns whose values are kept, in their order: features, protected attributes, proxies."""
        return tuple(column for column in self.columns if isinstance(column, ValueColumn))

    @property
    def group_columns(self) -> tuple[GroupValues, ...]:
        """The protected attributes and proxies, in their order."""
        return tuple(column for column in self.columns if isinstance(column, GroupValues))

    @property
    def training_columns(self) -> tuple[FeatureColumn, ...]:
        """The features that are known at scoring. What of them a training may take says `lines.admitted`."""
        features = (column for column in self.columns if isinstance(column, FeatureColumn))
        return tuple(column for column in features if column.known == "at_scoring")

    @property
    def training_features(self) -> tuple[Feature, ...]:
        """The same as features, in their order."""
        return tuple(
            Feature(column.feature_name, column.kind, column.full_unit, column.direction)
            for column in self.training_columns
        )

    @property
    def has_time(self) -> bool:
        """Whether the book says when its loans began."""
        return any(isinstance(column, TimeColumn) for column in self.columns)
