"""Up to where each figure may go before an alert is opened. Judgement, except where a source is named."""

from dataclasses import dataclass

from risk.features.facade import Estimate

ROWS_LEAST = 200  # for a figure of a whole population: below, noise looks like a shift
CLASS_ROWS_LEAST = 10  # goods, and bads, for an AUC
RATE_ROWS_LEAST = 30
BADS_EXPECTED_LEAST = 5.0
VINTAGES_WATCHED = 6  # the newest; older ones are shown, and nothing can be done about them any more
AUC_DROP = 0.05
APPROVAL_SHIFT = 0.10
DIFFERING_MOST = 0.20
OVERRIDDEN_MOST = 0.05
REFERENCE_DAYS = 150


@dataclass(frozen=True, slots=True)
class Limit:
    """What a figure should be (`ideal`), and the least and the most it may be; None: open."""

    low: float | None = None
    high: float | None = None
    ideal: float | None = None

    def is_broken_by(self, found: Estimate) -> bool:
        """Whether the figure is outside and its interval does not hold the ideal: chance alone opens no alert."""
        outside = (self.low is not None and found.value < self.low) or (
            self.high is not None and found.value > self.high
        )
        return outside and not (self.ideal is not None and found.lower <= self.ideal <= found.upper)


FREE = Limit()
STABILITY = Limit(high=0.25)  # Siddiqi (2006): above .25 another population
CALIBRATION = Limit(low=0.8, high=1.25, ideal=1.0)
SLOPE = Limit(low=0.75, high=4 / 3, ideal=1.0)
DIFFERING = Limit(high=DIFFERING_MOST, ideal=DIFFERING_MOST)
OVERRIDDEN = Limit(high=OVERRIDDEN_MOST, ideal=OVERRIDDEN_MOST)
IMPACT_RATIO = Limit(low=0.8, high=1.25, ideal=1.0)  # the four-fifths rule, 29 CFR 1607.4 D, for either group
GLASS_COST = Limit(high=0.01, ideal=0.0)
MEAN_DIFFERENCE = Limit(low=-0.3, high=0.3, ideal=0.0)


def auc_limit(validated: float | None) -> Limit:
    """An AUC may fall so far below the one that the version was validated with."""
    return FREE if validated is None else Limit(low=validated - AUC_DROP, ideal=validated)


def approval_limit(reference: float | None) -> Limit:
    """A share of approvals may move so far from that of the months before."""
    if reference is None:
        return FREE
    return Limit(low=reference - APPROVAL_SHIFT, high=reference + APPROVAL_SHIFT, ideal=reference)
