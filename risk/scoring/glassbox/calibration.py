"""Calibration: a straight line on the logit, kept beside the tables and versioned apart from them."""

from dataclasses import dataclass
from math import exp

MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Calibration:
    """`calibrated = slope * raw + intercept`, both in millionths.

    It never changes an order of two scores as long as the slope is positive, nor any reason.
    """

    slope_micro: int = MICRO
    intercept_micro: int = 0

    def __post_init__(self) -> None:
        if self.slope_micro <= 0:
            raise ValueError("A calibration slope must be positive: a negative one turns the order of scores round.")

    def apply(self, logit_micro: int) -> int:
        """The calibrated logit in micro-logits: integers only, halves rounded up."""
        return (self.slope_micro * logit_micro + MICRO // 2) // MICRO + self.intercept_micro


def probability(logit_micro: int) -> float:
    """The probability of a logit given in micro-logits; no overflow at any size."""
    if logit_micro >= 0:
        return 1.0 / (1.0 + exp(-min(logit_micro, 700 * MICRO) / MICRO))
    grown = exp(max(logit_micro, -700 * MICRO) / MICRO)
    return grown / (1.0 + grown)


def decimal_text(pd: float) -> str:
    """A probability as a decimal string of six digits, such as `0.021350`."""
    whole, part = divmod(round(pd * MICRO), MICRO)
    return f"{whole}.{part:06d}"
