"""How long a person's look at a refusal may take: dated values. A review keeps the version that it was asked under."""

from dataclasses import dataclass
from datetime import timedelta

CURRENT = "2026-11"


@dataclass(frozen=True, slots=True)
class ReviewRules:
    """One version: a review is due `within` of being asked for, and once `extended_by` later where that is told."""

    within: timedelta
    extended_by: timedelta


# Luopan's own figures: fifteen working days, which is less than the month of GDPR article 12(3), the shortest time that
# a law we know of names for answering a person; and one extension, within the two further months that it allows where
# the person is told in time, and why.
RULES: dict[str, ReviewRules] = {"2026-11": ReviewRules(within=timedelta(days=21), extended_by=timedelta(days=30))}
