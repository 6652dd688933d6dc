"""What stands before an approval besides the validation report: asked anew each time, in the report's own form."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from risk.scoring import proxies, queries
from risk.scoring.models import Decision, ModelVersion, PolicyShift, Shadow


def unmet(version: ModelVersion, *, now: datetime) -> list[dict[str, Any]]:
    """Return every promotion criterion that is not met now."""
    return [*version.unmet, *(one for one in gates(version, now=now) if not one["met"])]


def gates(version: ModelVersion, *, now: datetime) -> list[dict[str, Any]]:
    """Return the criteria that a training cannot judge."""
    return [_replayed(version), _shadowed(version, now), *_proxied(version, now)]


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


def _shadowed(version: ModelVersion, now: datetime) -> dict[str, Any]:
    days, wanted = timedelta(days=settings.SHADOW_DAYS), settings.SHADOW_DECISIONS
    decided = Decision.objects.filter(version__line_id=version.line_id, created_at__gte=now - days)
    champion = queries.champion_on(line_id=version.line_id)
    if champion is None or not decided.exists():
        return _gate("shadowed", True, "none", "The line decides on nobody whom the version could be tried on.")
    shadow = Shadow.objects.filter(version_id=version.id).first()
    scored = shadow.scored if shadow else 0
    met = scored >= wanted or (shadow is not None and scored > 0 and shadow.since <= now - days)
    says = f"Beside the champion it scored {scored} decisions; wanted are {wanted}, or {days.days} days of them."
    return _gate("shadowed", met, str(scored), says)


def _proxied(version: ModelVersion, now: datetime) -> list[dict[str, Any]]:
    used = {one["name"] for one in version.report.get("features", []) if one.get("level") == "proxy"}
    if not used:
        return []
    bare = sorted(used - proxies.approved(line_id=version.line_id, on=now.date()))
    says = f"It learned from {', '.join(sorted(used))}, which stand in for protected attributes, under an approval."
    if bare:
        says = f"It learned from {', '.join(bare)}, and no approval of that stands: approve it for the line anew."
    return [{**_gate("proxies", not bare, str(len(bare)), says), "waivable": False}]


def _gate(name: str, met: bool, figure: str, says: str) -> dict[str, Any]:
    return {"name": name, "met": met, "figure": figure, "limit": "done", "says": says, "waivable": True}
