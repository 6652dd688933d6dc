"""What an assessment of affordability takes for granted: dated values, each version kept for replay."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

CURRENT = "2026-11"


@dataclass(frozen=True, slots=True)
class Parameters:
    """One version. Percentages of 100; spending in major units of its currency a month.

    `haircut` by the basis of an income; `rate_shock` in points on the new loan's rate, `assumed_rate` where none is
    named; of what is left, `comfortable` may be bound with ease and `bindable` at most.
    """

    haircut_percent: Mapping[str, Decimal]
    rate_shock_percent: Decimal
    assumed_rate_percent: Decimal
    comfortable_percent: Decimal
    bindable_percent: Decimal
    spending_min: Mapping[str, Decimal]


# All of these are the judgement of Luopan's makers and no authority's figures: a verified income counts in full, an
# estimated one is often too high by a seventh, and people name theirs before tax; two points are what a lender's rate
# may rise by within a loan; a quarter of what is left stays for what nobody foresees; and nobody lives for less than
# the least spending, which is meant for a single person who pays little or no rent.
PARAMETERS: dict[str, Parameters] = {
    "2026-11": Parameters(
        haircut_percent={"verified": Decimal(0), "estimated": Decimal(15), "stated": Decimal(20)},
        rate_shock_percent=Decimal(2),
        assumed_rate_percent=Decimal(15),
        comfortable_percent=Decimal(50),
        bindable_percent=Decimal(75),
        spending_min={
            "HKD": Decimal(4000), "CNY": Decimal(1800), "TWD": Decimal(12000), "USD": Decimal(900),
            "EUR": Decimal(800), "GBP": Decimal(700), "SGD": Decimal(900), "PLN": Decimal(1800), "JPY": Decimal(80000),
        },
    )
}  # fmt: skip
