"""Affordability, pure: what is left to live on, what of it may be bound, and the matrix that combines it with risk."""

from risk.scoring.affordability.assessment import Assessment, Band, Basis, Means, Method, assess
from risk.scoring.affordability.matrix import (
    BANDS,
    CURRENT_SHIPPED,
    GRADES,
    SHIPPED,
    Cell,
    Matrix,
    Outcome,
    combine,
    digest_of,
    document_of,
    faults,
    read_matrix,
)
from risk.scoring.affordability.parameters import CURRENT, PARAMETERS, Parameters
from risk.scoring.affordability.record import Ability, AffordabilityView, judge, view_of

__all__ = [
    "BANDS",
    "CURRENT",
    "CURRENT_SHIPPED",
    "GRADES",
    "PARAMETERS",
    "SHIPPED",
    "Ability",
    "AffordabilityView",
    "Assessment",
    "Band",
    "Basis",
    "Cell",
    "Matrix",
    "Means",
    "Method",
    "Outcome",
    "Parameters",
    "assess",
    "combine",
    "digest_of",
    "document_of",
    "faults",
    "judge",
    "read_matrix",
    "view_of",
]
