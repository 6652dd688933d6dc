"""The reference of reasons, put into a fitted artefact: the rulebook's, by the line's jurisdiction and the day."""

from datetime import date
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from hub.rulebook import REASON_REFERENCES, BestValue, NearCutOff, NoReviewedEntry, ReasonRule, in_force
from risk.learning.assembly import NothingToLearn
from risk.learning.fit.frame import Frame, Rows
from risk.learning.fit.recipe import canonical, digest
from risk.scoring import facade as scoring
from risk.scoring.facade import Calibration, Scorer, common_bins, load_artefact


def referred(
    artefact: bytes, frame: Frame, calibration: Calibration, *, jurisdiction: str, on: date
) -> tuple[bytes, dict[str, Any]]:
    """Return the artefact with its reference, and what the validation report says of it.

    Raises NothingToLearn where the rulebook has no reviewed entry.
    """
    try:
        entry = in_force(REASON_REFERENCES, jurisdiction=jurisdiction, on=on)
    except NoReviewedEntry as error:
        raise NothingToLearn(str(error)) from error
    pd_below = scoring.approved_below()
    made = with_reference(artefact, frame, calibration, rule=entry.rule, pd_below=pd_below)
    facts = {
        "kind": type(entry.rule).__name__, "jurisdiction": entry.jurisdiction, "since": entry.since.isoformat(),
        "source": entry.source, "pd_below": pd_below,
    }  # fmt: skip
    return made, facts


def with_reference(data: bytes, frame: Frame, calibration: Calibration, *, rule: ReasonRule, pd_below: float) -> bytes:
    """The artefact with the reference that a rule asks for; `frame`: the people it was fitted on.

    `pd_below`: the cut-off of the calibrated PD under which people pass.
    """
    content: dict[str, Any] = msgspec.json.decode(data)
    if isinstance(rule, BestValue):
        content["reasons"] = {"kind": "best_value", "min_share": rule.min_share}
        return canonical(content)
    scorer = load_artefact(data, sha256=digest(data))
    rows = narrow_passes(scorer.batch(frame.columns).pd(calibration), rule, pd_below=pd_below)
    content["reasons"] = {
        "kind": "near_cut_off", "min_share": rule.min_share, "pd_below": pd_below, "band": rule.band,
        "rows": len(rows), "bins": _mean_bins(scorer, frame.take(rows), rule.min_share),
    }  # fmt: skip
    return canonical(content)


def narrow_passes(pd: NDArray[np.float64], rule: NearCutOff, *, pd_below: float) -> Rows:
    """The rows whose PD is in the rule's band below the cut-off; where they are few, the nearest that pass.

    Where too few pass at all, those that fail by the least are taken too.
    """
    fails = pd >= pd_below
    nearest = np.lexsort((np.abs(pd - pd_below), fails))
    in_band = int(np.sum(~fails & (pd >= (1 - rule.band) * pd_below)))
    return np.sort(nearest[: max(in_band, rule.rows_least)])


def _mean_bins(scorer: Scorer, near: Frame, min_share: float) -> list[int]:
    """Of each feature the common bin whose own score is nearest to the mean of these people, 0 where none is common.

    Own score: the main table, which holds the average effect since pairs are purified. Integers, so exact; of bins
    that are equally near the most frequent one, then the first.
    """
    mains = scorer.batch(near.columns, contributions=True).mains
    assert mains is not None
    found = []
    for at, axis in enumerate(scorer.features):
        total, table = int(mains[:, at].sum()), scorer.artefact.mains[at]
        off = [
            (abs(near.rows * table[index] - total), -axis.share_ppm[index], index)
            for index in common_bins(axis, min_share)
        ]
        found.append(min(off)[2] if off else 0)
    return found
