"""Promotion criteria: what a challenger has to show before two people may approve it.

Judged on the tested part of a training: the newest loans where time is known, which the judged model has not seen.
The champion is met on those among them that no version of the line has learned from or was judged by: rows judge once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from risk.learning.fit.comparison import auc_estimate, paired_auc_difference
from risk.learning.fit.frame import Column, Floats, Frame, Labels
from risk.learning.fit.stability import score_psi

BADS_LEAST = 200
# The least the lower bound of the AUC difference may be: at BADS_LEAST bads, and from ten times as many on. Between
# them it shrinks as intervals do, with the root of the number.
WORSE_AT_LEAST, WORSE_AT_MOST = 0.006, 0.002
CHANCE_CONFIDENCE = CALIBRATION_CONFIDENCE = 0.99
PROMISING_AUC = 0.55  # what too few bads for proof have to show at least
CALIBRATION_SHARE = 0.1  # by how much expected and observed bads may differ where chance does not explain it
PSI_MAX, PSI_ABOVE_CHAMPION = 0.25, 0.05
PRESENT_LEAST, VANISHED_BELOW = 0.05, 0.1
CLASS_ROWS_LEAST = 2
HALF_ROW = 0.5  # where no bad came, so that there is a ratio


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion: whether it is met, its figure, its limit, and both in a sentence.

    One that is `waivable` may be set aside by a written reason of each approver.
    """

    name: str
    met: bool
    figure: str
    limit: str
    says: str
    waivable: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """The tested rows in the order of time, if it is known: labels and probabilities of default, (n,) each.

    `late`: calibrated probabilities of the last rows by a line that was fitted on the first ones. `fresh`: the rows
    that judge for the first time. `champion`: what the champion, if there is one, says of all rows.
    """

    labels: Labels
    pd: Floats
    late: Floats
    fresh: NDArray[np.bool_]
    champion: Floats | None = None


@dataclass(frozen=True, slots=True)
class Applicants:
    """Scores of the last applicants, lent to or not, in the order of time, (n,) each: challenger's and champion's."""

    challenger: Floats
    champion: Floats


def judge(tested: Evidence, parts: tuple[Frame, Frame] | None, applicants: Applicants | None) -> list[Criterion]:
    """All criteria that apply. `parts` are earlier and newer loans of the training set."""
    found = [_better_than_chance(tested), _calibrated(tested)]
    if tested.champion is not None:
        found += _against_champion(tested, tested.champion)
    if applicants is not None:
        found.append(_stable(applicants))
    if parts is not None:
        found.append(_complete(*parts))
    return found


def difference_limit(bads: int) -> float:
    """The least that the lower 95 % bound of an AUC difference may be with so many bads."""
    return -max(WORSE_AT_MOST, WORSE_AT_LEAST * sqrt(BADS_LEAST / max(bads, BADS_LEAST)))


def _better_than_chance(tested: Evidence) -> Criterion:
    found = auc_estimate(tested.labels, tested.pd)
    bound = found.auc - NormalDist().inv_cdf(CHANCE_CONFIDENCE) * found.standard_error
    return Criterion(
        "better_than_chance", bound > 0.5, f"{bound:.4f}", "> 0.5000",
        f"It ranks bad loans before good ones: AUC {found.auc:.4f}, with 99 % confidence above {bound:.4f}.",
        waivable=int(tested.labels.sum()) < BADS_LEAST and found.auc >= PROMISING_AUC,
    )  # fmt: skip


def _against_champion(tested: Evidence, champion: Floats) -> Iterator[Criterion]:
    labels = tested.labels[tested.fresh]
    bads, goods = int(labels.sum()), int(len(labels) - labels.sum())
    yield Criterion(
        "evidence", bads >= BADS_LEAST, str(bads), f">= {BADS_LEAST}",
        f"{len(labels)} tested loans, {bads} of them bad, judge for the first time.", waivable=True,
    )  # fmt: skip
    if min(bads, goods) < CLASS_ROWS_LEAST:
        return
    found = paired_auc_difference(labels, tested.pd[tested.fresh], champion[tested.fresh])
    limit = difference_limit(bads)
    shown_to_be_worse = 2 * found.difference - found.lower_95 < limit
    yield Criterion(
        "not_worse", found.lower_95 >= limit, f"{found.lower_95:+.4f}", f">= {limit:+.4f}",
        f"On these loans its AUC is {found.difference:+.4f} against the champion's; with 95 % confidence it is not "
        f"below {found.lower_95:+.4f}.",
        waivable=bads < BADS_LEAST and not shown_to_be_worse,
    )  # fmt: skip


def _calibrated(tested: Evidence) -> Criterion:
    rows = len(tested.late)
    first, late = tested.labels[:-rows], tested.labels[-rows:]
    off = _off(late, tested.late)
    allowed = max(log(1 + CALIBRATION_SHARE), _chance(float(first.sum()), float(late.sum())))
    if tested.champion is not None:
        allowed = max(allowed, _off(late, tested.champion[-rows:]))
    return Criterion(
        "calibrated", off <= allowed, f"{off:.3f}", f"<= {allowed:.3f}",
        f"It expects {tested.late.sum():.1f} bad loans where {late.sum()} came (|ln| of the ratio {off:.3f}). Allowed "
        "is 10 %, what chance explains, or what the champion is off.",
        waivable=tested.champion is None,
    )  # fmt: skip


def _off(labels: Labels, pd: Floats) -> float:
    """|ln(observed / expected)| of the number of bads."""
    return abs(log(max(float(labels.sum()), HALF_ROW) / float(pd.sum())))


def _chance(first: float, late: float) -> float:
    """By how much the logarithm of the ratio of two counts may differ from what is true of them (99 %, two-sided).

    The variance of a Poisson count's logarithm is about one over the count.
    """
    spread = sqrt(1 / max(first, HALF_ROW) + 1 / max(late, HALF_ROW))
    return NormalDist().inv_cdf((1 + CALIBRATION_CONFIDENCE) / 2) * spread


def _stable(applicants: Applicants) -> Criterion:
    half = len(applicants.challenger) // 2
    found, champion = (
        score_psi(scores[:half], scores[half:]) for scores in (applicants.challenger, applicants.champion)
    )
    limit = max(PSI_MAX, champion + PSI_ABOVE_CHAMPION)
    return Criterion(
        "stable", found <= limit, f"{found:.3f}", f"<= {limit:.3f}",
        f"Between the first and the second half of the last {len(applicants.challenger)} applicants the distribution "
        f"of its scores moves by a PSI of {found:.3f}.",
    )  # fmt: skip


def _complete(before: Frame, after: Frame) -> Criterion:
    gone = [name for name, earlier, newer in _presence(before, after)
            if earlier >= PRESENT_LEAST and newer < VANISHED_BELOW * earlier]  # fmt: skip
    says = "Every feature that was there before is there in the newer loans."
    if gone:
        says = f"In the newer loans these features have vanished: {', '.join(gone)}. Mend the source, or map them out."
    return Criterion("complete", not gone, str(len(gone)), "0", says)


def _presence(before: Frame, after: Frame) -> Iterator[tuple[str, float, float]]:
    """The share of rows with a value, before and after, of each feature."""
    for feature in before.features:
        parts = [_present(frame.columns[feature.name]) for frame in (before, after)]
        yield feature.name, parts[0], parts[1]


def _present(column: Column) -> float:
    if column.dtype.kind == "f":
        return float(np.mean(~np.isnan(column)))
    return float(np.mean([value is not None for value in column]))
