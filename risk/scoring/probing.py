"""Telling those who ask for customers from those who ask for the model. Pure.

Who wants the tables of a model holds everything else still and lets one feature run through its values. Customers
differ in several features at once; a few answers to "and with another amount?" are no sweep.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

VALUES_LEAST = 5  # of one feature, all others the same: the least that is a sweep
FOUND_LEAST = 50  # scores within sweeps: as many as a rough drawing of one or two features takes

Values = Mapping[str, float | str | None]


def swept(rows: Sequence[Values]) -> int:
    """Count the rows that are part of a sweep: at least VALUES_LEAST rows differ in the same one feature alone.

    Rows that agree in everything count once: the same person asked again tells nothing new.
    """
    names = sorted({name for row in rows for name in row})
    points = {tuple(row.get(name) for name in names) for row in rows}
    caught: set[tuple[float | str | None, ...]] = set()
    for at in range(len(names)):
        alike = defaultdict(list)
        for point in points:
            alike[point[:at] + point[at + 1 :]].append(point)
        caught.update(point for group in alike.values() if len(group) >= VALUES_LEAST for point in group)
    return len(caught)
