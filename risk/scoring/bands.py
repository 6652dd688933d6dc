"""Grades: fixed bands of the calibrated PD, and the action that each recommends. Versions are kept for replay."""

from dataclasses import dataclass

CURRENT = "2026-11"


@dataclass(frozen=True, slots=True)
class Band:
    """One grade: it holds below `pd_below`."""

    grade: str
    pd_below: float
    action: str


BANDS: dict[str, tuple[Band, ...]] = {
    "2026-11": (
        Band("A", 0.02, "approve"),
        Band("B", 0.05, "approve"),
        Band("C", 0.10, "approve"),
        Band("D", 0.20, "review"),
        Band("E", 1.01, "decline"),
    )
}


def band_of(pd: float, *, version: str = CURRENT) -> Band:
    """Return the band of a probability of default (0 to 1) under a version of the bands."""
    return next(band for band in BANDS[version] if pd < band.pd_below)


def approved_below(*, version: str = CURRENT) -> float:
    """Return the PD below which a version of the bands recommends to approve."""
    return max(band.pd_below for band in BANDS[version] if band.action == "approve")
