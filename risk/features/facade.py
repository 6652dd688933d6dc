"""What other apps may use of `features`. Free of Django, so that pure packages may import it."""

from risk.features.catalogue.cells import Value
from risk.features.catalogue.entry import Entry
from risk.features.catalogue.feature import Direction, Feature, Kind
from risk.features.catalogue.lines import NotAdmitted, admitted, can_act, catalogue_of, is_told, proxies
from risk.features.catalogue.mapping import LabelDefinition, Mapping
from risk.features.catalogue.mapping_text import MappingError, MappingFault, read_mapping, stored_mapping
from risk.features.catalogue.reason_texts import AFFORDABILITY, reason_text, what_helps
from risk.features.catalogue.rows import HeaderError, Row, RowProblem, RowReader, split_line
from risk.features.maths.groups import GroupColumn, GroupPair, joined, pairs, together
from risk.features.maths.rates import (
    Z_95,
    Estimate,
    ImpactAtCutOff,
    impact_at,
    impact_ratio,
    mean_difference,
    paired_ratio,
    rate,
)
from risk.features.sources import (
    BUDGET_S,
    KINDS,
    PURPOSE_OF,
    SANCTIONS_HIT,
    LocalSource,
    Question,
    Settled,
    Source,
    Subject,
    Terms,
    ask_together,
    local_sources,
    timeout_s,
)

__all__ = [
    "AFFORDABILITY",
    "BUDGET_S",
    "KINDS",
    "PURPOSE_OF",
    "SANCTIONS_HIT",
    "Z_95",
    "Direction",
    "Entry",
    "Estimate",
    "Feature",
    "GroupColumn",
    "GroupPair",
    "HeaderError",
    "ImpactAtCutOff",
    "Kind",
    "LabelDefinition",
    "LocalSource",
    "Mapping",
    "MappingError",
    "MappingFault",
    "NotAdmitted",
    "Question",
    "Row",
    "RowProblem",
    "RowReader",
    "Settled",
    "Source",
    "Subject",
    "Terms",
    "Value",
    "admitted",
    "ask_together",
    "can_act",
    "catalogue_of",
    "impact_at",
    "impact_ratio",
    "is_told",
    "joined",
    "local_sources",
    "mean_difference",
    "paired_ratio",
    "pairs",
    "proxies",
    "rate",
    "read_mapping",
    "reason_text",
    "split_line",
    "stored_mapping",
    "timeout_s",
    "together",
    "what_helps",
]
