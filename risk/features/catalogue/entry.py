"""One feature of a model line as the catalogue declares it."""

from dataclasses import dataclass
from typing import Literal

from risk.features.catalogue.feature import Direction, Feature, Kind
from risk.features.catalogue.mapping import Known, Source
from risk.features.catalogue.reason_texts import Texts, told
from risk.features.catalogue.standing import Standing

MONEY = "money"  # a unit: that of the line's currency


@dataclass(frozen=True, slots=True)
class Entry:
    """All that is declared of a feature. Training, reasons, validation reports and the console read this.

    `known`: at_scoring, or later, which no training takes. `can_act`: whether the person it is about can change it.
    `texts`: what a reason is called, in each language; None where nobody wrote that.
    """

    name: str
    kind: Kind
    unit: str
    source: Source
    known: Known
    direction: Direction
    can_act: bool
    texts: Texts | None
    standing: Standing

    @property
    def feature(self) -> Feature:
        """What learners see of it."""
        return Feature(self.name, self.kind, self.unit, self.direction)

    @property
    def missing(self) -> str:
        """What happens where there is no value."""
        return "has a bin of its own"

    @property
    def unseen(self) -> str:
        """What happens to a value that was not in the training."""
        return "scores as missing" if self.kind == "category" else "falls into the nearest bin"

    @property
    def is_told(self) -> bool:
        """Whether its reasons have reviewed texts in every language."""
        return self.texts is not None and told(self.texts)


@dataclass(frozen=True, slots=True)
class Declared:
    """A feature of the platform's own lines, declared once for all of their books."""

    kind: Kind
    unit: str
    source: Source
    direction: Direction = 0
    can_act: Literal[True, False] = False
