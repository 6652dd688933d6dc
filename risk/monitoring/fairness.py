"""Fairness figures: books of loans whose group data were kept sealed for this, scored by the version in use.

Applicants of the platform are never asked for a protected attribute, so books are all there is; each figure says on
what basis the group data stand. Rows that the version has learned from are told apart from those that it has not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from risk.features.facade import (
    GroupColumn,
    GroupPair,
    ImpactAtCutOff,
    impact_at,
    joined,
    mean_difference,
    pairs,
    together,
)
from risk.learning import facade as learning
from risk.learning.facade import BookSample
from risk.monitoring import limits
from risk.monitoring.facts import LineFacts
from risk.monitoring.limits import FREE
from risk.monitoring.maths.alternatives import Terms, search
from risk.monitoring.measures import MICRO, Measure, exact, log_odds, ranking, truth, validated_auc

NEW, LEARNED = "new book", "learned book"
AUC_LOSS_MAX = 0.005
_SEARCHED_BELOW = 0.9


@dataclass(frozen=True, slots=True)
class _Scored:
    """Books of one kind, scored: probabilities and labels (n,), terms, and the group columns, each (n,)."""

    source: str
    labels: list[bool]
    pd: NDArray[np.float64]
    terms: Terms
    groups: list[GroupColumn]


def measure_books(facts: LineFacts) -> Iterator[Measure]:
    """Fairness by group and cut-off; of books that the version has not learned from, how well it does on them."""
    for source, learned in ((NEW, False), (LEARNED, True)):
        samples = [one for one in facts.books if one.learned == learned and one.labels]
        if not samples:
            continue
        scored = _score(facts, samples, source)
        if not learned:
            yield from _performance(facts, scored)
        for pair in pairs(scored.groups):
            yield from _fairness(facts, scored, pair)


def _performance(facts: LineFacts, scored: _Scored) -> Iterator[Measure]:
    of, pd = facts.model.institution_id, scored.pd.tolist()
    yield from truth(scored.labels, pd, source=scored.source, of=of)
    limit = limits.auc_limit(validated_auc(facts.model.report))
    yield from ranking(scored.labels, pd, source=scored.source, of=of, limit=limit)


def _score(facts: LineFacts, samples: Sequence[BookSample], source: str) -> _Scored:
    rows = sum(len(one.labels) for one in samples)
    columns = {
        name: joined((one.columns.get(name), len(one.labels)) for one in samples) for name in facts.scorer.names
    }  # fmt: skip
    batch = facts.scorer.batch(columns, contributions=True)
    assert batch.mains is not None
    assert batch.pairs is not None
    places = [(pair.i, pair.j) for pair in facts.scorer.artefact.pairs]
    terms = Terms(batch.mains / MICRO, batch.pairs / MICRO, places)
    labels = [label for one in samples for label in one.labels]
    assert len(labels) == rows
    return _Scored(
        source,
        labels,
        batch.pd(facts.model.calibration),
        terms,
        together([(one.groups, len(one.labels)) for one in samples]),
    )


def _fairness(facts: LineFacts, scored: _Scored, pair: GroupPair) -> Iterator[Measure]:
    rows = int(pair.group.sum())
    of = facts.model.institution_id
    for cut, decides in facts.model.cut_offs:
        found = impact_at(scored.pd, pair.group, pair.reference, cut)
        if not found.rate and not found.reference_rate:
            continue  # nobody is approved: there is nothing to compare
        yield Measure(
            "impact_ratio", scored.source, found.ratio, rows, of, "group", f"{pair.name} at {cut:.0%}", pair.basis,
            limit=limits.IMPACT_RATIO if decides else FREE,
            details={"rate": found.rate, "reference_rate": found.reference_rate, "pd_below": cut},
        )  # fmt: skip
    scores = log_odds(scored.pd)
    if scores.std() > 0:
        gap = mean_difference(scores[pair.group], scores[pair.reference])
        yield Measure(
            "mean_difference", scored.source, gap, rows, of, "group", pair.name, pair.basis,
            limit=limits.MEAN_DIFFERENCE,
        )  # fmt: skip
    yield from _alternative(facts, scored, pair)


def _alternative(facts: LineFacts, scored: _Scored, pair: GroupPair) -> Iterator[Measure]:
    """Search where the ratio at the first cut-off that decides is below .9."""
    cut = next((cut for cut, decides in facts.model.cut_offs if decides), None)
    if cut is None or not _both_classes(scored.labels):
        return
    before: ImpactAtCutOff = impact_at(scored.pd, pair.group, pair.reference, cut)
    if not before.reference_rate or before.ratio.value >= _SEARCHED_BELOW:
        return
    base = scored.terms.without(())
    steps = search(
        scored.terms, int(np.sum(scored.pd < cut)), pair.group, pair.reference,
        lambda scores: learning.auc_lost(scored.labels, scores.tolist(), base.tolist()), loss_max=AUC_LOSS_MAX,
    )  # fmt: skip
    names = facts.scorer.names
    told = [
        {"without": [names[at] for at in one.dropped], "impact_ratio": one.ratio, "auc_lost": one.auc_lost,
         "auc_lost_at_most": one.auc_lost_at_most} for one in steps
    ]  # fmt: skip
    yield Measure(
        "alternative", scored.source, exact(steps[-1].ratio if steps else before.ratio.value), int(pair.group.sum()),
        facts.model.institution_id, "group", pair.name, pair.basis, with_interval=False,
        details={"before": before.ratio.value, "pd_below": cut, "steps": told},
    )  # fmt: skip


def _both_classes(labels: Sequence[bool]) -> bool:
    return min(sum(labels), len(labels) - sum(labels)) >= limits.CLASS_ROWS_LEAST
