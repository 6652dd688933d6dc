"""What stands before an approval besides the validation report: asked anew each time, in the report's own form."""

from typing import Any

from risk.scoring import queries
from risk.scoring.models import Decision, ModelVersion, PolicyShift


def unmet(version: ModelVersion) -> list[dict[str, Any]]:
    """Return every promotion criterion that is not met now."""
    return [*version.unmet, *(one for one in gates(version) if not one["met"])]


def gates(version: ModelVersion) -> list[dict[str, Any]]:
    """Return the criteria that a training cannot judge."""
    return [_replayed(version)]


def _replayed(version: ModelVersion) -> dict[str, Any]:
    champion = queries.champion_on(line_id=version.line_id)
    if champion is None:
        return _gate("replayed", True, "none", "The line's first version: no credit policy has met another one.")
    decided = Decision.objects.filter(version__line_id=version.line_id, institution_id=None)
    shifts = PolicyShift.newest(version.id, champion_id=champion.id)
    if shifts:
        told = shifts[0]
        lenders = len({one.lender_id for one in shifts if one.lender_id})
        says = f"The live credit policies of {lenders} lenders were replayed over {told.applications} applications."
        return _gate("replayed", True, str(told.applications), says)
    if not decided.exists():
        return _gate("replayed", True, "none", "No application of a borrower was decided on by this line yet.")
    says = f"The live credit policies have not been replayed against the champion (version {champion.number}) yet."
    return _gate("replayed", False, "0", says)


def _gate(name: str, met: bool, figure: str, says: str) -> dict[str, Any]:
    return {"name": name, "met": met, "figure": figure, "limit": "done", "says": says, "waivable": True}
