"""Features into a score: checked against what the model knows, every fault named."""

from collections.abc import Mapping
from typing import Any

from hub.errors import FieldError, Invalid
from risk.scoring.glassbox import Calibration, InputError, Score, Scorer


def compute(scorer: Scorer, features: Mapping[str, Any], calibration: Calibration) -> Score:
    """Score checked features; `Invalid` names each one that is unknown or of the wrong type."""
    known = {axis.name: axis for axis in scorer.features}
    faults = [
        FieldError(f"/features/{_escaped(name)}", "unknown_feature", f"This line knows: {', '.join(known)}.")
        for name in features
        if name not in known
    ]
    if not any(value is not None for value in features.values()):
        faults.append(FieldError("/features", "no_features", f"Give some of: {', '.join(known)}."))
    if not faults:
        try:
            return scorer.row(features, calibration)
        except InputError:
            faults = _type_faults(scorer, features, calibration)
    raise Invalid(faults)


def _type_faults(scorer: Scorer, features: Mapping[str, Any], calibration: Calibration) -> list[FieldError]:
    faults = []
    for name, value in features.items():
        try:
            scorer.row({name: value}, calibration)
        except InputError as error:
            faults.append(FieldError(f"/features/{_escaped(name)}", "wrong_type", str(error)))
    return faults


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
