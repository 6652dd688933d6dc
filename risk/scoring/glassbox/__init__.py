"""The glass box at run time: tables in, scores and reasons out. Imports nothing but stdlib, numpy and msgspec."""

from risk.scoring.glassbox.artefact import FORMAT, ArtefactError, Manifest, manifest_of
from risk.scoring.glassbox.axis import InputError, NumberAxis
from risk.scoring.glassbox.batch_reasons import Ranked
from risk.scoring.glassbox.calibration import Calibration
from risk.scoring.glassbox.points import POINTS_TO_DOUBLE, Scorecard, scorecard
from risk.scoring.glassbox.reasons import Reason, common_bins
from risk.scoring.glassbox.scorer import Batch, Score, Scorer, Term, load_artefact

__all__ = [
    "FORMAT",
    "POINTS_TO_DOUBLE",
    "ArtefactError",
    "Batch",
    "Calibration",
    "InputError",
    "Manifest",
    "NumberAxis",
    "Ranked",
    "Reason",
    "Score",
    "Scorecard",
    "Scorer",
    "Term",
    "common_bins",
    "load_artefact",
    "manifest_of",
    "scorecard",
]
