"""Fairness figures: books of loans whose group data were kept sealed for this, scored by the version in use.

Applicants of the platform are never asked for a protected attribute, so books are all there is; each figure says on
what basis the group data stand. Rows that the version has learned from are told apart from those that it has not.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from risk.learning import facade as learning
from risk.learning.facade import BookSample, GroupColumn
from risk.monitoring import limits
from risk.monitoring.facts import LineFacts
from risk.monitoring.limits import FREE
from risk.monitoring.maths.alternatives import Terms, search
from risk.monitoring.maths.rates import ImpactAtCutOff, impact_at, mean_difference
from risk.monitoring.measures import MICRO, Measure, exact, log_odds, ranking, truth, validated_auc

NEW, LEARNED = "new book", "learned book"
GROUPS_MAX = 6
AUC_LOSS_MAX = 0.005
_SEARCHED_BELOW = 0.9
_YEARS = (25, 40, 62)  # 62: "elderly" in Regulation B, 12 CFR 1002.2(o); the others are judgement

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Scored:
    """Books of one kind, scored: probabilities and labels (n,), terms, and the group columns, each (n,)."""

    source: str
    labels: list[bool]
    pd: NDArray[np.float64]
    terms: Terms
    groups: list[GroupColumn]


@dataclass(frozen=True, slots=True)
class _Pair:
    """A group, and the largest one that it is compared with."""

    name: str
    basis: str
    group: Mask
    reference: Mask


def measure_books(facts: LineFacts) -> Iterator[Measure]:
    """Fairness by group and cut-off; of books that the version has not learned from, how well it does on them."""
    for source, learned in ((NEW, False), (LEARNED, True)):
        samples = [one for one in facts.books if one.learned == learned and one.labels]
        if not samples:
            continue
        scored = _score(facts, samples, source)
        if not learned:
            yield from _performance(facts, scored)
        for pair in _pairs(scored):
            yield from _fairness(facts, scored, pair)


def _performance(facts: LineFacts, scored: _Scored) -> Iterator[Measure]:
    of, pd = facts.model.institution_id, scored.pd.tolist()
    yield from truth(scored.labels, pd, source=scored.source, of=of)
    limit = limits.auc_limit(validated_auc(facts.model.report))
    yield from ranking(scored.labels, pd, source=scored.source, of=of, limit=limit)


def _score(facts: LineFacts, samples: Sequence[BookSample], source: str) -> _Scored:
    rows = sum(len(one.labels) for one in samples)
    columns = {
        name: _joined([one.columns.get(name) for one in samples], samples) for name in facts.scorer.names
    }  # fmt: skip
    batch = facts.scorer.batch(columns, contributions=True)
    assert batch.mains is not None
    assert batch.pairs is not None
    places = [(pair.i, pair.j) for pair in facts.scorer.artefact.pairs]
    terms = Terms(batch.mains / MICRO, batch.pairs / MICRO, places)
    labels = [label for one in samples for label in one.labels]
    assert len(labels) == rows
    return _Scored(source, labels, batch.pd(facts.model.calibration), terms, _groups(samples))


def _joined(parts: Sequence[list[Any] | None], samples: Sequence[BookSample]) -> list[Any]:
    """One column of all samples; missing throughout a book that has none."""
    pairs = zip(parts, samples, strict=True)
    return [value for part, one in pairs for value in (part if part is not None else [None] * len(one.labels))]


def _groups(samples: Sequence[BookSample]) -> list[GroupColumn]:
    """The group columns of all samples; the weakest basis counts where books differ."""
    order = ["collected", "voluntary", "estimated"]
    known = {column.name: column for one in samples for column in one.groups}
    found = []
    for name, column in known.items():
        mine = [next((part for part in one.groups if part.name == name), None) for one in samples]
        basis = max((part.basis for part in mine if part), key=order.index)
        values = _joined([part.values if part else None for part in mine], samples)
        found.append(replace(column, basis=basis, values=values))
    return found


def _pairs(scored: _Scored) -> Iterator[_Pair]:
    for column in scored.groups:
        values = np.array([_group(column, value) for value in column.values], dtype=object)
        sizes = Counter(value for value in values.tolist() if value is not None)
        ranked = sorted(sizes, key=lambda name: (-sizes[name], name))
        large = [name for name in ranked if sizes[name] >= limits.GROUP_ROWS_LEAST][:GROUPS_MAX]
        for name in large[1:]:
            title = f"{column.name}: {name[:60]} / {large[0][:60]}"
            yield _Pair(title, column.basis, values == name, values == large[0])


def _group(column: GroupColumn, value: Any) -> str | None:
    """The group of a value; ages by bands, other numbers have none."""
    if value is None or column.kind == "category":
        return value if value is None else str(value)
    if column.unit != "years":
        return None
    below = next((top for top in _YEARS if value < top), None)
    return f"under {below}" if below else f"{_YEARS[-1]} and over"


def _fairness(facts: LineFacts, scored: _Scored, pair: _Pair) -> Iterator[Measure]:
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


def _alternative(facts: LineFacts, scored: _Scored, pair: _Pair) -> Iterator[Measure]:
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
