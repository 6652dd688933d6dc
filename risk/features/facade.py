"""What other apps may use of `features`. Free of Django, so that pure packages may import it."""

from risk.features.catalogue.cells import Value
from risk.features.catalogue.feature import Direction, Feature, Kind
from risk.features.catalogue.mapping import LabelDefinition, Mapping
from risk.features.catalogue.mapping_text import MappingError, MappingFault, read_mapping, stored_mapping
from risk.features.catalogue.reason_texts import reason_text, what_helps
from risk.features.catalogue.rows import HeaderError, Row, RowProblem, RowReader, split_line
from risk.features.sources import (
    BUDGET_S,
    KINDS,
    PURPOSE_OF,
    SANCTIONS_HIT,
    Question,
    Settled,
    Source,
    Subject,
    Terms,
    ask_together,
    local_sources,
)

__all__ = [
    "BUDGET_S",
    "KINDS",
    "PURPOSE_OF",
    "SANCTIONS_HIT",
    "Direction",
    "Feature",
    "HeaderError",
    "Kind",
    "LabelDefinition",
    "Mapping",
    "MappingError",
    "MappingFault",
    "Question",
    "Row",
    "RowProblem",
    "RowReader",
    "Settled",
    "Source",
    "Subject",
    "Terms",
    "Value",
    "ask_together",
    "local_sources",
    "read_mapping",
    "reason_text",
    "split_line",
    "stored_mapping",
    "what_helps",
]
