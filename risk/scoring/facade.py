"""What other apps may use of `scoring`. Its glass box is free of Django."""

from risk.scoring.glassbox import (
    FORMAT,
    ArtefactError,
    Batch,
    Calibration,
    InputError,
    Manifest,
    Reason,
    Score,
    Scorer,
    Term,
    load_artefact,
    manifest_of,
)

__all__ = [
    "FORMAT",
    "ArtefactError",
    "Batch",
    "Calibration",
    "InputError",
    "Manifest",
    "Reason",
    "Score",
    "Scorer",
    "Term",
    "load_artefact",
    "manifest_of",
]
