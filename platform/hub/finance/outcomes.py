"""What a loan's life means for learning: good, bad, indeterminate, immature or excluded."""

from collections.abc import Sequence
from dataclasses import dataclass

from hub.finance.past_due import BAD_FROM_DAYS

# The version of the rules below. It stands in every outcome: change them only with a new number.
DEFINITION_VERSION = 1
WINDOW_MONTHS = 12
INDETERMINATE_FROM_DAYS = 30

GOOD, BAD, INDETERMINATE, IMMATURE, EXCLUDED = "good", "bad", "indeterminate", "immature", "excluded"
NAMES = (GOOD, BAD, INDETERMINATE, IMMATURE, EXCLUDED)


@dataclass(frozen=True, slots=True)
class Label:
    """A label, and the most days past due at a month's end within the window."""

    name: str
    max_dpd: int


def label(
    *,
    month_end_dpd: Sequence[int | None],
    months_on_book: int,
    window_months: int = WINDOW_MONTHS,
    charged_off_month: int | None = None,
    closed_month: int | None = None,
    confirmed_fraud: bool = False,
) -> Label:
    """Return the label of a loan by definition 1.

    Entry k of `month_end_dpd` is the end of month k + 1 on book, None where it is not known. Only the window counts:
    what comes after it changes nothing. Fraud is excluded. Bad is 90 days past due or charged off, and is final at
    once. A loan that was repaid in full within the window is final too; any other is immature until the window is
    over, and where a month of it is not known. Then 30 to 89 days at worst are indeterminate, less is good.
    """
    seen = min(months_on_book, window_months)
    window = month_end_dpd[:seen]
    worst = max((days for days in window if days is not None), default=0)
    charged_off = charged_off_month is not None and charged_off_month <= seen
    if confirmed_fraud:
        return Label(EXCLUDED, worst)
    if worst >= BAD_FROM_DAYS or charged_off:
        return Label(BAD, worst)
    # At the end of the month in which it was repaid nothing is past due, reported or not.
    needed = closed_month - 1 if closed_month is not None and closed_month <= seen else window_months
    if len(window) < needed or None in window[:needed]:
        return Label(IMMATURE, worst)
    return Label(INDETERMINATE if worst >= INDETERMINATE_FROM_DAYS else GOOD, worst)
