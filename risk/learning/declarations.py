"""What the catalogue says of a version's features: for its validation report, and whether its reasons can be told."""

from collections.abc import Sequence
from typing import Any

from risk.features.facade import Entry, Feature, Mapping, catalogue_of
from risk.learning.fit.criteria import Criterion


def entries_of(mapping: Mapping, features: Sequence[Feature]) -> list[Entry]:
    """Return what the catalogue declares of features, in their order."""
    known = {entry.name: entry for entry in catalogue_of(mapping)}
    return [known[feature.name] for feature in features]


def described(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Return the declarations as the validation report keeps them."""
    return [
        {
            "name": one.name, "kind": one.kind, "unit": one.unit, "direction": one.direction, "source": one.source,
            "known": one.known, "missing": one.missing, "unseen": one.unseen, "can_act": one.can_act,
            "told": one.is_told, "level": one.standing.level, "attribute": one.standing.attribute,
            "ground": one.standing.ground,
        }
        for one in entries
    ]  # fmt: skip


def told(entries: Sequence[Entry]) -> Criterion:
    """Judge whether every reason has reviewed texts in every language: without, no borrower may be scored by it."""
    silent = [one.name for one in entries if not one.is_told]
    says = "Every feature has reviewed reason texts in each language."
    if silent:
        says = (
            f"No reviewed reason texts in each language: {', '.join(silent)}. Borrowers are told reasons: map only "
            "features that the catalogue declares, or train a line that no borrower sees."
        )
    return Criterion("told", not silent, str(len(silent)), "0", says)
