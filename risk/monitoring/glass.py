"""What glass costs: each night an unrestricted challenger against a glass box on the line's own books, offline."""

from collections.abc import Iterator

from risk.features.facade import Feature
from risk.learning import facade as learning
from risk.monitoring import limits
from risk.monitoring.facts import LineFacts
from risk.monitoring.fairness import LEARNED, NEW
from risk.monitoring.measures import Measure
from risk.scoring.facade import NumberAxis

SEED = 1


def measure_glass(facts: LineFacts) -> Iterator[Measure]:
    """The AUC that the challenger is ahead by; nothing where the books hold too few loans to tell."""
    samples = [one for one in facts.books if one.labels]
    features = [
        Feature(axis.name, "number" if isinstance(axis, NumberAxis) else "category", direction=axis.direction)
        for axis in facts.scorer.features
    ]
    cost = learning.glass_cost(samples=samples, features=features, seed=SEED) if samples else None
    if cost is not None:
        source = LEARNED if any(one.learned for one in samples) else NEW
        yield Measure(
            "glass_cost", source, cost.found, cost.rows, facts.model.institution_id, bads=cost.bads,
            limit=limits.GLASS_COST,
        )  # fmt: skip
