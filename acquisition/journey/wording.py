"""Reasons in the reader's language: the words are those of the rooms that decide."""

from collections.abc import Iterable
from typing import Literal, cast

from partners.products import facade as products
from partners.referrals.facade import ExclusionView
from risk.features import facade as features

REASONS_MAX = 4
Language = Literal["en", "zh-hant", "zh-hans"]


def reasons(found: Iterable[tuple[str, bool]], language: str) -> list[tuple[str, str]]:
    """Return for each feature that counted against the applicant, or was missing, what to tell him and what helps."""
    return [
        (features.reason_text(name, language, missing=missing), features.what_helps(name, language, missing=missing))
        for name, missing in found
    ]


def exclusions(found: Iterable[ExclusionView], language: str) -> list[str]:
    """Return up to four sentences on why lenders' policies left the applicant out, the most frequent first."""
    # A lender's empty budget says nothing about the applicant.
    ranked = sorted((one for one in found if one.reason in products.REASONS), key=lambda one: (-one.products, one.code))
    texts = dict.fromkeys(products.reason_text(one.reason, cast(Language, language)) for one in ranked)
    return list(texts)[:REASONS_MAX]
