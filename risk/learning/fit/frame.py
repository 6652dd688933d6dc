"""The table that learners read: named columns, described by their features."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from risk.features.facade import Feature

Column = NDArray[Any]
Floats = NDArray[np.float64]
Labels = NDArray[np.int8]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Frame:
    """Columns of equal length: float64 with NaN for numbers, object arrays of str or None for categories."""

    features: tuple[Feature, ...]
    columns: Mapping[str, Column]

    def __post_init__(self) -> None:
        if not self.features:
            raise ValueError("A frame needs at least one feature.")
        names = [feature.name for feature in self.features]
        if len(names) != len(set(names)) or set(names) != set(self.columns):
            raise ValueError("A frame needs exactly one column for each feature.")
        if len({len(column) for column in self.columns.values()}) != 1:
            raise ValueError("A frame's columns differ in length.")
        for feature in self.features:
            expected = "f" if feature.kind == "number" else "O"
            if self.columns[feature.name].dtype.kind != expected:
                raise ValueError(f"Column {feature.name!r} is not stored as a {feature.kind}.")

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.columns[self.features[0].name])

    def take(self, rows: Rows) -> "Frame":
        """The frame of some rows, in the given order."""
        return Frame(self.features, {name: column[rows] for name, column in self.columns.items()})

    def without(self, names: Collection[str]) -> "Frame":
        """The frame without some columns. Raises ValueError where none is left."""
        features = tuple(feature for feature in self.features if feature.name not in names)
        return Frame(features, {feature.name: self.columns[feature.name] for feature in features})


def checked_labels(frame: Frame, labels: NDArray[Any]) -> Labels:
    """Labels as int8, 1 = bad. Raises ValueError unless they match the frame and hold both classes."""
    if len(labels) != frame.rows:
        raise ValueError(f"There are {len(labels)} labels for {frame.rows} rows.")
    if set(np.unique(labels).tolist()) != {0, 1}:
        raise ValueError("Labels must be 0 and 1, and both must occur.")
    return labels.astype(np.int8)
