"""Data sources, pure: one interface for bureaus, open banking, incomes and sanctions lists; and a local provider."""

from risk.features.sources.asking import BUDGET_S, Question, Settled, ask_together, timeout_s
from risk.features.sources.interface import (
    FACTS,
    KINDS,
    PURPOSE_OF,
    SANCTIONS_HIT,
    Answer,
    InquiryType,
    NoRecord,
    Source,
    SourceDown,
    SourceError,
    SourceKind,
    Subject,
    Terms,
)
from risk.features.sources.local import LocalSource, local_sources

__all__ = [
    "BUDGET_S",
    "FACTS",
    "KINDS",
    "PURPOSE_OF",
    "SANCTIONS_HIT",
    "Answer",
    "InquiryType",
    "LocalSource",
    "NoRecord",
    "Question",
    "Settled",
    "Source",
    "SourceDown",
    "SourceError",
    "SourceKind",
    "Subject",
    "Terms",
    "ask_together",
    "local_sources",
    "timeout_s",
]
