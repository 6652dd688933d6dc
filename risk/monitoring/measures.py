"""From the facts of a line to its figures: decisions, their outcomes, what lenders answered."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from risk.features.facade import Estimate, rate
from risk.learning import facade as learning
from risk.monitoring import limits
from risk.monitoring.facts import LineFacts, ScoredLoan
from risk.monitoring.limits import FREE, Limit
from risk.monitoring.maths import stability
from risk.monitoring.maths.calibration import calibration, reliability
from risk.scoring.facade import Decided

VINTAGES_MAX = 24
DECISIONS, OUTCOMES = "decisions", "outcomes"
_TINY = 1e-6
MICRO = 1_000_000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure before it is kept; `found` has an interval where `with_interval`. See the model `Figure`."""

    metric: str
    source: str
    found: Estimate
    rows: int
    institution_id: UUID | None
    segment_kind: str = ""
    segment: str = ""
    basis: str = ""
    bads: int | None = None
    limit: Limit = FREE
    with_interval: bool = True
    details: dict[str, Any] = field(default_factory=dict)


def measure(facts: LineFacts) -> Iterator[Measure]:
    """All figures of decisions, outcomes and answers, slice by slice."""
    for of in facts.institutions():
        decided = [one for one in facts.decided if facts.is_of(one.institution_id, of)]
        yield from _score_psi(facts, decided, of)
        yield from _feature_csi(facts, decided, of)
        yield from _approvals(facts, decided, of)
        yield from _outcomes(facts, [one for one in facts.loans if facts.is_of(one.institution_id, of)], of)
        yield from _answers(facts, of)
    if facts.model.institution_id is None:
        yield from _overrides(facts)


def exact(value: float) -> Estimate:
    """A figure without an interval."""
    return Estimate(value, value, value)


# --- who comes --------------------------------------------------------------------------------------------------------
def _score_psi(facts: LineFacts, decided: Sequence[Decided], of: UUID | None) -> Iterator[Measure]:
    shape = facts.model.report.get("histogram")
    mine = [one for one in decided if one.version_id == facts.model.version_id]
    if not shape:
        return
    came = _channels(mine) if of is None else [("", mine)]
    trained = np.add(shape["goods"], shape["bads"])
    groups = stability.groups_of((trained / trained.sum()).tolist())
    for segment, part in came:
        if len(part) < limits.ROWS_LEAST:
            continue
        bins = np.searchsorted(shape["edges"][1:-1], log_odds([one.pd for one in part]), side="right")
        counts = stability.grouped(np.bincount(bins, minlength=len(trained)), groups)
        shares = stability.grouped(trained, groups)
        yield Measure(
            "psi", DECISIONS, exact(learning.psi(shares, counts)), len(part), of,
            segment_kind="channel" if segment else "", segment=segment, limit=limits.STABILITY, with_interval=False,
        )  # fmt: skip


def _channels(decided: Sequence[Decided]) -> list[tuple[str, list[Decided]]]:
    """All, then by the way they came: the platform's own pages, or a lender's requests for his own customers."""
    own = [one for one in decided if one.institution_id is None]
    others = [one for one in decided if one.institution_id is not None]
    return [("", list(decided)), ("journey", own), ("api", others)]


def _feature_csi(facts: LineFacts, decided: Sequence[Decided], of: UUID | None) -> Iterator[Measure]:
    rows = [facts.values[one.id] for one in decided if one.id in facts.values]
    if len(rows) < limits.ROWS_LEAST:
        return
    for axis in facts.scorer.features:
        alone = [at for at in (0, axis.size - 1) if at not in axis.real_bins]  # missing, and unknown categories
        groups = stability.groups_of([ppm / MICRO for ppm in axis.share_ppm], alone=alone)
        bins = np.bincount(axis.bins_of(_column([row.get(axis.name) for row in rows])), minlength=axis.size)
        value = learning.psi(stability.grouped(axis.share_ppm, groups), stability.grouped(bins, groups))
        missing = {"missing_trained": axis.share_ppm[0] / MICRO, "missing": int(bins[0]) / len(rows)}
        yield Measure(
            "csi", DECISIONS, exact(value), len(rows), of, segment_kind="feature", segment=axis.name,
            limit=limits.STABILITY, with_interval=False, details=missing,
        )  # fmt: skip


def _column(values: list[float | str | None]) -> NDArray[Any]:
    return np.array(values, dtype=object)  # left to itself numpy would turn None among texts into a text


def _approvals(facts: LineFacts, decided: Sequence[Decided], of: UUID | None) -> Iterator[Measure]:
    before = [one for one in facts.before if facts.is_of(one.institution_id, of)]
    for segment, part in _channels(decided) if of is None else [("", list(decided))]:
        if len(part) < limits.RATE_ROWS_LEAST:
            continue
        earlier = [one for one in before if not segment or (one.institution_id is None) == (segment == "journey")]
        usual = rate(_approved(earlier), len(earlier)).value if len(earlier) >= limits.ROWS_LEAST else None
        yield Measure(
            "approval_rate", DECISIONS, rate(_approved(part), len(part)), len(part), of,
            segment_kind="channel" if segment else "", segment=segment, limit=limits.approval_limit(usual),
        )  # fmt: skip


def _approved(decided: Sequence[Decided]) -> int:
    return sum(one.action == "approve" for one in decided)


# --- how it ended -----------------------------------------------------------------------------------------------------
def _outcomes(facts: LineFacts, loans: Sequence[ScoredLoan], of: UUID | None) -> Iterator[Measure]:
    labels, pd = [one.is_bad for one in loans], [one.decided.pd for one in loans]
    yield from truth(labels, pd, source=OUTCOMES, of=of)
    yield from ranking(labels, pd, source=OUTCOMES, of=of, limit=_validated(facts))
    for grade in sorted({one.decided.grade for one in loans}):
        part = [one for one in loans if one.decided.grade == grade]
        measures = truth([x.is_bad for x in part], [x.decided.pd for x in part], source=OUTCOMES, of=of, grade=grade)
        yield from (one for one in measures if one.metric == "calibration")
    yield from _vintages(facts, loans, of)


def _vintages(facts: LineFacts, loans: Sequence[ScoredLoan], of: UUID | None) -> Iterator[Measure]:
    months = sorted({f"{one.opened_on:%Y-%m}" for one in loans}, reverse=True)[:VINTAGES_MAX]
    found: list[Measure] = []
    for month in months:
        part = [one for one in loans if f"{one.opened_on:%Y-%m}" == month]
        limit = _validated(facts) if len(found) < limits.VINTAGES_WATCHED else FREE
        labels, pd = [one.is_bad for one in part], [one.decided.pd for one in part]
        found += ranking(labels, pd, source=OUTCOMES, of=of, limit=limit, vintage=month)
    yield from reversed(found)


def truth(
    labels: Sequence[bool], pd: Sequence[float], *, source: str, of: UUID | None, grade: str = ""
) -> Iterator[Measure]:
    """Calibration: observed over expected, slope and intercept; none where fewer than five bads were expected."""
    if sum(pd) < limits.BADS_EXPECTED_LEAST:
        return
    found = calibration(labels, pd)
    bins = [] if grade else [asdict(one) for one in reliability(labels, pd)]
    more = {"expected": round(found.expected, 6), "reliability": bins}
    parts = [("calibration", found.ratio, limits.CALIBRATION), ("slope", found.slope, limits.SLOPE),
             ("intercept", found.intercept, FREE)]  # fmt: skip
    for metric, estimate, limit in parts:
        if estimate is not None:
            yield Measure(
                metric, source, estimate, found.rows, of, segment_kind="grade" if grade else "", segment=grade,
                bads=found.bads, limit=limit, details=more if metric == "calibration" else {},
            )  # fmt: skip


def ranking(
    labels: Sequence[bool], pd: Sequence[float], *, source: str, of: UUID | None, limit: Limit, vintage: str = ""
) -> list[Measure]:
    """The AUC with its interval; none with fewer than ten goods or bads."""
    bads = sum(labels)
    if min(bads, len(labels) - bads) < limits.CLASS_ROWS_LEAST:
        return []
    found = Estimate(*learning.auc_interval(labels, pd))
    kind = "vintage" if vintage else ""
    return [Measure("auc", source, found, len(labels), of, kind, vintage, bads=bads, limit=limit)]


def _validated(facts: LineFacts) -> Limit:
    return limits.auc_limit(validated_auc(facts.model.report))


def validated_auc(report: dict[str, Any]) -> float | None:
    """The AUC that a version was validated with, None where its report has none."""
    found = (report.get("calibrated") or {}).get("auc")
    return None if found is None else float(found)


# --- what lenders answered --------------------------------------------------------------------------------------------
def _answers(facts: LineFacts, of: UUID | None) -> Iterator[Measure]:
    mine = [one for one in facts.answers if facts.is_of(one.institution_id, of)]
    by_grade = ((grade, [one for one in mine if one.grade == grade]) for grade in sorted({one.grade for one in mine}))
    for grade, part in chain([("", mine)], by_grade):
        if len(part) < limits.RATE_ROWS_LEAST:
            continue
        differing = sum(one.answer != one.recommended for one in part)
        yield Measure(
            "differing", DECISIONS, rate(differing, len(part)), len(part), of, segment_kind="grade" if grade else "",
            segment=grade, limit=limits.DIFFERING,
        )  # fmt: skip


def _overrides(facts: LineFacts) -> Iterator[Measure]:
    """The share of the platform's own refusals, of the window and the months before, that people overturned."""
    refused = [one for one in (*facts.decided, *facts.before) if one.action == "decline" and one.institution_id is None]
    if len(refused) < limits.RATE_ROWS_LEAST:
        return
    overturned = sum(one.id in facts.overturned for one in refused)
    found = rate(overturned, len(refused))
    yield Measure("overridden", DECISIONS, found, len(refused), None, limit=limits.OVERRIDDEN)


def log_odds(pd: Sequence[float] | Floats) -> Floats:
    """Log-odds of probabilities, kept one millionth away from 0 and 1."""
    said = np.clip(np.asarray(pd, dtype=np.float64), _TINY, 1 - _TINY)
    found: Floats = np.log(said / (1 - said))
    return found
