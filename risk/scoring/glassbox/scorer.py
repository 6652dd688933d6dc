"""Scores by table: one row in pure Python without a numpy call, many rows by numpy; both agree to the bit."""

import hashlib
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from math import isnan
from typing import Any

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from risk.scoring.glassbox.artefact import Artefact, ArtefactError, BestValue, decode
from risk.scoring.glassbox.axis import Axis, Bins, InputError, NumberAxis
from risk.scoring.glassbox.batch_reasons import BatchReasoner, Ranked
from risk.scoring.glassbox.calibration import Calibration, decimal_text, probability
from risk.scoring.glassbox.reasons import Reason, helping, principal

Integers = NDArray[np.int64]
Value = float | str | None
Columnar = ArrayLike | Sequence[Value]
CHUNK_ROWS = 50_000


class Score(msgspec.Struct, frozen=True, gc=False):
    """One scored row. `logit_micro` = the scorer's intercept + the sum of `mains` + the sum of `pairs`, exactly."""

    logit_micro: int
    pd: float
    values: tuple[Value, ...]
    bins: list[int]
    mains: list[int]
    pairs: list[int]

    @property
    def pd_12m(self) -> str:
        """The calibrated probability of default as a decimal string of six digits."""
        return decimal_text(self.pd)


class Term(msgspec.Struct, frozen=True, gc=False):
    """One additive part of a logit: of one feature or of two."""

    features: tuple[str, ...]
    micro: int


class Batch(msgspec.Struct, frozen=True):
    """Scored rows: `logits` (n,), and where asked `mains` (n, features) and `pairs` (n, pairs), all micro-logits.

    With these come the `bins` (n, features) that the values fell into.
    """

    logits: Integers
    mains: Integers | None
    pairs: Integers | None
    bins: Integers | None = None

    def pd(self, calibration: Calibration) -> NDArray[np.float64]:
        """Calibrated probabilities, the same bits as of row scoring."""
        line = calibration.apply
        return np.array([probability(line(logit)) for logit in self.logits.tolist()], dtype=np.float64)


class Scorer:
    """Scores rows with one artefact. Holds no state between rows and may be shared by threads."""

    def __init__(self, artefact: Artefact, *, sha256: str) -> None:
        self.artefact = artefact
        self.sha256 = sha256
        self.names: tuple[str, ...] = tuple(axis.name for axis in artefact.features)
        self.intercept_micro = artefact.intercept
        self._lookups = [_lookup(axis) for axis in artefact.features]
        self._mains = artefact.mains
        self._pairs = [(pair.i, pair.j, pair.table) for pair in artefact.pairs]
        self._main_tables = [np.array(main, dtype=np.int64) for main in artefact.mains]
        self._pair_tables = [np.array(pair.table, dtype=np.int64) for pair in artefact.pairs]
        self._reasoner = principal(artefact)
        self._helper = self._reasoner if isinstance(artefact.reasons, BestValue) else helping(artefact)
        self._batch_reasoner = BatchReasoner(self.names, self._reasoner.best, [(i, j) for i, j, _ in self._pairs])

    @property
    def features(self) -> tuple[Axis, ...]:
        """The axes of the tables, in their order."""
        return tuple(self.artefact.features)

    def row(self, values: Mapping[str, Value], calibration: Calibration) -> Score:
        """Score one row. An absent name, None and NaN are missing; a wrong type raises InputError."""
        given = tuple(map(values.get, self.names))
        bins = self._bins(given)
        mains = [table[index] for table, index in zip(self._mains, bins, strict=True)]
        pairs = [table[bins[i]][bins[j]] for i, j, table in self._pairs]
        logit = self.intercept_micro + sum(mains) + sum(pairs)
        return Score(logit, probability(calibration.apply(logit)), given, bins, mains, pairs)

    def reasons(self, score: Score, *, limit: int = 4) -> tuple[Reason, ...]:
        """At most `limit` exact counterfactual reasons of a score of this scorer, the largest loss first."""
        return self._reasoner.reasons(score.values, score.bins, score.mains, score.pairs, limit)

    def helps(self, score: Score, *, among: Collection[str], limit: int = 4) -> tuple[Reason, ...]:
        """What would help most, of the features `among`: at most `limit` exact counterfactuals with best values."""
        found = self._helper.reasons(score.values, score.bins, score.mains, score.pairs, len(self.names))
        return tuple(one for one in found if one.feature in among)[:limit]

    def terms(self, score: Score) -> tuple[Term, ...]:
        """All additive parts of a score, features first, then pairs; with the intercept they add up to the logit."""
        mains = [Term((name,), micro) for name, micro in zip(self.names, score.mains, strict=True)]
        pairs = [
            Term((self.names[i], self.names[j]), micro)
            for (i, j, _), micro in zip(self._pairs, score.pairs, strict=True)
        ]
        return (*mains, *pairs)

    def batch(self, columns: Mapping[str, Columnar], *, contributions: bool = False) -> Batch:
        """Score columns of equal length; an absent column is missing throughout."""
        axes = self.artefact.features
        given = {axis.name: _column(axis, columns[axis.name]) for axis in axes if axis.name in columns}
        lengths = {len(column) for column in given.values()}
        if len(lengths) != 1:
            raise InputError("A batch needs columns of one length, and at least one of the features.")
        rows = lengths.pop()
        logits = np.empty(rows, dtype=np.int64)
        mains = np.empty((rows, len(self._main_tables)), dtype=np.int64) if contributions else None
        pairs = np.empty((rows, len(self._pair_tables)), dtype=np.int64) if contributions else None
        bins = np.empty((rows, len(axes)), dtype=np.int64) if contributions else None
        for part in _parts(rows):
            self._score_part(given, part, Batch(logits, mains, pairs, bins))
        return Batch(logits, mains, pairs, bins)

    def rank(self, batch: Batch, *, limit: int = 4) -> Ranked:
        """The exact counterfactual reasons of rows scored with their contributions (ValueError without)."""
        if batch.bins is None or batch.mains is None or batch.pairs is None:
            raise ValueError("Reasons need the contributions: score the batch with them.")
        return self._batch_reasoner.rank(batch.bins, batch.mains, batch.pairs, limit)

    def batch_reasons(
        self, columns: Mapping[str, Sequence[Value]], batch: Batch, *, limit: int = 4
    ) -> Iterator[tuple[Reason, ...]]:
        """The reasons of each row of a batch, made from these columns: those of `reasons`, to the bit."""
        ranked = self.rank(batch, limit=limit)
        assert batch.bins is not None
        absent = [None] * len(batch.logits)
        return self._batch_reasoner.texts(ranked, batch.bins, [columns.get(name, absent) for name in self.names])

    def _bins(self, given: tuple[Any, ...]) -> list[int]:
        bins: list[int] = []
        push = bins.append
        try:
            for value, (cuts, known, axis) in zip(given, self._lookups, strict=True):
                if value is None:
                    push(0)
                elif known is not None:
                    index = known.get(value)
                    push(axis.bin_of(value, known) if index is None else index)
                else:
                    push(0 if isnan(value) else bisect_right(cuts, value + 0.0) + 1)
        except (TypeError, OverflowError):
            raise InputError(f"Feature {axis.name!r} cannot take a value of this type.") from None
        return bins

    def _score_part(self, columns: Mapping[str, NDArray[Any]], part: slice, made: Batch) -> None:
        rows = part.stop - part.start
        bins = [_column_bins(axis, columns.get(axis.name), part, rows) for axis in self.artefact.features]
        total = np.full(rows, self.intercept_micro, dtype=np.int64)
        for at, table in enumerate(self._main_tables):
            term = table[bins[at]]
            total += term
            if made.mains is not None:
                made.mains[part, at] = term
        for at, (i, j, _) in enumerate(self._pairs):
            term = self._pair_tables[at][bins[i], bins[j]]
            total += term
            if made.pairs is not None:
                made.pairs[part, at] = term
        made.logits[part] = total
        if made.bins is not None:
            made.bins[part] = np.column_stack(bins)


def load_artefact(data: bytes, *, sha256: str) -> Scorer:
    """The scorer of an artefact whose SHA-256 (hex) is registered. Raises ArtefactError otherwise."""
    found = hashlib.sha256(data).hexdigest()
    if found != sha256.lower():
        raise ArtefactError(f"The artefact has the SHA-256 {found}, registered is {sha256}.")
    return Scorer(decode(data), sha256=found)


def _lookup(axis: Axis) -> tuple[list[float], dict[Any, int] | None, Any]:
    if isinstance(axis, NumberAxis):
        return axis.cuts, None, axis
    return [], axis.index(), axis


def _column(axis: Axis, values: Columnar) -> NDArray[Any]:
    # Left to itself numpy would turn None and NaN among texts into texts.
    if isinstance(values, np.ndarray) or isinstance(axis, NumberAxis):
        return np.asarray(values)
    return np.array(values, dtype=object)


def _column_bins(axis: Axis, column: NDArray[Any] | None, part: slice, rows: int) -> Bins:
    return np.zeros(rows, dtype=np.intp) if column is None else axis.bins_of(column[part])


def _parts(rows: int) -> Iterator[slice]:
    for start in range(0, rows, CHUNK_ROWS):
        yield slice(start, min(start + CHUNK_ROWS, rows))
