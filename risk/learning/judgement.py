"""What a training's tests say to the promotion criteria (risk/learning/fit/criteria.py)."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from risk.features.facade import Feature, joined, pairs, together
from risk.learning import monitored
from risk.learning.assembly import TrainingSet
from risk.learning.facts import BookSample
from risk.learning.fit.criteria import Applicants, Criterion, Evidence, judge
from risk.learning.fit.fairness import Approvals, fair
from risk.learning.fit.frame import Column, Floats, Frame, Rows
from risk.learning.fit.suspects import find_suspects
from risk.learning.validation import Logits, Plan, Split, calibration_of, probabilities
from risk.scoring import facade as scoring
from risk.scoring.facade import Calibration, Champion

APPLICANTS_MAX, APPLICANTS_LEAST = 2_000, 200
GROUP_ROWS_MAX = 5_000  # of each book
_EVER = datetime.min.replace(tzinfo=UTC)

Values = Mapping[str, float | str | None]


def last_applicants(*, line_id: UUID, until: datetime) -> list[Values]:
    """What the last decisions of a line were made from, in the order of time; those of erased people are left out."""
    ids = [one.id for one in scoring.decisions(line_id=line_id, since=_EVER, until=until, limit=APPLICANTS_MAX)]
    known = scoring.decided_values(decision_ids=ids)
    return [known[one] for one in reversed(ids) if one in known]


def with_groups(*, line_id: UUID, run_id: UUID, until: datetime) -> list[BookSample]:
    """Samples of the books that a run learns from, with what is known of their people's groups."""
    samples = monitored.book_samples(line_id=line_id, run_id=run_id, until=until, limit=GROUP_ROWS_MAX)
    return [one for one in samples if one.learned and one.labels]


def suspected(found: TrainingSet, champion: Champion | None) -> dict[UUID, str]:
    """Lenders whose new labels look made up to the champion, each with the sentence that says why."""
    rows = np.flatnonzero(found.fresh & np.array([lender is not None for lender in found.lenders], dtype=np.bool_))
    if champion is None or not len(rows):
        return {}
    lenders = sorted(set(found.lenders[rows]))
    number = {lender: at for at, lender in enumerate(lenders)}
    numbers = np.array([number[lender] for lender in found.lenders[rows]], dtype=np.intp)
    suspects = find_suspects(found.labels[rows], _said(champion, found.frame.take(rows)), numbers)
    return {lenders[at]: one.sentence for at, one in suspects.items()}


def judgement(
    found: TrainingSet,
    checks: Plan,
    logits: Sequence[Logits],
    artefact: bytes,
    champion: Champion | None,
    applicants: Sequence[Values],
    *,
    seed: int,
) -> list[Criterion]:
    """Judge a challenger: `logits` are those of the tested rows of each split, `artefact` the one to be registered.

    What group data say of it is `fairness`.
    """
    rows = np.concatenate([test for _, test in checks.splits])
    order = _in_order(found, rows, seed)
    split = _split(found, checks)
    parts = (found.frame.take(split[0]), found.frame.take(split[1])) if split else None
    tested = _tested(found, rows[order], np.concatenate(logits)[order], champion)
    return judge(tested, parts, _scored(found, artefact, champion, applicants))


def fairness(
    books: Sequence[BookSample], artefact: bytes, calibration: Calibration, champion: Champion | None
) -> Criterion:
    """Judge a version, with the calibration that it serves with, by the group data of its books."""
    tables = [(one.groups, len(one.labels)) for one in books]
    challenger = scoring.load_artefact(artefact, sha256=hashlib.sha256(artefact).hexdigest())
    pd_below = scoring.approved_below()

    def approved(scorer: scoring.Scorer, line: Calibration) -> NDArray[np.bool_]:
        columns = {name: joined((one.columns.get(name), len(one.labels)) for one in books) for name in scorer.names}
        return np.asarray(scorer.batch(columns).pd(line) < pd_below)

    return fair(
        Approvals(
            list(pairs(one for one in together(tables) if one.protected)),
            approved(challenger, calibration),
            approved(champion.scorer, champion.calibration) if champion else None,
            pd_below,
        )
    )


def _scored(
    found: TrainingSet, artefact: bytes, champion: Champion | None, applicants: Sequence[Values]
) -> Applicants | None:
    if champion is None or len(applicants) < APPLICANTS_LEAST:
        return None
    columns = {feature.name: _column(feature, applicants) for feature in found.frame.features}
    challenger = scoring.load_artefact(artefact, sha256=hashlib.sha256(artefact).hexdigest())
    said = [scorer.batch(columns).logits.astype(np.float64) for scorer in (challenger, champion.scorer)]
    return Applicants(*said)


def _column(feature: Feature, applicants: Sequence[Values]) -> Column:
    values: list[Any] = [one.get(feature.name) for one in applicants]
    return np.array(values, dtype=np.float64 if feature.kind == "number" else object)


def _in_order(found: TrainingSet, rows: Rows, seed: int) -> Rows:
    """The places of tested rows by time; without, any order but the file's, which may be sorted by the outcome."""
    if found.time is not None:
        return np.argsort(found.time[rows], kind="stable")
    return np.random.default_rng(seed).permutation(len(rows))


def _tested(found: TrainingSet, rows: Rows, logits: Logits, champion: Champion | None) -> Evidence:
    half = len(rows) // 2
    labels = found.labels[rows]
    line = calibration_of(logits[:half], labels[:half])
    return Evidence(
        labels=labels,
        pd=probabilities(logits, Calibration()),
        late=probabilities(logits[half:], line),
        fresh=found.fresh[rows],
        champion=_said(champion, found.frame.take(rows)) if champion else None,
    )


def _said(champion: Champion, frame: Frame) -> Floats:
    return probabilities(champion.scorer.batch(frame.columns).logits, champion.calibration)


def _split(found: TrainingSet, checks: Plan) -> Split | None:
    """Earlier and newer loans: by their time, else by whether an earlier version knew them."""
    if checks.kind == "out_of_time":
        return checks.splits[0]
    known, fresh = np.flatnonzero(~found.fresh), np.flatnonzero(found.fresh)
    return (known, fresh) if len(known) and len(fresh) else None
