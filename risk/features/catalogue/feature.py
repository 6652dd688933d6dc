"""What one feature is: the words that training, scoring and reasons share."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "category"]
Direction = Literal[-1, 0, 1]


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of a model line.

    `direction` is the sign that policy asks of the risk when the value grows:
    +1 more risk, -1 less risk, 0 free. It holds for numbers only.
    """

    name: str
    kind: Kind
    unit: str = ""
    direction: Direction = 0
