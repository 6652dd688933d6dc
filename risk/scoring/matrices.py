"""Policy matrices of the lines: drafted by one, approved by two others, live; and which one decides."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from hub import audit, outbox
from hub.audit import user_actor
from hub.db.quick import Part
from hub.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from hub.events import MatrixApproved, MatrixDrafted, MatrixPromoted
from risk.scoring import affordability
from risk.scoring.affordability import CURRENT_SHIPPED, SHIPPED, Matrix
from risk.scoring.flows import MATRIX
from risk.scoring.models import MatrixApproval, PolicyMatrix
from risk.scoring.queries import locked_line

APPROVALS_NEEDED = 2
_LIVE = """state = 'live' AND line_id IN (SELECT id FROM scoring_modelline WHERE name = %s)
AND (institution_id = %s OR institution_id IS NULL)"""


@dataclass(frozen=True, slots=True)
class InForce:
    """The matrix that decides on a line: the line's own by its number, or the shipped one by its version."""

    name: str
    sha256: str
    matrix: Matrix


def draft_matrix(*, line_id: UUID, matrix: Matrix, user_id: UUID, now: datetime) -> PolicyMatrix:
    """Draft a matrix for a line; its author can never approve it. `Invalid` names every fault by its cell."""
    _refuse_unsound(matrix)
    with transaction.atomic():
        line = locked_line(line_id=line_id)
        highest = line.matrices.aggregate(highest=Max("number"))["highest"] or 0
        made = PolicyMatrix.draft(
            line_id=line.id, institution_id=line.institution_id, number=highest + 1, matrix=matrix, author_id=user_id,
            now=now,
        )  # fmt: skip
        _tell_drafted(made, user_id, now)
    return made


def revise_matrix(*, matrix_id: UUID, matrix: Matrix, user_id: UUID, now: datetime) -> PolicyMatrix:
    """Write a draft anew: approvals of what it said before count no more. `Forbidden` to all but its author."""
    _refuse_unsound(matrix)
    with transaction.atomic():
        known = _locked_matrix(matrix_id)
        if known.author_id != user_id:
            raise Forbidden("Only its author changes a draft: draft another one, which two others then approve.")
        if known.state != MATRIX.first:
            raise Conflict(f"This matrix is {known.state}: what it says stays as it is.")
        known.rewrite(matrix)
        _tell_drafted(known, user_id, now)
    return known


def approve_matrix(*, matrix_id: UUID, sha256: str, user_id: UUID, now: datetime) -> PolicyMatrix:
    """Approve the bytes of this SHA-256; the second approval sets the matrix live, and the one before it retires.

    `Forbidden` to its author, `Conflict` twice to one person, and where it says something else by now. A refused try
    stays in the audit.
    """
    try:
        with transaction.atomic():
            return _approve(matrix_id, sha256, user_id, now)
    except (Conflict, Forbidden) as error:
        audit.record(
            actor=user_actor(user_id), action="matrix.approval_refused", subject_type="policy_matrix",
            subject_id=matrix_id, details={"code": error.code, "detail": error.detail}, now=now,
        )  # fmt: skip
        raise


def _approve(matrix_id: UUID, sha256: str, user_id: UUID, now: datetime) -> PolicyMatrix:
    matrix = _locked_matrix(matrix_id)
    _refuse_approval(matrix, sha256, user_id)
    MatrixApproval.objects.create(
        institution_id=matrix.institution_id, matrix=matrix, user_id=user_id, author_id=matrix.author_id,
        sha256=sha256, at=now,
    )  # fmt: skip
    approved = MatrixApproved(
        matrix.id, matrix.institution_id, line_id=matrix.line_id, approver_id=user_id, sha256=sha256
    )  # fmt: skip
    outbox.publish(approved, actor=user_actor(user_id), now=now)
    if matrix.approvals.filter(sha256=sha256).count() >= APPROVALS_NEEDED:
        _promote(matrix, user_id, now)
    return matrix


def _refuse_approval(matrix: PolicyMatrix, sha256: str, user_id: UUID) -> None:
    if matrix.author_id == user_id:
        raise Forbidden("Whoever wrote a matrix cannot approve it: two other people must.")
    if matrix.state != MATRIX.first:
        raise Conflict(f"This matrix is {matrix.state}: only a draft waits for approval.")
    if sha256 != matrix.sha256 or not _sound(matrix):
        raise Conflict("This matrix was changed since you read it: read it again.")
    if matrix.approvals.filter(user_id=user_id, sha256=sha256).exists():
        raise Conflict("You have approved this matrix already: the second approval must be somebody else's.")


def _sound(row: PolicyMatrix) -> bool:
    try:
        return not affordability.faults(row.matrix())
    except ValueError:
        return False


def _promote(matrix: PolicyMatrix, user_id: UUID, now: datetime) -> None:
    previous = PolicyMatrix.objects.filter(line_id=matrix.line_id, state=PolicyMatrix.LIVE).first()
    if previous is not None:
        previous.become("retired")
    matrix.become(PolicyMatrix.LIVE)
    promoted = MatrixPromoted(
        matrix.id, matrix.institution_id, line_id=matrix.line_id, previous_id=previous.id if previous else None,
        sha256=matrix.sha256,
    )  # fmt: skip
    outbox.publish(promoted, actor=user_actor(user_id), now=now)


def live_part(*, line_name: str, institution_id: UUID | None) -> Part:
    """Return the live matrices of the lines of this name, the institution's and the platform's, as a part to fetch."""
    return Part(PolicyMatrix, _LIVE, (line_name, institution_id))


def in_force(live: Iterable[PolicyMatrix], *, institution_id: UUID | None) -> InForce:
    """Return the matrix of the line of this owner among the `live` ones; the shipped one where it has none.

    `Unavailable` where its bytes were changed: nothing may be decided by it then.
    """
    for row in live:
        if row.institution_id == institution_id:
            return InForce(str(row.number), row.sha256, _read(row))
    return shipped()


def shipped() -> InForce:
    """Return the matrix that decides where a line has none of its own."""
    matrix = SHIPPED[CURRENT_SHIPPED]
    return InForce(CURRENT_SHIPPED, affordability.digest_of(matrix), matrix)


def by_digest(sha256: str) -> Matrix | None:
    """Return a matrix that decided once by its SHA-256, shipped or approved; None where no such bytes are left."""
    for matrix in SHIPPED.values():
        if affordability.digest_of(matrix) == sha256:
            return matrix
    row = PolicyMatrix.objects.filter(sha256=sha256).exclude(state=MATRIX.first).first()
    return row.matrix() if row and _sound(row) else None


def _read(row: PolicyMatrix) -> Matrix:
    try:
        return row.matrix()
    except ValueError as error:
        raise Unavailable(
            "The policy matrix of this line does not read: approve one anew.", retry_after_s=60
        ) from error


def _refuse_unsound(matrix: Matrix) -> None:
    if wrong := affordability.faults(matrix):
        raise Invalid(wrong)


def _tell_drafted(row: PolicyMatrix, user_id: UUID, now: datetime) -> None:
    drafted = MatrixDrafted(row.id, row.institution_id, line_id=row.line_id, number=row.number, sha256=row.sha256)
    outbox.publish(drafted, actor=user_actor(user_id), now=now)


def _locked_matrix(matrix_id: UUID) -> PolicyMatrix:
    line_id = PolicyMatrix.objects.filter(id=matrix_id).values_list("line_id", flat=True).first()
    if line_id is None:
        raise NotFound("There is no such policy matrix.")
    locked_line(line_id=line_id)
    return PolicyMatrix.objects.get(id=matrix_id)
