"""Reasons in the reader's language: the words are those of the rooms that decide."""

from collections.abc import Iterable
from typing import Literal, cast

from partners.products import facade as products
from partners.referrals.facade import ExclusionView
from risk.features import facade as features

REASONS_MAX = 4
Language = Literal["en", "zh-hant", "zh-hans"]


def reasons(found: Iterable[tuple[str, bool]], language: str) -> list[tuple[str, str]]:
    """Return for each feature that counted against the applicant, or was missing, what to tell him, and what helps.

    Nothing helps (an empty text) where he can do nothing about it.
    """
    return [
        (features.reason_text(name, language, missing=missing), _helps(name, language, missing=missing))
        for name, missing in found
    ]


def _helps(name: str, language: str, *, missing: bool) -> str:
    may = missing or name == features.AFFORDABILITY or features.can_act(name)
    return features.what_helps(name, language, missing=missing) if may else ""


def helps(found: Iterable[tuple[str, bool]], language: str) -> list[str]:
    """Return what helps, for each feature that he can do something about, or that was missing."""
    return [text for name, missing in found if (text := _helps(name, language, missing=missing))]


def exclusions(found: Iterable[ExclusionView], language: str) -> list[str]:
    """Return up to four sentences on why lenders' policies left the applicant out, the most frequent first."""
    # A lender's empty budget says nothing about the applicant.
    ranked = sorted((one for one in found if one.reason in products.REASONS), key=lambda one: (-one.products, one.code))
    texts = dict.fromkeys(products.reason_text(one.reason, cast(Language, language)) for one in ranked)
    return list(texts)[:REASONS_MAX]
