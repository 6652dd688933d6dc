"""What glass costs: the AUC of an unrestricted challenger less that of a glass box, on the same loans."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from risk.features.facade import Estimate, Feature
from risk.learning.evaluation import fit_tables, split_at
from risk.learning.facts import BookSample
from risk.learning.fit.challenger import fit_challenger
from risk.learning.fit.comparison import paired_auc_difference
from risk.learning.fit.frame import Floats, Frame, Labels

ROWS_MAX = 20_000
TESTED_SHARE = 0.25
CLASS_ROWS_LEAST = 20  # of the tested loans: below, an AUC says nothing


@dataclass(frozen=True, slots=True)
class GlassCost:
    """The difference with its 95 % interval, and of how many tested loans, bad ones among them."""

    found: Estimate
    rows: int
    bads: int


def glass_cost(*, samples: Sequence[BookSample], features: Sequence[Feature], seed: int) -> GlassCost | None:
    """Fit both on the earlier loans of some samples and compare them on the newest quarter; None for too few loans.

    Where no loan has a date, on a quarter that is drawn by `seed`.
    """
    frame, labels, days = _joined(samples, features, seed)
    split = _split(labels, days)
    if split is None:
        return None
    train, test = split
    known, marks = frame.take(train), labels[train]
    glass = fit_tables(known, marks, seed=seed, time=days[train], bags=1, monotone=True)(frame.take(test))
    free = fit_challenger(known, marks, seed=seed, time=days[train])(frame.take(test))
    compared = paired_auc_difference(labels[test], free, glass)
    reach = NormalDist().inv_cdf(0.975) * compared.standard_error
    found = Estimate(compared.difference, compared.difference - reach, compared.difference + reach)
    return GlassCost(found, len(test), int(labels[test].sum()))


def _joined(samples: Sequence[BookSample], features: Sequence[Feature], seed: int) -> tuple[Frame, Labels, Floats]:
    """The newest loans of all samples in the order of time; those without a date are left out where others have one."""
    days = [day.toordinal() if day else -1 for one in samples for day in one.opened_on]
    if max(days, default=-1) < 0:
        days = np.random.default_rng(seed).permutation(len(days)).tolist()
    order = np.argsort(days, kind="stable")
    kept = order[np.array(days)[order] >= 0][-ROWS_MAX:] if days else order
    labels = np.array([label for one in samples for label in one.labels], dtype=np.int8)[kept]
    columns = {}
    for feature in features:
        values = [value for one in samples for value in one.columns.get(feature.name, [None] * len(one.labels))]
        columns[feature.name] = np.array(values, dtype=np.float64 if feature.kind == "number" else object)[kept]
    return Frame(tuple(features), columns), labels, np.array(days, dtype=np.float64)[kept]


def _split(labels: Labels, days: Floats) -> Any:
    if len(labels) < CLASS_ROWS_LEAST:
        return None
    try:
        split = split_at(labels, days, cutoff=float(np.quantile(days, 1 - TESTED_SHARE, method="higher")))
    except ValueError:
        return None
    least = min(int(np.bincount(labels[part], minlength=2).min()) for part in split)
    return split if least >= CLASS_ROWS_LEAST else None
