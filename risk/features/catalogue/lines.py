"""The catalogue of a line: its mapping's columns, joined with what is declared once for all lines."""

from collections.abc import Collection, Iterable, Iterator

from risk.features.catalogue.declared import DECLARED
from risk.features.catalogue.entry import MONEY, Declared, Entry
from risk.features.catalogue.feature import Feature
from risk.features.catalogue.mapping import FeatureColumn, Mapping
from risk.features.catalogue.reason_texts import TEXTS, told
from risk.features.catalogue.standing import OK, Standing, standing_of


class NotAdmitted(ValueError):
    """Features that may not enter a training. The text names each with the ground and the remedy."""


def catalogue_of(mapping: Mapping) -> tuple[Entry, ...]:
    """Every feature of a mapping, in the order of its columns; protected and proxy columns are none."""
    columns = (column for column in mapping.columns if isinstance(column, FeatureColumn))
    return tuple(_entry(column, mapping) for column in columns)


def admitted(mapping: Mapping, *, approved: Collection[str] = ()) -> tuple[Feature, ...]:
    """The features that may enter a training, in their order: known at scoring, nothing protected, proxies if approved.

    `approved` are the names of proxies whose approval stands. Raises NotAdmitted.
    """
    known = [entry for entry in catalogue_of(mapping) if entry.known == "at_scoring"]
    refused = [_refusal(entry, mapping) for entry in known if not _may_enter(entry, approved)]
    if refused:
        raise NotAdmitted(" ".join(refused))
    return tuple(entry.feature for entry in known)


def proxies(entries: Iterable[Entry]) -> list[str]:
    """The names of those features that stand in for a protected attribute."""
    return [entry.name for entry in entries if entry.standing.level == "proxy"]


def protected_features(mapping: Mapping) -> Iterator[tuple[FeatureColumn, Standing]]:
    """Columns that a mapping calls features although they are protected where the book is from."""
    for column in mapping.columns:
        if isinstance(column, FeatureColumn):
            standing = _standing(column, mapping)
            if standing.level == "protected":
                yield column, standing


def is_told(feature: Feature, currency: str) -> bool:
    """Whether a feature is one that the catalogue declares, with reviewed reason texts in every language."""
    return _is_declared(feature, currency) and feature.name in TEXTS and told(TEXTS[feature.name])


def can_act(name: str) -> bool:
    """Whether a person can do something about a feature that the catalogue declares; False for unknown ones."""
    return name in DECLARED and DECLARED[name].can_act


def _may_enter(entry: Entry, approved: Collection[str]) -> bool:
    return entry.standing.level == "ok" or (entry.standing.level == "proxy" and entry.name in approved)


def _refusal(entry: Entry, mapping: Mapping) -> str:
    stands = entry.standing
    if stands.level == "protected":
        return (
            f"{entry.name} is a protected attribute ({stands.attribute}) in {mapping.jurisdiction} ({stands.ground}): "
            "map it as `role: protected`, so that it is kept sealed to measure fairness and no model learns from it."
        )
    return (
        f"{entry.name} stands in for a protected attribute ({stands.attribute}; {stands.ground}): map it as "
        "`role: proxy`, which keeps it out, or have a risk officer approve it for this line until a day."
    )


def _entry(column: FeatureColumn, mapping: Mapping) -> Entry:
    feature = Feature(column.feature_name, column.kind, column.full_unit, column.direction)
    known = DECLARED[feature.name] if _is_declared(feature, mapping.currency) else None
    return Entry(
        feature.name, feature.kind, feature.unit, known.source if known else column.origin, column.known,
        feature.direction, known.can_act if known else column.can_act, TEXTS.get(feature.name) if known else None,
        _standing(column, mapping),
    )  # fmt: skip


def _is_declared(feature: Feature, currency: str) -> bool:
    known = DECLARED.get(feature.name)
    return known is not None and (feature.kind, feature.unit, feature.direction) == _shape(known, currency)


def _shape(known: Declared, currency: str) -> tuple[str, str, int]:
    return known.kind, currency if known.unit == MONEY else known.unit, known.direction


def _standing(column: FeatureColumn, mapping: Mapping) -> Standing:
    by_name = standing_of(column.column, column.feature_name, jurisdiction=mapping.jurisdiction)
    if by_name == OK and column.proxy_of:
        return Standing("proxy", column.proxy_of, "its mapping says so")
    return by_name
