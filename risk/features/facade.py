"""What other apps may use of `features`. Free of Django, so that pure packages may import it."""

from risk.features.catalogue.cells import Value
from risk.features.catalogue.feature import Direction, Feature, Kind
from risk.features.catalogue.mapping import LabelDefinition, Mapping
from risk.features.catalogue.mapping_text import MappingError, MappingFault, read_mapping, stored_mapping
from risk.features.catalogue.reason_texts import reason_text, what_helps
from risk.features.catalogue.rows import HeaderError, Row, RowProblem, RowReader, split_line

__all__ = [
    "Direction",
    "Feature",
    "HeaderError",
    "Kind",
    "LabelDefinition",
    "Mapping",
    "MappingError",
    "MappingFault",
    "Row",
    "RowProblem",
    "RowReader",
    "Value",
    "read_mapping",
    "reason_text",
    "split_line",
    "stored_mapping",
    "what_helps",
]
