"""What the values of a refused person are compared with to find the principal reasons."""

from dataclasses import dataclass
from datetime import date

from hub.rulebook.entry import ANYWHERE, Entry


@dataclass(frozen=True, slots=True)
class BestValue:
    """The best value of each feature that at least the share `min_share` (0 to 1) of the people have."""

    min_share: float


@dataclass(frozen=True, slots=True)
class NearCutOff:
    """The mean score of each feature among those who pass narrowly.

    Those are the people whose PD is at most the cut-off and at least (1 - `band`) of it; where they are fewer than
    `rows_least`, so many as come nearest. `min_share` is that of what would help, which compares with best values.
    """

    band: float
    rows_least: int
    min_share: float


ReasonRule = BestValue | NearCutOff

REASON_REFERENCES: tuple[Entry[ReasonRule], ...] = (
    Entry(
        ANYWHERE, date(2020, 1, 1), BestValue(min_share=0.01),
        "Luopan's own rule where no law names a method: the loss against the best value that is common.",
        date(2026, 11, 24),
    ),
    Entry(
        "US", date(2011, 12, 30), NearCutOff(band=0.2, rows_least=200, min_share=0.01),
        "12 CFR 1002.9(b)(2) and its official interpretation, comment 9(b)(2)-5, the first of the two methods named: "
        "the average score for each factor of those at or slightly above the minimum passing score. How wide "
        "\"slightly\" is, is Luopan's own reading.",
        date(2026, 11, 24),
    ),
)  # fmt: skip
