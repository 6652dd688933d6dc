"""A raw book as a frame, labels and times."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from risk.features.facade import Feature
from risk.learning.fit.frame import Column, Floats, Frame, Labels
from risk.learning.rawbook import columns, texts
from risk.learning.rawbook.columns import Known, LeftOut
from risk.learning.rawbook.table import RawBookError, is_missing, read_columns

SHOWN = 6
BAD_WORDS = frozenset(
    "bad 1 yes y true t default defaulted default_yes charged_off charge_off chargedoff chgoff chargeoff late "
    "delinquent bankrupt bankruptcy loss fraud reject rejected denied fail failed unpaid nonperforming npl -".split()
)
GOOD_WORDS = frozenset(
    "good 0 no n false f paid fully_paid paid_off p_i_f pif current ok approve approved accepted performing repaid "
    "non_default not_default no_default nondefault healthy +".split()
)


@dataclass(frozen=True, slots=True)
class RawBook:
    """A book ready for learners.

    `bad_value` is the label's text that was taken as bad; `cutoff` the number that `time` is compared with;
    `left_out` says why a column is not used, `notes` how others were read.
    """

    frame: Frame
    labels: Labels
    bad_value: str
    time: Floats | None
    cutoff: float | None
    left_out: Mapping[str, str]
    notes: Mapping[str, str]


def read_book(
    path: Path, *, label: str, time: str | None = None, cutoff: str | None = None, drop: Sequence[str] = ()
) -> RawBook:
    """Read a book whose `label` column has two values. Raises RawBookError with the place and the remedy."""
    table = read_columns(path)
    for option, name in (("--label", label), ("--time", time), *(("--drop", name) for name in drop)):
        if name is not None and name not in table:
            raise RawBookError(_unknown(option, name, list(table)))
    if label in drop or (time is not None and time in (label, *drop)):
        raise RawBookError("The label and the time column must differ, and neither may be dropped.")
    marks, bad_value, kept = _labels(label, table[label])
    notes = {} if len(kept) == len(marks) else {label: f"{len(marks) - len(kept)} rows without a label left out"}
    moments, border = (None, None) if time is None else _times(time, table[time], cutoff)
    left_out = dict.fromkeys(drop, "asked for")
    known: dict[str, Known] = {}
    for name, cells in table.items():
        if name not in (label, time, *drop):
            found = columns.read_column(name, cells, moments)
            if isinstance(found, LeftOut):
                left_out[name] = found.why
            else:
                known[name] = found
                notes.update({name: found.note} if found.note else {})
    if not known:
        raise RawBookError("No column is left to learn from: see what was left out, or drop fewer columns.")
    frame = _frame(known, moments).take(kept)
    return RawBook(
        frame=frame,
        labels=marks[kept],
        bad_value=bad_value,
        time=None if moments is None else moments[kept],
        cutoff=border,
        left_out=left_out,
        notes=notes,
    )


def _frame(known: Mapping[str, Known], moments: Floats | None) -> Frame:
    features = tuple(
        Feature(name, "category" if found.kind == "category" else "number") for name, found in known.items()
    )
    return Frame(features, {name: _values(found, moments) for name, found in known.items()})


def _values(found: Known, moments: Floats | None) -> Column:
    """A date counts from the row's own time where there is one: a bare date tells nothing of later rows."""
    return moments - found.values if found.kind == "day" and moments is not None else found.values


def _labels(name: str, cells: Sequence[str]) -> tuple[Labels, str, np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """Labels (1 = bad), the text of a bad, and the rows that have a label."""
    counts = Counter(cell for cell in cells if not is_missing(cell) or cell in ("-", "?"))
    if len(counts) > 2 and counts.keys() & {"-", "?"}:
        counts = Counter(cell for cell in cells if not is_missing(cell))
    if len(counts) != 2:
        shown = ", ".join(repr(value) for value, _ in counts.most_common(SHOWN))
        more = f" and {len(counts) - SHOWN} more" if len(counts) > SHOWN else ""
        raise RawBookError(
            f"The label column {name!r} has {len(counts)} different values ({shown}{more}), needed are two: "
            "keep the rows of two values, or name another column by --label."
        )
    bad = _bad_of(counts)
    labels = np.array([cell == bad for cell in cells], dtype=np.int8)
    return labels, bad, np.flatnonzero([cell in counts for cell in cells])


def _bad_of(counts: Counter[str]) -> str:
    """The value that means bad: the greater number, the word for it, else the rarer value."""
    values = sorted(counts)
    numbers = [texts.number(value) for value in values]
    if all(number is not None for number in numbers):
        return max(values, key=lambda value: texts.number(value) or 0.0)
    plain = {value: "_".join(value.lower().replace("-", " ").split()) or value for value in values}
    for words, wanted in ((BAD_WORDS, True), (GOOD_WORDS, False)):
        hits = [value for value in values if plain[value] in words]
        if len(hits) == 1:
            return hits[0] if wanted else next(value for value in values if value != hits[0])
    return min(values, key=lambda value: (counts[value], value))


def _times(name: str, cells: Sequence[str], cutoff: str | None) -> tuple[Floats, float]:
    """The times of the rows and the cut-off as numbers of one kind: days, or what the column counts in."""
    known = Counter(cell for cell in cells if not is_missing(cell))
    found = columns.as_days(cells, known) or columns.as_numbers(cells, known) if known else None
    if found is None:
        raise RawBookError(f"The time column {name!r} holds neither dates (such as 2004-12-01) nor numbers.")
    reader: texts.Reader = texts.number
    if found.kind == "day":
        reader = texts.day_reader(day_first=texts.looks_day_first(list(known)))
    border = None if cutoff is None else reader(cutoff.strip())
    if border is None:
        wanted = "a date such as 2004-12-01" if found.kind == "day" else "a number"
        raise RawBookError(f"--cutoff {cutoff!r} does not fit the time column {name!r}: give {wanted}.")
    return found.values, border


def _unknown(option: str, name: str, names: list[str]) -> str:
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"the columns are {', '.join(names[:30])}."
    return f"{option}: there is no column {name!r}; {hint}"
