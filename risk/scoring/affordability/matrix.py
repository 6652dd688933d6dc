"""The policy matrix: which grade, limit and action follow from the grade of the risk and the band of affordability.

Data, checked as it is drafted: each cell is there, nothing is approved that is not affordable, and whoever is riskier
or can afford less never gets the better of it.
"""

import hashlib
from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal
from itertools import pairwise, product
from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from hub.errors import FieldError
from hub.money import DIGITS
from risk.scoring.affordability.assessment import Assessment, Band

Grade = Literal["A", "B", "C", "D", "E"]
Action = Literal["approve", "review", "decline"]
GRADES: tuple[str, ...] = get_args(Grade)  # the best first, as in the other two
BANDS: tuple[str, ...] = get_args(Band)
ACTIONS: tuple[str, ...] = get_args(Action)
NEVER_APPROVED = frozenset({"short", "overstretched"})


class Cell(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What follows: the grade that lenders see, the action, and how much of the largest affordable loan is lent."""

    grade: Grade
    action: Action
    limit_percent: Annotated[int, Meta(ge=0, le=100)]


class Matrix(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Cells by the grade of the risk, then by the band of affordability."""

    cells: dict[str, dict[str, Cell]]


class Outcome(msgspec.Struct, frozen=True):
    """What a cell makes of an assessment. Limits in major units, None where affordability is unknown.

    `limit_instalment` holds for the stressed instalment. `cause` tells why it was declined: for its risk, which no
    better band would have helped, or for affordability; None where it was not.
    """

    grade: str
    action: str
    limit_percent: int
    limit_instalment: Decimal | None
    limit: Decimal | None
    cause: Literal["score", "affordability"] | None


def combine(matrix: Matrix, grade: str, assessment: Assessment, *, currency: str) -> Outcome:
    """Look the cell up, and take the limits down to its share."""
    row = matrix.cells[grade]
    cell = row[assessment.band]

    def share(largest: Decimal | None) -> Decimal | None:
        step = Decimal(1).scaleb(-DIGITS[currency])
        part = None if largest is None else largest * cell.limit_percent / 100
        return part.quantize(step, rounding=ROUND_DOWN) if part is not None else None

    return Outcome(
        grade=cell.grade,
        action=cell.action,
        limit_percent=cell.limit_percent,
        limit_instalment=share(assessment.largest_instalment),
        limit=share(assessment.largest_amount),
        cause=_cause(row, cell),
    )


def _cause(row: dict[str, Cell], cell: Cell) -> Literal["score", "affordability"] | None:
    if cell.action != "decline":
        return None
    return "score" if row["comfortable"].action == "decline" else "affordability"


def document_of(matrix: Matrix) -> bytes:
    """Return the matrix as canonical JSON: what people approve, byte for byte."""
    return msgspec.json.encode(matrix, order="sorted")


def digest_of(matrix: Matrix) -> str:
    """Return the SHA-256 of the document, in hex."""
    return hashlib.sha256(document_of(matrix)).hexdigest()


def read_matrix(document: bytes) -> Matrix:
    """Read a document; msgspec's ValidationError or DecodeError where it is none."""
    return msgspec.json.decode(document, type=Matrix)


def faults(matrix: Matrix) -> list[FieldError]:
    """Return everything that is wrong with a matrix, by the pointer of the cell; a whole one is looked at further."""
    return list(_gaps(matrix)) or [*_unaffordable(matrix), *_disorders(matrix)]


def _gaps(matrix: Matrix) -> Iterator[FieldError]:
    for grade, row in matrix.cells.items():
        if grade not in GRADES:
            yield FieldError(f"/cells/{grade[:20]}", "unknown_grade", f"Grades are {', '.join(GRADES)}.")
        for band in row.keys() - set(BANDS):
            yield FieldError(f"/cells/{grade[:20]}/{band[:20]}", "unknown_band", f"Bands are {', '.join(BANDS)}.")
    for grade, band in product(GRADES, BANDS):
        if band not in matrix.cells.get(grade, {}):
            yield FieldError(f"/cells/{grade}/{band}", "missing", "Give this cell.")


def _unaffordable(matrix: Matrix) -> Iterator[FieldError]:
    for grade, band in product(GRADES, BANDS):
        cell, place = matrix.cells[grade][band], f"/cells/{grade}/{band}"
        if band in NEVER_APPROVED and cell.action == "approve":
            yield FieldError(place, "not_affordable", "Review or decline: the amount asked for is not affordable.")
        if GRADES.index(cell.grade) < GRADES.index(grade):
            yield FieldError(place, "better_grade", f"Grade {grade} or worse: no matrix makes a risk smaller.")
        if cell.action == "decline" and cell.limit_percent:
            yield FieldError(place, "limit_of_a_decline", "Give a limit of 0: nothing is lent where it is declined.")


def _disorders(matrix: Matrix) -> Iterator[FieldError]:
    worse = [((grade, better), (grade, band)) for grade in GRADES for better, band in pairwise(BANDS)]
    worse += [((better, band), (grade, band)) for band in BANDS for better, grade in pairwise(GRADES)]
    for good, bad in worse:
        above, below = (matrix.cells[grade][band] for grade, band in (good, bad))
        if any(least < most for least, most in zip(_standing(above), _standing(below), strict=True)):
            told = f"Let it be no better than {good[0]}, {good[1]}."
            yield FieldError(f"/cells/{bad[0]}/{bad[1]}", "not_monotone", told)


def _standing(cell: Cell) -> tuple[int, int, int]:
    return -GRADES.index(cell.grade), -ACTIONS.index(cell.action), cell.limit_percent


def _shipped(rows: dict[str, str]) -> Matrix:
    """Make a matrix of rows such as "approve 100, review 90, …" in the order of BANDS; grades stay what they are."""
    table: dict[str, dict[str, Cell]] = {}
    for grade, row in rows.items():
        parts = (part.split() for part in row.split(","))
        cells = [{"grade": grade, "action": action, "limit_percent": int(percent)} for action, percent in parts]
        table[grade] = dict(zip(BANDS, msgspec.convert(cells, list[Cell]), strict=True))
    return Matrix(table)


# Where a line has no matrix of its own. Judgement, as the parameters are.
CURRENT_SHIPPED = "2026-11"
SHIPPED: dict[str, Matrix] = {
    "2026-11": _shipped({
        # comfortable, tight, unknown, short, overstretched
        "A": "approve 100, approve 100, review 100, review 100, decline 0",
        "B": "approve 100, approve 100, review 100, review 100, decline 0",
        "C": "approve 100, review 90, review 90, review 90, decline 0",
        "D": "review 80, review 70, review 70, decline 0, decline 0",
        "E": "decline 0, decline 0, decline 0, decline 0, decline 0",
    })
}  # fmt: skip
